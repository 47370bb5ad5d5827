//! What is recorded of a good callback, once, and what is kept of one that cannot be read.

use serde_json::{Value, json};

use crate::harness::db::{Database, on_both_stores};
use crate::harness::service::{APP, Launch, Service, program};

const SAMPLE: &str = include_str!("../../payloads/portrait_set.json");

fn fields(change: &Value, names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| change[*name].clone()).collect()
}

on_both_stores! {
    async fn the_source_pages_sample_is_recorded_item_by_item_with_its_envelope(db: Database) {
        let service = Service::start(&db).await;
        service.callback().body(SAMPLE).post().await.assert_ok("the sample");
        let mut changes = service.changes();
        changes.reverse();
        let items: Vec<_> = changes.iter().map(|change| fields(change, &["seq", "ordinal", "tag", "new"])).collect();
        let expected = [
            json!([1, 0, "Tag_Profile_IM_Nick", "nick1"]),
            json!([1, 1, "Tag_Profile_IM_Gender", "Gender_Type_Male"]),
            json!([1, 2, "Tag_Profile_IM_AllowType", "AllowType_Type_NeedConfirm"]),
            json!([1, 3, "Tag_Profile_Custom_Data", "your custom data"]),
        ];
        assert_eq!(json!(items), json!(expected));
        for change in &changes {
            let names = ["app", "account", "operator", "event_time", "effective_time", "platform", "client_ip", "auth", "kind"];
            let time = "2022-07-04T07:50:52.497Z";
            let expected = json!([APP, "id1", "id1", time, time, "iOS", "203.0.113.7", "none", "callback"]);
            assert_eq!(json!(fields(change, &names)), expected);
            assert_eq!(change.get("old"), None, "the log knows no earlier value");
        }
        assert_eq!(service.verified_entries(), 1);
    }

    async fn a_second_change_shows_what_the_value_was_before(db: Database) {
        let service = Service::start(&db).await;
        service.callback().body(SAMPLE).post().await.assert_ok("the sample");
        let later = SAMPLE.replace("1656921052497", "1656921052498").replace("nick1", "nick2");
        service.callback().body(later).post().await.assert_ok("a millisecond later");
        let changes = service.changes();
        assert_eq!(changes.len(), 8);
        let nick = changes.iter().find(|change| change["seq"] == 2 && change["ordinal"] == 0).expect("the newer nick");
        assert_eq!(fields(nick, &["old", "new"]), [json!("nick1"), json!("nick2")]);
    }

    async fn a_late_arrival_takes_its_place_by_event_time(db: Database) {
        let service = Service::start(&db).await;
        let at = |time: i64, value: &str| {
            let items = json!([{"Tag": "T", "Value": value}]);
            service.callback().body(json!({"From_Account": "a", "EventTime": time, "ProfileItem": items}).to_string())
        };
        at(3000, "third").post().await.assert_ok("third");
        at(1000, "first").post().await.assert_ok("first, late");
        at(2000, "second").post().await.assert_ok("second, later still");
        let changes: Vec<_> = service.changes().iter().map(|change| fields(change, &["seq", "old", "new"])).collect();
        let expected = json!([[3, "first", "second"], [2, null, "first"], [1, "second", "third"]]);
        assert_eq!(json!(changes), expected);
    }

    async fn a_change_as_json_has_exactly_the_contracts_fields_in_its_order(db: Database) {
        let service = Launch::on(&db).app(7, &["token"]).start().await;
        let body = |nick: &str, time: i64| {
            format!(r#"{{"From_Account":"a","Operator_Account":"b","EventTime":{time},"ProfileItem":[{{"Tag":"T","Value":{nick}}}]}}"#)
        };
        let to = || service.callback().with("SdkAppid", 7).signed("token");
        to().body(body(r#"{"b": 1.50, "a": [1e400, "\u0000"]}"#, 1000)).post().await.assert_ok("first");
        to().without("ClientIP").without("OptPlatform").body(body("\"x\\u00e9\"", 2000)).post().await.assert_ok("second");
        let lines = program::stdout(&service.cli(&["changes", "--json"]));
        let received = |line: &str| {
            let (_, rest) = line.split_once(r#""received_at":""#).expect("a time");
            rest.split('"').next().expect("a time").to_owned()
        };
        let lines: Vec<&str> = lines.lines().collect();
        let first = format!(
            r#"{{"seq":1,"ordinal":0,"app":7,"account":"a","operator":"b","tag":"T","new":{{"b":1.50,"a":[1e400,"\u0000"]}},"event_time":"1970-01-01T00:00:01.000Z","effective_time":"1970-01-01T00:00:01.000Z","received_at":"{}","platform":"iOS","client_ip":"203.0.113.7","auth":"sign","kind":"callback"}}"#,
            received(lines[1])
        );
        let second = format!(
            r#"{{"seq":2,"ordinal":0,"app":7,"account":"a","operator":"b","tag":"T","old":{{"b":1.50,"a":[1e400,"\u0000"]}},"new":"x\u00e9","event_time":"1970-01-01T00:00:02.000Z","effective_time":"1970-01-01T00:00:02.000Z","received_at":"{}","platform":null,"client_ip":null,"auth":"sign","kind":"callback"}}"#,
            received(lines[0])
        );
        assert_eq!(lines, [second, first]);
        let time = received(lines[0]);
        assert!(time.len() == 24 && time.ends_with('Z') && time.as_bytes()[10] == b'T', "RFC 3339, UTC, milliseconds: {time}");
    }

    async fn the_same_callback_again_is_answered_ok_and_recorded_once(db: Database) {
        let service = Service::start(&db).await;
        for _ in 0..3 {
            service.callback().body(SAMPLE).post().await.assert_ok("the sample");
        }
        let elsewhere = service.callback().with("OptPlatform", "Web").without("ClientIP").body(SAMPLE).post().await;
        elsewhere.assert_ok("the query is not part of it");
        assert_eq!(service.verified_entries(), 1);
        assert_eq!(service.metric("portraitd_duplicates_total", "").await, 3.0);
        assert_eq!(service.metric("portraitd_callbacks_total", "outcome=\"duplicate\"").await, 3.0);
        service.callback().body(format!("{SAMPLE} ")).post().await.assert_ok("one byte more");
        assert_eq!(service.verified_entries(), 2, "other bytes are another callback");
    }

    async fn many_at_the_same_time_of_one_callback_are_all_answered_ok_and_recorded_once(db: Database) {
        let service = Service::start(&db).await;
        let posts = (0..32).map(|_| service.callback().body(SAMPLE).post());
        for answer in futures_util::future::join_all(posts).await {
            answer.assert_ok("one of 32");
        }
        assert_eq!(service.verified_entries(), 1);
    }

    async fn a_restart_does_not_forget_what_was_recorded_within_the_window(db: Database) {
        let service = Service::start(&db).await;
        service.callback().body(SAMPLE).post().await.assert_ok("before");
        drop(service);
        let service = Service::start(&db).await;
        service.callback().body(SAMPLE).post().await.assert_ok("after");
        assert_eq!(service.verified_entries(), 1);
    }

    async fn without_an_event_time_the_same_body_is_recorded_each_time(db: Database) {
        let service = Service::start(&db).await;
        for body in [
            r#"{"From_Account":"a","ProfileItem":[{"Tag":"T","Value":1}]}"#,
            r#"{"From_Account":"a","EventTime":"soon","ProfileItem":[{"Tag":"T","Value":1}]}"#,
        ] {
            let before = service.verified_entries();
            service.callback().body(body).post().await.assert_ok(body);
            service.callback().body(body).post().await.assert_ok(body);
            assert_eq!(service.verified_entries(), before + 2, "{body}");
        }
        assert_eq!(service.metric("portraitd_duplicates_total", "").await, 0.0);
    }

    async fn the_same_body_for_two_apps_is_two_entries_with_histories_of_their_own(db: Database) {
        let service = Launch::on(&db).app(1, &[]).app(2, &[]).start().await;
        for app in [1, 2] {
            service.callback().with("SdkAppid", app).body(SAMPLE).post().await.assert_ok("the sample");
        }
        assert_eq!(service.verified_entries(), 2);
        for change in service.changes() {
            assert_eq!((change["app"].clone(), change.get("old")), (change["seq"].clone(), None), "{change}");
        }
    }

    async fn an_unreadable_body_is_400_says_what_and_where_and_is_kept_verbatim(db: Database) {
        let service = Service::start(&db).await;
        let long = "private".repeat(100);
        let body = format!("{{\"From_Account\" : \"{long}\",\n \"ProfileItem\":[{{\"Tag\":\"T\"}},{{\"Tag\":1}}]}}");
        let info = service.callback().body(body.clone()).post().await.assert_fail(400, "a numeric Tag");
        assert!(info.contains("ProfileItem[1].Tag") && !info.contains("private"), "what and where, not the body: {info}");
        let kept = service.unreadable();
        assert_eq!(kept.len(), 1);
        let names = ["app", "command", "reason", "auth", "client_ip", "platform", "body", "times"];
        let expected = json!([APP, "Profile.CallbackPortraitSet", info, "none", "203.0.113.7", "iOS", body, 1]);
        assert_eq!(json!(fields(&kept[0], &names)), expected);
        service.callback().body(body).post().await.assert_fail(400, "again");
        let kept = service.unreadable();
        assert_eq!((kept.len(), &kept[0]["times"]), (1, &json!(2)), "the same again is counted, not kept twice");
        assert_eq!(service.verified_entries(), 0);
    }

    async fn an_event_time_far_ahead_does_not_pin_a_profile(db: Database) {
        let service = Service::start(&db).await;
        let body = |time: i64, value: i64| {
            json!({"From_Account": "a", "EventTime": time, "ProfileItem": [{"Tag": "T", "Value": value}]}).to_string()
        };
        service.callback().body(body(4_000_000_000_000, 1)).post().await.assert_ok("the year 2096");
        let change = &service.changes()[0];
        assert_eq!(change["event_time"], "2096-10-02T07:06:40.000Z", "kept as it came");
        assert_eq!(change["effective_time"], change["received_at"], "but not believed");
        service.callback().body(body(4_000_000_000_001, 2)).post().await.assert_ok("a millisecond later");
        assert_eq!(service.changes()[0]["old"], 1);
    }
}
