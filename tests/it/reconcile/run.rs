//! One run: what is recorded, and what is not.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use portraitd::emulator::Order;
use portraitd::reconcile::{News, Which};
use portraitd::store::erasure::Whom;
use portraitd::store::mark::{Due, Mark};
use serde_json::Value;

use super::rig::{Rig, figures};
use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{APP, NICK, RECEIVED, append, callback, callbacks};

const LEVEL: &str = "Tag_Profile_IM_Level";
const ALL: Which = Which::All(None);

on_both_stores! {
    async fn a_first_sight_is_a_baseline_a_dropped_change_is_missed_once_and_then_there_is_nothing(db: Database) {
        let rig = Rig::on(&db).await;
        append(&rig.store, &[callback("a").nick("1").item(LEVEL, "\"7\"").build()]).await;
        rig.set("a", NICK, "1");
        rig.set("a", LEVEL, 7);
        rig.set("a", "Tag_Profile_IM_Image", "http://x");
        let ran = rig.run(&ALL).await;
        assert_eq!(figures(&ran), [1, 1, 0, 0, 0, 0], "{ran:?}");
        assert_eq!(ran.1, [r#"a Tag_Profile_IM_Image - "http://x""#]);

        rig.set("a", NICK, "2");
        rig.set("a", LEVEL, 0);
        rig.set("a", "Tag_Profile_IM_Image", Value::Null);
        let ran = rig.run(&Which::Since(RECEIVED)).await;
        assert_eq!(figures(&ran), [1, 0, 3, 0, 0, 0], "{ran:?}");
        assert_eq!(rig.profile("a").await, [
            "Tag_Profile_IM_Image null reconcile", r"Tag_Profile_IM_Level 0 reconcile", r#"Tag_Profile_IM_Nick "2" reconcile"#,
        ]);
        let bodies = match db.is_postgres() {
            true => "SELECT convert_from(body, 'UTF8') FROM callbacks WHERE kind = 'reconcile'",
            false => "SELECT CAST(body AS TEXT) FROM callbacks WHERE kind = 'reconcile'",
        };
        let body = db.texts(bodies).await.remove(0);
        assert!(body.starts_with(r#"{"CallbackCommand":"Profile.CallbackPortraitSet","From_Account":"a","EventTime":"#), "{body}");
        for which in [ALL, Which::Since(RECEIVED), Which::Named(vec!["a".to_owned()])] {
            assert_eq!(figures(&rig.run(&which).await), [1, 0, 0, 0, 0, 0]);
        }
        rig.assert_holds().await;
    }

    async fn a_callback_that_comes_while_the_run_is_under_way_is_no_miss(db: Database) {
        let rig = Rig::on(&db).await;
        append(&rig.store, &[callback("a").nick("1").build(), callback("b").nick("1").build()]).await;
        rig.set("a", NICK, "2");
        rig.set("b", NICK, "2");
        let (has_looked, has_come) = (AtomicBool::new(false), AtomicBool::new(false));
        let is_spooled = || !has_come.load(Ordering::SeqCst);
        let hear = |news: &News<'_>| has_looked.fetch_or(matches!(news, News::Looked(_)), Ordering::SeqCst);
        let coming = async {
            while !has_looked.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
            append(&rig.store, &[callback("a").nick("2").at(RECEIVED).build()]).await;
            has_come.store(true, Ordering::SeqCst);
        };
        let (ran, ()) = tokio::join!(rig.run_with(&ALL, "", &is_spooled, |news| { hear(news); }), coming);
        assert_eq!(figures(&ran), [2, 0, 1, 0, 0, 0], "{ran:?}");
        assert_eq!(ran.1, [r#"b Tag_Profile_IM_Nick "1" "2""#]);
    }

    async fn an_account_that_goes_on_changing_is_unsettled(db: Database) {
        let rig = Rig::on(&db).await;
        append(&rig.store, &[callback("a").nick("0").build()]).await;
        rig.set("a", NICK, "1");
        let count = AtomicU32::new(1);
        let changes = || {
            rig.set("a", NICK, (count.fetch_add(1, Ordering::SeqCst) + 1).to_string());
            false
        };
        let ran = rig.run_with(&ALL, "", &changes, |_| ()).await;
        assert_eq!(figures(&ran), [1, 0, 0, 1, 0, 0], "{ran:?}");
        assert_eq!(db.count("SELECT count(*) FROM callbacks").await, 1);
    }

    async fn what_the_vendor_does_not_know_or_refuses_is_named_and_stops_nothing_else(db: Database) {
        let rig = Rig::on(&db).await;
        append(&rig.store, &[
            callback("a").nick("1").item("Tag_Profile_Custom_Gone", "\"x\"").item("Junk", "1").build(),
            callback("b").nick("1").build(),
            callback("gone").nick("1").build(),
            callback("小").nick("1").build(),
        ]).await;
        rig.set("a", NICK, "2");
        rig.set("b", NICK, "2");
        rig.vendor.order(Order::new("portrait_get", 40006).account("b").times(100));
        let ran = rig.run(&ALL).await;
        assert_eq!(figures(&ran), [4, 0, 1, 0, 1, 2], "{ran:?}");
        let mut told = ran.1.join("\n");
        for text in ["Tag_Profile_Custom_Gone left out", "Junk left out", "gone unknown", "b failed: portrait_get: 40006", "小 failed: ", r#"a Tag_Profile_IM_Nick "1" "2""#] {
            assert!(told.contains(text), "{text}: {told}");
            told = told.replacen(text, "", 1);
        }
    }

    async fn a_dry_run_says_the_same_and_records_nothing(db: Database) {
        let mut rig = Rig::on(&db).await;
        append(&rig.store, &[callback("a").nick("1").build()]).await;
        rig.set("a", NICK, "2");
        rig.settings.dry_run = true;
        let ran = rig.run(&ALL).await;
        assert_eq!(figures(&ran), [1, 0, 1, 0, 0, 0], "{ran:?}");
        assert_eq!(db.count("SELECT count(*) FROM callbacks").await, 1);
    }

    async fn an_erased_account_is_not_brought_back_unless_it_is_named(db: Database) {
        let rig = Rig::on(&db).await;
        append(&rig.store, &[callback("a").nick("1").build(), callback("b").nick("1").build()]).await;
        rig.set("a", NICK, "2");
        rig.set("b", NICK, "1");
        rig.store.erase(&Whom { app: APP, account: "a".to_owned(), as_operator: false }, RECEIVED).await.expect("erased");
        for which in [ALL, Which::Since(0)] {
            assert_eq!(figures(&rig.run(&which).await), [1, 0, 0, 0, 0, 0]);
        }
        let ran = rig.named(&["a"]).await;
        assert_eq!((figures(&ran), ran.1.clone()), ([1, 1, 0, 0, 0, 0], vec![r#"a Tag_Profile_IM_Nick - "2""#.to_owned()]));
        rig.assert_holds().await;
    }

    async fn two_runs_at_once_record_a_miss_once(db: Database) {
        let (one, mut other) = (Rig::on(&db).await, Rig::on(&db).await);
        other.client = one.client.clone();
        append(&one.store, &callbacks(300)).await;
        for n in 0..300 {
            one.set(&format!("id{n}"), NICK, "missed");
        }
        let (first, second) = tokio::join!(one.run(&ALL), other.run(&ALL));
        assert_eq!(figures(&first)[2] + figures(&second)[2], 300, "{:?} {:?}", first.0, second.0);
        assert_eq!(figures(&first)[3] + figures(&second)[3], 0);
        assert_eq!(db.count("SELECT count(*) FROM callbacks").await, 600);
        one.assert_holds().await;
    }

    async fn a_run_that_was_interrupted_goes_on_where_it_was(db: Database) {
        let rig = Rig::on(&db).await;
        let entries = callbacks(5200);
        for entries in entries.chunks(2000) {
            append(&rig.store, entries).await;
        }
        for n in 0..5200 {
            rig.set(&format!("id{n}"), NICK, format!("nick {n}"));
        }
        let mark = Mark { app: APP, name: "command" };
        let (round, after) = rig.store.begin_mark(mark, Due::NOW).await.expect("begun").expect("due");
        assert_eq!(after, "");
        let break_off = |news: &News<'_>| {
            if matches!(news, News::Looked(5000)) {
                rig.vendor.order(Order::new("portrait_get", 70003));
            }
        };
        let ran = rig.run_with(&Which::All(Some(round)), "", &|| false, break_off).await;
        assert!(ran.0.expect_err("it stops").to_string().contains("70003"));
        let (again, after) = rig.store.begin_mark(mark, Due::NOW).await.expect("begun").expect("due");
        assert!(again == round && after.starts_with("id"), "{after}");
        let ran = rig.run_with(&Which::All(Some(round)), &after, &|| false, |_| ()).await;
        assert_eq!(figures(&ran), [200, 0, 0, 0, 0, 0]);
    }
}
