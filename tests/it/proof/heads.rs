//! Heads are noted outside at the start, now and then, and at a clean end; what cannot be noted is said and tried again.

use std::path::Path;

use serde_json::Value;

use crate::handlers::forward::backend::{Backend, ok, says};
use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::service::Launch;

fn seqs(file: &Path) -> Vec<i64> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = |line| serde_json::from_str::<Value>(line).expect("JSON")["seq"].as_i64().expect("a number");
    text.lines().map(line).collect()
}

on_both_stores! {
    async fn the_file_has_the_head_of_the_start_of_the_clean_end_and_none_twice(db: Database) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("heads.jsonl");
        let launch = || Launch::on(&db).toml(&format!("[proof]\nhead_file = {file:?}\n"));
        let mut service = launch().start().await;
        for _ in 0..3 {
            service.callback().post().await.assert_ok("recorded");
        }
        service.terminate();
        assert!(service.ended().await.success());
        // Where the start is slow, a callback may be there before its head is noted.
        let noted = seqs(&file);
        assert!(noted[0] > 0 && noted.is_sorted_by(|a, b| a < b), "an empty log is not noted: {noted:?}");
        assert_eq!(noted.last(), Some(&3));

        let mut service = launch().start().await;
        eventually("the start is noted", async || service.metric("portraitd_proof_anchored_seq", "file").await == 3.0).await;
        service.callback().post().await.assert_ok("recorded");
        let head = service.http.get(format!("{}/api/v1/proof/head", service.private_url));
        let head: Value = serde_json::from_str(&head.send().await.expect("an answer").text().await.expect("text")).expect("JSON");
        let verified = service.cli(&["verify", "--head", file.to_str().expect("text")]);
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
        service.terminate();
        assert!(service.ended().await.success());
        assert_eq!(seqs(&file), [noted, vec![4]].concat());
        let text = std::fs::read_to_string(&file).expect("it is there");
        let last: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
        assert_eq!((&last["seq"], &last["chain"]), (&head["seq"], &head["chain"]));
        assert!(last["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{last}");
    }

    async fn while_it_runs_new_heads_are_noted_in_the_file_and_sent_to_the_url(db: Database) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("heads.jsonl");
        let mut backend = Backend::that([ok()]).await;
        let toml = format!("[proof]\nhead_file = {file:?}\nhead_url = {:?}\nevery = \"1s\"\n", backend.url("/heads?key=1"));
        let service = Launch::on(&db).toml(&toml).start().await;
        for count in 1..=2 {
            service.callback().post().await.assert_ok("recorded");
            let request = backend.request().await;
            assert_eq!(request.line, "POST /heads?key=1 HTTP/1.1");
            assert_eq!(request.header("content-type"), "application/json");
            let head: Value = serde_json::from_slice(&request.body).expect("JSON");
            assert_eq!(head["seq"], count);
            eventually("it is in the file", async || seqs(&file).last() == Some(&count)).await;
        }
        assert_eq!(service.metric("portraitd_proof_failures_total", "").await, 0.0);
    }
}

#[tokio::test]
async fn what_cannot_be_noted_is_counted_said_without_the_password_and_tried_again() {
    let db = Database::sqlite().await;
    let mut backend = Backend::that([says("302 Found", "Location: /elsewhere\r\n"), says("500 Oops", ""), ok()]).await;
    let url = backend.url("/").replace("http://", "http://me:s3cret@");
    let toml = format!("[proof]\nhead_file = \"/nowhere/at/all\"\nhead_url = {url:?}\nevery = \"1s\"\n");
    let mut service = Launch::on(&db).toml(&toml).start().await;
    service.callback().post().await.assert_ok("recorded");
    for _ in 0..3 {
        assert_eq!(backend.request().await.line, "POST / HTTP/1.1", "a redirect is not followed");
    }
    eventually("it got there", async || service.metric("portraitd_proof_anchored_seq", "url").await == 1.0).await;
    assert_eq!(service.metric("portraitd_proof_failures_total", "url").await, 2.0);
    assert!(service.metric("portraitd_proof_failures_total", "file").await >= 1.0);
    assert!(service.says("proof.head_url").await.contains("302 Found"));
    assert!(service.says("proof.head_file").await.contains("No such file"));
    let shown = service.stderr();
    assert!(!shown.contains("s3cret"), "{shown}");
    service.terminate();
    assert!(service.ended().await.success(), "it ends well all the same");
}
