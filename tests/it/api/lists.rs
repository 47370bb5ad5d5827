//! Lists, one callback, a profile: what they answer, and how they refuse.

use serde_json::json;

use super::{get, places};
use crate::harness::db::{Database, on_both_stores};
use crate::harness::service::{APP, Launch, Service};

/// Three callbacks: Ann, then Bob by an operator, then Ann again; four changes.
async fn service(db: &Database) -> Service {
    let service = Service::start(db).await;
    for body in [
        r#"{"From_Account":"ann","Operator_Account":"ann","EventTime":1700000000000,"ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"Ann"},{"Tag":"Tag_Profile_IM_Gender","Value":"Gender_Type_Female"}]}"#,
        r#"{"From_Account":"bob","Operator_Account":"admin","EventTime":1700000001000,"ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"Bob"}]}"#,
        r#"{"From_Account":"ann","Operator_Account":"ann","EventTime":1700000002000,"ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":{"odd":[1.50,null]}}]}"#,
    ] {
        service.callback().body(body).post().await.assert_ok("recorded");
    }
    service
}

on_both_stores! {
    async fn changes_are_filtered_freely_and_paged_both_ways(db: Database) {
        let service = service(&db).await;
        let list = async |query: &str| get(&service, &format!("changes{query}"), 200).await;
        assert_eq!(places(&list("").await), ["3.0", "2.0", "1.1", "1.0"]);
        for (query, expected) in [
            ("?order=asc", vec!["1.0", "1.1", "2.0", "3.0"]),
            ("?account=ann", vec!["3.0", "1.1", "1.0"]),
            ("?account=ann&tag=Tag_Profile_IM_Nick&operator=ann", vec!["3.0", "1.0"]),
            ("?operator=admin", vec!["2.0"]),
            ("?app=1", vec![]),
            ("?platform=iOS&tag=Tag_Profile_IM_Gender", vec!["1.1"]),
            ("?platform=Windows", vec![]),
            ("?kind=callback&tag=Tag_Profile_IM_Gender", vec!["1.1"]),
            ("?kind=reconcile", vec![]),
            ("?event_since=2023-11-14T22:13:21Z&event_until=2023-11-14T22:13:22Z", vec!["2.0"]),
            ("?since=2020-01-01&until=9999-12-31", vec!["3.0", "2.0", "1.1", "1.0"]),
            ("?until=2020-01-01", vec![]),
            ("?account=&tag=", vec!["3.0", "2.0", "1.1", "1.0"]),
        ] {
            assert_eq!(places(&list(query).await), expected, "{query}");
        }
        for order in ["asc", "desc"] {
            let whole = places(&list(&format!("?order={order}")).await);
            let (mut paged, mut query) = (Vec::new(), format!("?limit=1&order={order}"));
            loop {
                let page = list(&query).await;
                paged.extend(places(&page));
                let Some(cursor) = page["next_cursor"].as_str() else { break };
                query = format!("?limit=1&order={order}&cursor={cursor}");
            }
            assert_eq!(paged, whole, "{order}");
        }
        let change = &list("?account=ann&limit=1").await["items"][0];
        assert_eq!((&change["old"], &change["new"]), (&json!("Ann"), &json!({"odd": [1.50, null]})));
        assert_eq!(change["app"], APP);
        assert_eq!(change, &service.changes()[0], "the same as on the command line");
    }

    async fn what_is_wrong_with_a_question_is_said_by_the_parameters_name(db: Database) {
        let service = Service::start(&db).await;
        for (path, parameter) in [
            ("changes?limit=0", "limit"),
            ("changes?limit=1001", "limit"),
            ("changes?limit=ten", "limit"),
            ("changes?order=up", "order"),
            ("changes?cursor=1", "cursor"),
            ("changes?cursor=1.0%00", "cursor"),
            ("changes?since=yesterday", "since"),
            ("changes?until=2026-02-30", "until"),
            ("changes?event_since=12:00", "event_since"),
            ("changes?kind=missed", "kind"),
            ("changes?app=x", "app"),
            ("changes?account=a&account=b", "account"),
            ("changes?acount=a", "acount"),
            ("changes?account=%00", "account"),
            ("changes/export?format=xml", "format"),
            ("changes/export?limit=1", "limit"),
            ("changes/stream?order=asc", "order"),
            ("unreadable?cursor=a", "cursor"),
            ("callbacks/x", "seq"),
            ("accounts/ann/profile?at=now", "at"),
        ] {
            let problem = get(&service, path, 400).await;
            assert_eq!(problem["parameter"], parameter, "{path}: {problem}");
            assert!(problem["detail"].as_str().expect("text").starts_with(parameter), "{path}: {problem}");
        }
    }

    async fn a_callback_is_shown_whole(db: Database) {
        let service = service(&db).await;
        let callback = get(&service, "callbacks/3", 200).await;
        assert_eq!(callback["items"], json!([{"tag": "Tag_Profile_IM_Nick", "old": "Ann", "new": {"odd": [1.50, null]}}]));
        assert_eq!((&callback["seq"], &callback["account"]), (&json!(3), &json!("ann")));
        assert_eq!(callback["receipt_id"].as_str().map(str::len), Some(32));
        assert!(callback["body"].as_str().expect("text").contains(r#""Value":{"odd":[1.50,null]}"#), "{callback}");
        get(&service, "callbacks/4", 404).await;
    }

    async fn a_profile_is_shown_as_it_is_and_as_it_was(db: Database) {
        let service = service(&db).await;
        let values = async |path: &str| -> Vec<(String, String)> {
            let profile = get(&service, path, 200).await;
            let items = profile["items"].as_array().expect("items").clone();
            items.iter().map(|item| (item["tag"].as_str().unwrap_or_default()["Tag_Profile_IM_".len()..].to_owned(), item["value"].to_string())).collect()
        };
        let pair = |tag: &str, value: &str| (tag.to_owned(), value.to_owned());
        let gender = pair("Gender", r#""Gender_Type_Female""#);
        assert_eq!(values("accounts/ann/profile").await, [gender.clone(), pair("Nick", r#"{"odd":[1.5,null]}"#)]);
        assert_eq!(values("accounts/ann/profile?at=2023-11-14T22:13:21Z").await, [gender, pair("Nick", r#""Ann""#)]);
        assert_eq!(values("accounts/ann/profile?at=2023-11-14").await, []);
        get(&service, "accounts/carl/profile", 404).await;
    }

    async fn two_apps_that_share_an_account_must_be_told_apart(db: Database) {
        let service = Launch::on(&db).app(APP, &[]).app(APP + 1, &[]).start().await;
        for app in [APP, APP + 1] {
            let nick = format!(r#"{{"From_Account":"ann","ProfileItem":[{{"Tag":"Tag_Profile_IM_Nick","Value":{app}}}]}}"#);
            service.callback().with("SdkAppid", app.to_string()).body(nick).post().await.assert_ok("recorded");
        }
        assert_eq!(get(&service, "accounts/ann/profile", 400).await["parameter"], "app");
        let profile = get(&service, &format!("accounts/ann/profile?app={}", APP + 1), 200).await;
        assert_eq!(profile["items"][0]["value"], APP + 1);
        get(&service, "accounts/ann/profile?app=1", 404).await;
    }

    async fn unreadable_bodies_are_listed(db: Database) {
        let service = Service::start(&db).await;
        for body in ["[]", "{", "\u{feff}"] {
            service.callback().body(body).post().await;
        }
        let page = get(&service, "unreadable?limit=1", 200).await;
        assert_eq!(page["items"][0]["body"], "{");
        let cursor = page["next_cursor"].as_str().expect("there is more");
        let page = get(&service, &format!("unreadable?limit=5&cursor={cursor}"), 200).await;
        assert_eq!((&page["items"][0]["body"], &page["next_cursor"]), (&json!("[]"), &json!(null)));
    }
}
