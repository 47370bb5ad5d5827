//! What `/metrics` says of handlers, and that every metric is explained.

use std::collections::BTreeSet;

use serde_json::json;

use super::backend::Backend;
use super::{failed, handler, handlers, until};
use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::service::{Launch, Service};

async fn metric(service: &Service, name: &str, labels: &str) -> f64 {
    service.metric(&format!("portraitd_handler_{name}"), labels).await
}

on_both_stores! {
    async fn handlers_metrics_tell_where_each_is_and_what_came_of_attempts(db: Database) {
        let backend = Backend::start().await;
        let service = failed(&db, &backend, "").await;
        for (name, labels, expected) in [
            ("attempts_total", "handler=\"backend\",outcome=\"failed\"", 3.0),
            ("attempts_total", "handler=\"backend\",outcome=\"done\"", 0.0),
            ("attempts_total", "handler=\"trace\",outcome=\"done\"", 3.0),
            ("attempt_seconds_count", "handler=\"backend\"", 3.0),
            ("dead_letters_total", "handler=\"backend\"", 3.0),
            ("owned", "handler=\"backend\"", 1.0),
            ("position", "handler=\"backend\"", 3.0),
            ("lag", "handler=\"backend\"", 0.0),
            ("lag_seconds", "handler=\"backend\"", 0.0),
            ("parked", "handler=\"backend\"", 0.0),
            ("stalled", "handler=\"backend\"", 0.0),
            ("position", "handler=\"trace\"", 3.0),
        ] {
            let what = format!("{name} of {labels} is {expected}");
            eventually(&what, async || metric(&service, name, labels).await == expected).await;
        }
        assert!(service.stderr().contains("a callback is a dead letter now: it answered 500"), "{}", service.stderr());
        backend.says(200);
        service.callback().sets("Tag_Profile_IM_Nick", json!("x")).post().await.assert_ok("one that works");
        eventually("it is counted", async || {
            metric(&service, "attempts_total", "handler=\"backend\",outcome=\"done\"").await == 1.0
        }).await;
        eventually("and so is a retry", async || metric(&service, "position", "handler=\"backend\"").await == 4.0).await;
    }

    async fn a_paused_handler_falls_behind_and_its_metrics_say_how_far_and_for_how_long(db: Database) {
        let backend = Backend::start().await;
        let mut service = failed(&db, &backend, "").await;
        service.terminate();
        assert!(service.ended().await.success(), "{}", service.stderr());
        service.cli(&["handlers", "pause", "backend"]);
        let service = Launch::on(&db).toml(&handlers(&backend)).start().await;
        for _ in 0..2 {
            service.callback().post().await.assert_ok("one that waits");
        }
        eventually("it is behind", async || metric(&service, "lag", "handler=\"backend\"").await == 2.0).await;
        until(&service, "a second has passed", |backend| backend["lag_seconds"].as_i64() >= Some(1)).await;
        let waits = async || metric(&service, "lag_seconds", "handler=\"backend\"").await >= 1.0;
        eventually("the oldest waits for longer than a second", waits).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_is_explained_and_every_explained_metric_is_there() {
    let db = Database::sqlite().await;
    let proof = "[proof]\nhead_file = \"heads.jsonl\"\nverify_every = \"1h\"";
    let reconcile = "[reconcile]\nevery = \"1d\"\n[tencent]\nbase_url = \"http://127.0.0.1:1\"\nsecret_key = \"key\"";
    let launch = Launch::on(&db).toml("[[handlers]]\nname = \"trace\"\nkind = \"log\"").toml(proof).toml(reconcile);
    let service = launch.start().await;
    service.callback().post().await.assert_ok("a callback");
    eventually("it is handled", async || handler(&service, "trace").is_some_and(|h| h["position"] == 1)).await;
    eventually("it is verified", async || service.metric("portraitd_log_holds", "").await == 1.0).await;
    let response = service.http.get(format!("{}/metrics", service.private_url)).send().await.expect("an answer");
    let text = response.text().await.expect("metrics");
    let suffixes = ["_bucket", "_sum", "_count"];
    let shown: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .map(|name| suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name))
        .collect();
    let page = include_str!("../../../../docs/http.md");
    let explained: BTreeSet<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `portraitd_"))
        .filter_map(|line| line.split(" | ").next())
        .flat_map(|cell| cell.split('`'))
        .filter(|name| name.starts_with("portraitd_"))
        .filter_map(|name| name.split('{').next())
        .collect();
    assert_eq!(shown, explained);
}
