//! What clocks, logs and vendors may do besides: the log and the vendor agree in the end, and nothing is found twice.

use portraitd::emulator::model::CustomField;
use portraitd::reconcile::{News, Which};
use serde_json::{Value, json};

use super::rig::{Rig, figures};
use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{APP, NICK, append, callback, callbacks};

const ALL: Which = Which::All(None);
const CUSTOM: &str = "Tag_Profile_Custom_A";
const MINUTE: i64 = 60_000;

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("before the year 292278994")
}

on_both_stores! {
    async fn a_value_that_comes_back_is_recorded_each_time_also_where_the_vendors_clock_is_ahead(db: Database) {
        let rig = Rig::on(&db).await;
        let ahead = now() + 4 * MINUTE;
        append(&rig.store, &[callback("a").at(ahead).received(now()).nick("0").build()]).await;
        for nick in ["1", "2", "1", "2"] {
            rig.set("a", NICK, nick);
            assert_eq!(figures(&rig.run(&ALL).await), [1, 0, 1, 0, 0, 0], "{nick}");
            assert_eq!(rig.profile("a").await, [format!("{NICK} \"{nick}\" reconcile")]);
            assert_eq!(figures(&rig.run(&ALL).await), [1, 0, 0, 0, 0, 0], "{nick}");
        }
        let told = callback("a").at(ahead + 1_000).received(now()).nick("3").build();
        append(&rig.store, &[told]).await;
        assert_eq!(rig.profile("a").await, [format!("{NICK} \"3\" callback")]);
        rig.assert_holds().await;
    }

    async fn a_late_callback_lies_before_what_was_reconciled(db: Database) {
        let rig = Rig::on(&db).await;
        append(&rig.store, &[callback("a").at(now() - 9_000).received(now()).nick("1").build()]).await;
        rig.set("a", NICK, "3");
        assert_eq!(figures(&rig.run(&ALL).await)[2], 1);
        for (before, nick) in [(5_000, "3"), (6_000, "2")] {
            append(&rig.store, &[callback("a").at(now() - before).received(now()).nick(nick).build()]).await;
            assert_eq!(rig.profile("a").await, [format!("{NICK} \"3\" reconcile")]);
        }
        assert_eq!(figures(&rig.run(&ALL).await), [1, 0, 0, 0, 0, 0]);
    }

    async fn where_the_vendors_clock_is_behind_the_next_run_puts_it_right(db: Database) {
        let rig = Rig::on(&db).await;
        append(&rig.store, &[callback("a").at(now() - 4 * MINUTE).received(now()).nick("1").build()]).await;
        rig.set("a", NICK, "2");
        assert_eq!(figures(&rig.run(&ALL).await)[2], 1);
        rig.set("a", NICK, "3");
        append(&rig.store, &[callback("a").at(now() - 3 * MINUTE).received(now()).nick("3").build()]).await;
        assert_eq!(figures(&rig.run(&ALL).await)[2], 1, "docs/reconciling.md says so");
        assert_eq!(rig.profile("a").await, [format!("{NICK} \"3\" reconcile")]);
        assert_eq!(figures(&rig.run(&ALL).await)[2], 0);
    }

    async fn what_changes_between_the_looks_is_recorded_as_it_is_then(db: Database) {
        let rig = Rig::on(&db).await;
        append(&rig.store, &[callback("a").nick("1").build()]).await;
        rig.set("a", NICK, "2");
        let hear = |news: &News<'_>| if matches!(news, News::Looked(_)) { rig.set("a", NICK, "3") };
        let ran = rig.run_with(&ALL, "", &|| false, hear).await;
        assert_eq!((figures(&ran), ran.1.clone()), ([1, 0, 1, 0, 0, 0], vec![format!("a {NICK} \"1\" \"3\"")]));
        assert_eq!(db.count("SELECT count(*) FROM callbacks").await, 2);
    }

    async fn any_value_is_compared_by_what_it_says_and_recorded_once(db: Database) {
        let rig = Rig::on(&db).await;
        rig.vendor.with_model(|model| model.custom_fields.push(CustomField::new("A")));
        append(&rig.store, &[
            callback("deep").item(CUSTOM, "1").build(),
            callback("huge").item(CUSTOM, "1").build(),
            callback("odd").item(CUSTOM, "1").build(),
            callback("same").item(CUSTOM, r#"{"b": [1, 2.50], "a": "\u5c0f"}"#).build(),
        ]).await;
        let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
        let huge = Value::from("大".repeat(300_000));
        let odd = Value::from("\0\u{2028}\"\\\u{1F600}");
        for (account, value) in [("deep", &deep), ("huge", &huge), ("odd", &odd), ("same", &json!({"a": "小", "b": [1, 2.5]}))] {
            rig.set(account, CUSTOM, value.clone());
        }
        let ran = rig.run(&ALL).await;
        assert_eq!(figures(&ran), [4, 0, 3, 0, 0, 0]);
        for (account, value) in [("deep", deep), ("huge", huge), ("odd", odd)] {
            let profile = rig.store.profile(APP, account, now() + MINUTE).await.expect("a profile");
            assert_eq!(serde_json::from_str::<Value>(&profile[0].value).expect("JSON"), value);
        }
        assert_eq!(figures(&rig.run(&ALL).await), [4, 0, 0, 0, 0, 0]);
        rig.assert_holds().await;
    }

    async fn many_accounts_that_are_gone_take_no_call_each(db: Database) {
        let rig = Rig::on(&db).await;
        append(&rig.store, &callbacks(600)).await;
        rig.set("id0", NICK, "nick 0");
        assert_eq!(figures(&rig.run(&ALL).await), [600, 0, 0, 0, 599, 0]);
        assert_eq!(rig.vendor.calls()["portrait_get"].calls, 6);
    }

    async fn another_apps_entries_of_the_same_account_say_nothing(db: Database) {
        let rig = Rig::on(&db).await;
        append(&rig.store, &[
            callback("a").nick("1").build(),
            callback("a").app(APP + 1).at(now()).nick("elsewhere").item("Tag_Profile_Custom_Elsewhere", "1").build(),
            callback("b").app(APP + 1).nick("elsewhere").build(),
        ]).await;
        rig.set("a", NICK, "1");
        rig.set("b", NICK, "2");
        assert_eq!(figures(&rig.run(&ALL).await), [1, 0, 0, 0, 0, 0]);
        let moves = |news: &News<'_>| if matches!(news, News::Looked(_)) { rig.set("a", NICK, "2") };
        rig.set("a", NICK, "2");
        assert_eq!(figures(&rig.run_with(&ALL, "", &|| false, moves).await), [1, 0, 1, 0, 0, 0]);
    }

    async fn fields_with_odd_names_are_left_out_and_hide_no_other(db: Database) {
        let rig = Rig::on(&db).await;
        let odd = ["'; DROP TABLE callbacks; --", "Tag \\u2028", "*", "%", "Tag_Profile_IM_Nick ", "標籤", "tag_profile_im_nick"];
        let entry = odd.iter().fold(callback("a").nick("1"), |entry, tag| entry.item(tag, "1")).item(&"x".repeat(512), "1");
        append(&rig.store, &[entry.build()]).await;
        rig.set("a", NICK, "2");
        let ran = rig.run(&ALL).await;
        assert_eq!(figures(&ran), [1, 0, 1, 0, 0, 0], "{ran:?}");
        assert_eq!(ran.1.iter().filter(|line| line.ends_with("left out")).count(), odd.len() + 1, "{:?}", ran.1);
    }
}
