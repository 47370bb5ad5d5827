//! Backends that fail in all the ways there are: nothing is lost, and what they said is respected.

use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::net::TcpSocket;

use super::backend::{Backend, Manner, Request, ok, says};
use super::entry;
use crate::harness::db::{Database, eventually};
use crate::harness::service::{Launch, Service};

const DEBUG: &str = "[log]\nfilter = \"info,portraitd::dispatch=debug\"";

async fn service(db: &Database, backend: &Backend, more: &str) -> Service {
    let more = format!("allow_private = true\n{more}\n{DEBUG}");
    Launch::on(db).toml(&entry(&backend.url("/"), &more)).start().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_comes_again_with_the_same_id_and_the_account_waits_for_it() {
    let db = Database::sqlite().await;
    let mut backend = Backend::that([says("500 Internal Server Error", ""), ok()]).await;
    let service = service(&db, &backend, "").await;
    service.callback().post().await.assert_ok("the first");
    service.callback().post().await.assert_ok("the second");
    let (failed, again, next) = (backend.request().await, backend.request().await, backend.request().await);
    // The second may have been in the log already when the first was tried for the first time.
    let without_superseded = |request: &Request| {
        let mut change: Value = serde_json::from_slice(&request.body).expect("JSON");
        change.as_object_mut().expect("an object").remove("superseded").expect("it is always there");
        change
    };
    assert_eq!((failed.id(), without_superseded(&failed)), (again.id(), without_superseded(&again)));
    assert_ne!(again.id(), next.id());
    service.says("failed: it answered 500 Internal Server Error").await;
    backend.assert_idle();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failure_is_tried_again_and_says_in_a_few_words_why() {
    let elsewhere = Backend::that([ok()]).await;
    let redirect = |status: &str| says(status, &format!("Location: {}\r\n", elsewhere.url("/")));
    let body = "personal-data-from-the-backend";
    let answer = |status: &str| Manner::Says(format!("HTTP/1.1 {status}\r\nContent-Length: 30\r\n\r\n{body}"));
    let cases = [
        ("it answered 400 Bad Request", answer("400 Bad Request")),
        ("it answered 404 Not Found", answer("404 personal-data-from-the-backend")),
        ("it answered 410 Gone", answer("410 Gone")),
        ("it answered 429 Too Many Requests", says("429 Too Many Requests", "Retry-After: 0\r\n")),
        ("it answered 500 Internal", says("500 Internal Server Error", "Retry-After: 3600\r\n")),
        ("it answered 503 Service Unavailable", says("503 Service Unavailable", "Retry-After: later\r\n")),
        ("it answered 301 Moved Permanently, which is not followed", redirect("301 Moved Permanently")),
        ("it answered 302 Found, which is not followed", redirect("302 Found")),
        ("it answered 307 Temporary Redirect, which is not followed", redirect("307 Temporary Redirect")),
        ("it answered 308 Permanent Redirect, which is not followed", redirect("308 Permanent Redirect")),
        (
            "it answered 101 Switching",
            Manner::Stops("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".to_owned()),
        ),
        ("no answer in time", Manner::Stops(String::new())),
        ("no answer in time", Manner::Stops("HTTP/1.1 200 OK\r\nContent-Le".to_owned())),
        ("no answer: ", Manner::Breaks(String::new())),
        ("no answer: ", Manner::Breaks("HTTP/1.1 200 OK\r\nContent-Le".to_owned())),
        ("no answer: ", Manner::Breaks(format!("{body}\r\n\r\n"))),
        ("no answer: ", Manner::Endless("HTTP/1.1 200 OK\r\nX: ".to_owned())),
    ];
    let db = Database::sqlite().await;
    let manners = cases.iter().flat_map(|(_, manner)| [manner.clone(), ok()]);
    let mut backend = Backend::that(manners).await;
    let service = service(&db, &backend, "timeout_secs = 1").await;
    for (at, (reason, _)) in cases.iter().enumerate() {
        service.callback().post().await.assert_ok(reason);
        let (failed, again) = (backend.request().await, backend.request().await);
        assert_eq!(failed.id(), again.id(), "{reason}");
        let times = cases[..=at].iter().filter(|(other, _)| other == reason).count();
        service.says_times(&format!("failed: {reason}"), times).await;
    }
    backend.assert_idle();
    assert_eq!(elsewhere.connections(), 0, "redirects are not followed");
    assert!(!service.stderr().contains(body), "{}", service.stderr());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_asks_for_patience_in_seconds_or_until_a_date_is_given_it() {
    let date: DateTime<Utc> = (SystemTime::now() + Duration::from_secs(6)).into();
    let date = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let until = SystemTime::from(DateTime::parse_from_rfc2822(&date).expect("a date"));
    let manners = [
        says("429 Too Many Requests", "Retry-After: 2\r\n"),
        says("503 Service Unavailable", &format!("Retry-After: {date}\r\n")),
        ok(),
    ];
    let db = Database::sqlite().await;
    let mut backend = Backend::that(manners).await;
    let service = service(&db, &backend, "").await;
    service.callback().post().await.assert_ok("a callback");
    let (first, second, third) = (backend.request().await, backend.request().await, backend.request().await);
    let waited = second.at.duration_since(first.at).expect("time goes on");
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
    assert!(third.at >= until, "{date}: {:?}", third.at);
    assert_eq!((first.id(), second.id()), (third.id(), third.id()));
    service.says("failed: it answered 429 Too Many Requests").await;
    backend.assert_idle();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_alone_says_that_it_is_done() {
    let cases = [
        ("no content", says("204 No Content", "")),
        ("accepted", says("202 Accepted", "")),
        ("endless", Manner::Endless("HTTP/1.1 200 OK\r\n\r\n".to_owned())),
        ("huge", Manner::Endless("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_owned())),
        ("broken off", Manner::Breaks("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_owned())),
        ("stuck", Manner::Stops("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_owned())),
        (
            "not JSON",
            Manner::Says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n".to_owned()),
        ),
    ];
    let db = Database::sqlite().await;
    let mut backend = Backend::that(cases.iter().map(|(_, manner)| manner.clone())).await;
    let service = service(&db, &backend, "timeout_secs = 3").await;
    let begun = Instant::now();
    let mut ids = std::collections::HashSet::new();
    for (case, _) in &cases {
        service.callback().post().await.assert_ok(case);
        assert!(ids.insert(backend.request().await.id().to_owned()), "{case}");
    }
    let outcome = async |outcome| service.metric("portraitd_handler_attempts_total", outcome).await;
    eventually("all are done", async || outcome("done").await == cases.len() as f64).await;
    assert_eq!(outcome("failed").await, 0.0);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    backend.assert_idle();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_is_not_there_yet_gets_everything_when_it_is() {
    let db = Database::sqlite().await;
    // A port of ours at which nobody listens.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let url = format!("http://{}/", socket.local_addr().expect("an address"));
    let toml = entry(&url, &format!("allow_private = true\nretry_secs = [1, 1, 1, 1, 1, 1]\n{DEBUG}"));
    let service = Launch::on(&db).toml(&toml).start().await;
    for _ in 0..3 {
        service.callback().post().await.assert_ok("a callback");
    }
    service.says("failed: it cannot be connected to: Connection refused").await;
    let mut backend = Backend::on(socket.listen(16).expect("it listens"), [ok()], None);
    let mut seqs = Vec::new();
    for _ in 0..3 {
        let change: Value = serde_json::from_slice(&backend.request().await.body).expect("JSON");
        seqs.push(change["seq"].as_i64());
    }
    assert_eq!(seqs, [Some(1), Some(2), Some(3)]);
    backend.assert_idle();
}
