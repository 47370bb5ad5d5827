//! The loop: 20,000 changes through `portrait_set`, callbacks lost, repeated and out of order, and what the log says afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use portraitd::emulator::{Emulator, Faults, Options};
use portraitd::reconcile::{News, Which};
use portraitd::tencent::Item;
use serde_json::{Value, json};
use std::sync::Mutex;

use super::rig::{Rig, client, figures};
use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{APP, NICK};
use crate::harness::service::Launch;

const CHANGES: usize = 20_000;
const ACCOUNTS: usize = 1_000;
/// Each keeps to 200 calls a second.
const CLIENTS: usize = 8;
const TAGS: [&str; 4] = [NICK, "Tag_Profile_IM_Level", "Tag_Profile_IM_Image", "Tag_Profile_IM_SelfSignature"];

fn value(tag: &str, n: usize) -> Value {
    if tag == "Tag_Profile_IM_Level" { json!(n % 7) } else { json!(format!("value {}", n % 11)) }
}

/// Integers and their text are the same, and so are 0 and nothing.
fn plain(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if ["0", "null"].contains(&text.as_str()) { String::new() } else { text }
}

/// What the changes are and which callbacks go wrong; `LOOP_SEED` for another one.
fn seed() -> u64 {
    std::env::var("LOOP_SEED").map_or(7, |seed| seed.parse().expect("LOOP_SEED is a number"))
}

/// Which account, and what of it.
fn changes(seed: u64) -> Vec<(usize, Item)> {
    let mut state = seed;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut change = || {
        let (account, tag) = (next(ACCOUNTS), TAGS[next(TAGS.len())]);
        (account, Item { tag: tag.to_owned(), value: value(tag, next(77)) })
    };
    (0..CHANGES).map(|_| change()).collect()
}

/// All of them through `portrait_set`, an account's in their order.
async fn make(vendor: &Emulator, names: &[String], changes: &[(usize, Item)]) {
    let clients = (0..CLIENTS).map(|number| async move {
        let client = client(vendor);
        for (account, item) in changes.iter().filter(|(account, _)| account % CLIENTS == number) {
            client.portrait_set(&names[*account], std::slice::from_ref(item)).await.expect("set");
        }
    });
    futures_util::future::join_all(clients).await;
}

on_both_stores! {
    async fn after_the_loop_the_log_is_what_the_vendor_is_and_the_misses_are_the_drops_that_count(db: Database) {
        let rig = Rig::with(&db, Options { rates: false, seed: seed(), connections: 16, ..Options::default() }).await;
        let service = Launch::on(&db).app(APP, &["token"]).start().await;
        // Every value is known before, so that no drop is a first sight.
        for n in 0..ACCOUNTS {
            for tag in TAGS {
                rig.set(&format!("id{n}"), tag, if tag == "Tag_Profile_IM_Level" { json!(99) } else { json!("before") });
            }
        }
        let names: Vec<String> = (0..ACCOUNTS).map(|n| format!("id{n}")).collect();
        let first = rig.run(&Which::Named(names.clone())).await;
        assert_eq!(figures(&first), [1000, 4000, 0, 0, 0, 0]);

        rig.vendor.set_callback(Some(&service.url), Some("token"));
        rig.vendor.set_faults(Faults { drop: 0.02, duplicate: 0.05, reorder: 0.05, ..Faults::default() });
        make(&rig.vendor, &names, &changes(seed())).await;
        assert!(rig.vendor.drain(Duration::from_secs(120)).await, "{:?}", rig.vendor.counters());
        assert_eq!(rig.vendor.calls()["portrait_set"].calls, CHANGES as u64);
        let counters = rig.vendor.counters();
        assert_eq!((counters.fired, counters.overflowed, counters.refused, counters.failed, counters.timed_out), (20_000, 0, 0, 0, 0));
        assert!(counters.dropped > 200 && counters.duplicated > 500 && counters.reordered > 500, "{counters:?}");

        // What the log must lack: where the newest that came does not say what the newest says.
        let mut told: BTreeMap<(String, String), String> = BTreeMap::new();
        let mut callbacks = rig.vendor.callbacks(|_| true);
        callbacks.sort_by_key(|callback| (callback.change.event_time, callback.number));
        for callback in callbacks.iter().filter(|callback| !callback.faults.contains(&"drop")) {
            for item in &callback.change.items {
                told.insert((callback.change.account.clone(), item.tag.clone()), plain(&item.value));
            }
        }
        let mut lacking = BTreeSet::new();
        for (account, kept) in rig.vendor.model().accounts {
            for (tag, value) in kept.profile {
                let before = if tag == "Tag_Profile_IM_Level" { "99" } else { "before" };
                let key = (account.clone(), tag);
                if told.get(&key).map_or(before, String::as_str) != plain(&value) {
                    lacking.insert(key);
                }
            }
        }
        assert!(lacking.len() > 30, "{}", lacking.len());

        let missed = Mutex::new(BTreeSet::new());
        let ran = rig.run_with(&Which::All(None), "", &|| false, |news| {
            if let News::Found { account, differences } = news {
                let mut missed = missed.lock().expect("whole");
                for found in differences.iter() {
                    assert!(found.is_missed() && missed.insert(((*account).to_owned(), found.tag.clone())), "{account} {found:?}");
                }
            }
        }).await;
        assert_eq!(figures(&ran), [1000, 0, lacking.len() as u64, 0, 0, 0]);
        assert_eq!(missed.into_inner().expect("whole"), lacking);

        for (account, kept) in rig.vendor.model().accounts {
            let profile = rig.store.profile(APP, &account, 253_402_300_799_999).await.expect("a profile");
            let log: BTreeMap<_, _> = profile.iter().map(|i| (i.tag.clone(), plain(&serde_json::from_str(&i.value).expect("JSON")))).collect();
            let vendor: BTreeMap<_, _> = kept.profile.iter().map(|(tag, value)| (tag.clone(), plain(value))).collect();
            assert_eq!(log, vendor, "{account}");
        }
        assert_eq!(figures(&rig.run(&Which::All(None)).await), [1000, 0, 0, 0, 0, 0]);
        rig.assert_holds().await;
    }
}
