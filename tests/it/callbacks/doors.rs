//! The first row: path, method, size; and the last but one: nobody can record it.

use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::service::{APP, Launch, Service};

on_both_stores! {
    async fn another_path_is_404_whatever_else_is_wrong(db: Database) {
        let service = Launch::on(&db).app(APP, &["token"]).toml("[receiver]\nmax_body_bytes = 1000").start().await;
        let callback = || service.callback();
        callback().at("/callbacks").signed("token").post().await.assert_fail(404, "only the path is wrong");
        callback().at("//").signed("token").post().await.assert_fail(404, "two slashes");
        callback().at("/").signed("token").post().await.assert_ok("the path");
        callback().at("/other").send("GET").await.assert_fail(404, "the method as well");
        callback().at("/other").body(vec![b' '; 2000]).post().await.assert_fail(404, "the size as well");
        callback().at("/other").with("SdkAppid", 7).post().await.assert_fail(404, "the app as well");
        callback().at("/healthz").post().await.assert_fail(404, "callbacks do not arrive at the health check");
        for (method, text) in [("GET", "ok\n"), ("HEAD", "")] {
            let health = callback().at("/healthz").send(method).await;
            assert_eq!((health.status, health.text.as_str()), (200, text), "{method}");
        }
        assert_eq!(service.verified_entries(), 1);
        assert!(service.unreadable().is_empty());
    }

    async fn callbacks_arrive_only_where_receiver_path_says(db: Database) {
        let service = Launch::on(&db).toml("[receiver]\npath = \"/chat/callback\"").start().await;
        service.callback().post().await.assert_fail(404, "/");
        service.callback().at("/chat/callback/").post().await.assert_fail(404, "a slash too many");
        service.callback().at("/chat/callback").post().await.assert_ok("the path");
        let line = service.says("  callbacks  ").await;
        assert!(line.ends_with("/chat/callback"), "{line}");
    }

    async fn another_method_is_405_and_says_which_is_allowed(db: Database) {
        let service = Launch::on(&db).app(APP, &["token"]).toml("[receiver]\nmax_body_bytes = 1000").start().await;
        for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            let answer = service.callback().signed("token").send(method).await;
            answer.assert_fail(405, method);
            assert_eq!(answer.header("allow"), Some("POST"), "{method}");
        }
        let answer = service.callback().signed("token").send("HEAD").await;
        assert_eq!((answer.status, answer.text.as_str(), answer.header("allow")), (405, "", Some("POST")), "HEAD");
        let answer = service.callback().with("SdkAppid", 7).body(vec![b' '; 2000]).send("PUT").await;
        answer.assert_fail(405, "size and app are wrong as well");
        assert_eq!(service.verified_entries(), 0);
    }

    async fn a_body_over_the_limit_is_413_and_one_at_the_limit_is_not(db: Database) {
        let service = Launch::on(&db).app(APP, &["token"]).toml("[receiver]\nmax_body_bytes = 1000").start().await;
        let body = |size: usize| {
            let body = format!("{{\"From_Account\":\"a\",\"EventTime\":{size},\"ProfileItem\":[]}}");
            format!("{body}{}", " ".repeat(size - body.len()))
        };
        service.callback().signed("token").body(body(1000)).post().await.assert_ok("1000 bytes");
        service.callback().signed("token").body(body(1001)).post().await.assert_fail(413, "1001 bytes");
        let info = service.callback().with("SdkAppid", 7).body(body(1001)).post().await.assert_fail(413, "the app as well");
        assert!(info.contains("1000"), "the limit is named: {info}");
        service.callback().without("CallbackCommand").body(body(5000)).post().await.assert_fail(413, "the command as well");
        assert_eq!(service.verified_entries(), 1);
        assert!(service.unreadable().is_empty(), "what is too large is not kept");
    }

    async fn the_default_limit_is_262144_bytes(db: Database) {
        let service = Service::start(&db).await;
        let fill = |size: usize| {
            let frame = r#"{"From_Account":"a","EventTime":1,"ProfileItem":[{"Tag":"T","Value":""}]}"#.len();
            format!(r#"{{"From_Account":"a","EventTime":1,"ProfileItem":[{{"Tag":"T","Value":"{}"}}]}}"#, "x".repeat(size - frame))
        };
        service.callback().body(fill(262_144)).post().await.assert_ok("262144 bytes");
        service.callback().body(fill(262_145)).post().await.assert_fail(413, "262145 bytes");
        let changes = service.changes();
        assert_eq!(changes.len(), 1);
        assert!(changes[0]["new"].as_str().is_some_and(|value| value.len() > 262_000), "nothing is truncated");
    }

    async fn what_neither_store_nor_spool_take_within_the_budget_is_503_and_taken_once_one_is_back(db: Database) {
        let service = Launch::on(&db).toml("[receiver]\nanswer_budget_ms = 300\n[spool]\nmax_bytes = 1").start().await;
        let before = || service.callback().account("before").body_at(1_700_000_000_000);
        eventually("the store is there", async || before().post().await.status == 200).await;
        let callback = || service.callback().account("during").body_at(1_700_000_000_001);
        let during = if db.is_postgres() {
            let mut blocker = db.pg().await;
            sqlx::raw_sql("BEGIN; LOCK TABLE callbacks IN ACCESS EXCLUSIVE MODE").execute(&mut blocker).await.expect("a lock");
            let during = callback().post().await;
            sqlx::raw_sql("ROLLBACK").execute(&mut blocker).await.expect("the lock is gone");
            during
        } else {
            let mut blocker = db.lite().await;
            sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut blocker).await.expect("a lock");
            let during = callback().post().await;
            sqlx::raw_sql("ROLLBACK").execute(&mut blocker).await.expect("the lock is gone");
            during
        };
        let info = during.assert_fail(503, "the store is blocked");
        assert!(!info.to_lowercase().contains("sql") && !info.contains("lock"), "no internals: {info}");
        eventually("the same callback is answered OK again", async || callback().post().await.status == 200).await;
        assert_eq!(service.verified_entries(), 2, "recorded once, although it was sent more often");
    }
}
