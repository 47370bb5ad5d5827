//! Each fault, and what the real service makes of it.

use portraitd::emulator::{Faults, Options};
use serde_json::{Value, json};

use super::Vendor;
use super::callbacks::{PATIENCE, pair};
use crate::harness::db::{Database, eventually};
use crate::harness::service::Service;

async fn with(db: &Database, faults: Faults) -> (Service, Vendor) {
    pair(db, Options { faults, any_account: true, seed: 7, ..Options::default() }).await
}

/// The status and the body of the first answer.
async fn answer_to(db: &Database, faults: Faults) -> (Service, Value, Value) {
    let (service, vendor) = with(db, faults).await;
    vendor.nick("id1", "x").await;
    assert!(vendor.emulator.drain(PATIENCE).await);
    let (_, said) = vendor.control("GET", "/callbacks", json!(null)).await;
    let answer = &said["callbacks"][0]["answers"][0];
    (service, answer["status"].clone(), said["callbacks"][0]["faults"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_sign_is_401_and_leaves_nothing() {
    let db = Database::sqlite().await;
    let (service, status, faults) = answer_to(&db, Faults { wrong_sign: 1.0, ..Faults::default() }).await;
    assert_eq!((status, faults), (json!(401), json!(["wrong_sign"])));
    assert!(service.changes().is_empty() && service.unreadable().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_skewed_clock_is_401_and_kept_as_unreadable_because_it_may_be_ours() {
    for skew_secs in [-120, 120] {
        let db = Database::sqlite().await;
        let (service, status, faults) = answer_to(&db, Faults { skew_secs, ..Faults::default() }).await;
        assert_eq!((status, faults), (json!(401), json!(["skew_secs"])));
        assert_eq!((service.changes().len(), service.unreadable().len()), (0, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_app_is_403() {
    let db = Database::sqlite().await;
    let (service, status, faults) = answer_to(&db, Faults { wrong_app: 1.0, ..Faults::default() }).await;
    assert_eq!((status, faults), (json!(403), json!(["wrong_app"])));
    assert!(service.changes().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_body_is_400_and_kept_as_unreadable() {
    let db = Database::sqlite().await;
    let (service, status, faults) = answer_to(&db, Faults { junk_body: 1.0, ..Faults::default() }).await;
    assert_eq!((status, faults), (json!(400), json!(["junk_body"])));
    assert_eq!((service.changes().len(), service.unreadable().len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_callback_and_a_slow_one_are_recorded() {
    for faults in [
        Faults { delay: 1.0, delay_ms: 50, ..Faults::default() },
        Faults { slow: 1.0, slow_ms: 300, ..Faults::default() },
    ] {
        let db = Database::sqlite().await;
        let (service, status, _) = answer_to(&db, faults).await;
        assert_eq!((status, service.changes().len()), (json!(200), 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_ones_are_told_to_those_who_ask_and_missing_in_the_log() {
    let db = Database::sqlite().await;
    let (service, vendor) = with(&db, Faults { drop: 0.3, duplicate: 0.3, reorder: 0.3, ..Faults::default() }).await;
    for n in 0..60 {
        vendor.nick(["a", "b", "c"][n % 3], &format!("nick {n}")).await;
    }
    assert!(vendor.emulator.drain(PATIENCE).await);
    let named = async |fault: &str| {
        let (_, said) = vendor.control("GET", &format!("/callbacks?fault={fault}"), json!(null)).await;
        said["callbacks"].as_array().expect("a list").clone()
    };
    let (dropped, duplicated) = (named("drop").await, named("duplicate").await);
    let counters = vendor.emulator.counters();
    assert_eq!((counters.dropped, counters.duplicated), (dropped.len() as u64, duplicated.len() as u64));
    assert!(counters.dropped > 5 && counters.duplicated > 5 && counters.reordered > 5, "{counters:?}");
    assert_eq!(counters.answered, counters.fired - counters.dropped + counters.duplicated);
    let mut changes = service.changes();
    changes.reverse();
    assert_eq!(changes.len() as u64, 60 - counters.dropped, "a duplicate is recorded once");
    let recorded: Vec<&Value> = changes.iter().map(|change| &change["new"]).collect();
    assert!(dropped.iter().all(|callback| !recorded.contains(&&callback["items"][0]["Value"])));
    let times: Vec<&str> = changes.iter().filter_map(|change| change["event_time"].as_str()).collect();
    assert!(!times.is_sorted(), "some came after later ones");
}

/// As long as others keep coming there is no lull, in which those held back are sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_all_are_to_be_reordered_they_are_sent_all_the_same() {
    let db = Database::sqlite().await;
    let faults = Faults { reorder: 1.0, ..Faults::default() };
    let (_service, vendor) =
        pair(&db, Options { faults, any_account: true, connections: 1, rates: false, ..Options::default() }).await;
    eventually("callbacks between callbacks", async || {
        for n in 0..10 {
            vendor.nick("id1", &format!("nick {n}")).await;
        }
        vendor.emulator.counters().sent > 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_out_of_all_bounds_break_nothing() {
    let db = Database::sqlite().await;
    for skew_secs in [i64::MIN, i64::MAX] {
        let (_service, status, _) = answer_to(&db, Faults { skew_secs, ..Faults::default() }).await;
        assert_eq!(status, json!(401));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_are_set_and_reset_while_it_runs() {
    let db = Database::sqlite().await;
    let (service, vendor) = with(&db, Faults::default()).await;
    assert_eq!(vendor.control("PUT", "/faults", json!({"drop": 1.0})).await.0, 200);
    vendor.nick("id1", "lost").await;
    for wrong in [json!({"drop": 1.5}), json!({"dorp": 1.0}), json!({"drop": "x"})] {
        assert_eq!(vendor.control("PUT", "/faults", wrong.clone()).await.0, 400, "{wrong}");
    }
    assert_eq!(vendor.control("GET", "/faults", json!(null)).await.1["drop"], 1.0);
    assert_eq!(vendor.control("POST", "/reset", json!(null)).await.0, 200);
    assert_eq!(vendor.control("GET", "", json!(null)).await.1["callbacks"]["fired"], 0);
    vendor.nick("id1", "seen").await;
    let (status, drained) = vendor.control("POST", "/drain?timeout_ms=60000", json!(null)).await;
    assert_eq!((status, &drained["drained"]), (200, &json!(true)));
    assert_eq!(service.changes().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_consoles_check_is_answered_ok_and_recorded_nowhere() {
    let db = Database::sqlite().await;
    let (service, vendor) = with(&db, Faults::default()).await;
    for path in ["/console-check", "/console-check?with_app=true"] {
        let (status, said) = vendor.control("POST", path, json!(null)).await;
        assert_eq!((status, &said["verdict"], &said["status"]), (200, &json!("ok"), &json!(200)), "{said}");
    }
    assert!(service.changes().is_empty() && service.unreadable().is_empty());
}

#[tokio::test]
async fn a_web_page_cannot_steer_it() {
    let vendor = Vendor::with(&[]).await;
    let url = format!("{}/emulator/reset", vendor.emulator.base_url());
    for (name, value) in [("origin", "https://example.com"), ("host", "evil.example.com")] {
        let answer = vendor.http.post(&url).header(name, value).send().await.expect("it answers");
        assert_eq!(answer.status(), 403, "{name}");
    }
    let far = json!({"url": "http://example.com/"});
    assert_eq!(vendor.control("PUT", "/callback", far).await.0, 400);
    assert_eq!(vendor.control("PUT", "/callback", json!({"url": "http://127.0.0.1:1/"})).await.0, 200);
}
