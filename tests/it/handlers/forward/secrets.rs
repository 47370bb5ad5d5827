//! Secrets and what the URL holds of them are said nowhere; wrong ones are refused.

use super::backend::{Backend, Manner, ok, says};
use super::{SECRETS, entry};
use crate::harness::db::Database;
use crate::harness::service::{Launch, program};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_said_anywhere_however_much_is_logged_and_whatever_fails() {
    let db = Database::sqlite().await;
    let manners = [says("500 No", ""), Manner::Breaks(String::new()), Manner::Stops(String::new()), ok()];
    let mut backend = Backend::that(manners).await;
    let url = format!("http://me:hunter2@{}/hunter3?key=hunter4", backend.address);
    let more = format!("allow_private = true\ntimeout_secs = 1\nsecrets = {SECRETS:?}\n[log]\nfilter = \"trace\"");
    let mut service = Launch::on(&db).toml(&entry(&url, &more)).start().await;
    service.callback().post().await.assert_ok("a callback");
    for _ in 0..3 {
        backend.request().await;
    }
    let signature = backend.request().await.header("webhook-signature").to_owned();
    let shown = program::stdout(&service.cli(&["config", "--config", "portraitd.toml"]));
    assert!(shown.contains("handlers[0].secrets = [\"[redacted]\", \"[redacted]\"]"), "{shown}");
    assert!(!shown.contains("hunter2") && !shown.contains("hunter4"), "{shown}");

    service.terminate();
    service.ended().await;
    let logged = service.stderr();
    assert!(logged.contains("TRACE"), "everything is logged");
    let mut secrets = vec!["hunter2", "hunter3", "hunter4", "bWU6aHVudGVyMg==", "203.0.113.7"];
    secrets.extend(SECRETS.map(|secret| &secret["whsec_".len()..]));
    secrets.extend(signature.split([' ', ',']).filter(|part| part.len() > 2));
    for secret in secrets {
        let line = logged.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret}: {line:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_sent_to_or_signed_with_is_refused_at_the_start_and_not_repeated() {
    let db = Database::sqlite().await;
    let good = "https://backend.example.com/";
    for (url, more, named) in [
        ("hunter2", "", "url must be an http(s) URL"),
        ("ftp://hunter2@backend.example.com/", "", "url must be an http(s) URL"),
        ("https://me:hunter2@backend.example.com/#top", "", "fragment"),
        (good, "secrets = [\"hunter2\"]", "\"whsec_\" and then base64 of 24 to 64 bytes"),
        (good, "secrets = \"whsec_hunter2\"", "\"whsec_\" and then base64 of 24 to 64 bytes"),
        (good, "secrets = [\"whsec_aHVudGVyMg==\"]", "\"whsec_\" and then base64 of 24 to 64 bytes"),
        (good, "secrets = [7, \"hunter2\"]", "handlers"),
        (good, "format = \"hunter2\"", "handlers"),
    ] {
        let (ended, said) = Launch::on(&db).toml(&entry(url, more)).fail().await;
        assert_eq!(ended.code(), Some(2), "{more}: {said}");
        assert!(said.contains(named) && said.contains("handlers"), "{url} {more}: {said}");
        assert!(!said.contains("hunter2") && !said.contains("aHVudGVyMg"), "{url} {more}: {said}");
    }
}
