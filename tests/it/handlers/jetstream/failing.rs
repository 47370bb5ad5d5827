//! What is tried again and says why, what is a dead letter, and that the service starts whatever the server does.

use std::time::Duration;

use async_nats::jetstream::stream;
use serde_json::json;

use super::nats::{Nats, Stream};
use super::{DEAD, NICK, TALKATIVE, attempts, entry, has, service};
use crate::harness::db::{Database, eventually};
use crate::harness::service::Launch;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_at_the_start_is_waited_for() {
    let mut nats = Nats::away("");
    let db = Database::sqlite().await;
    let service = service(&db, &nats.url(), TALKATIVE).await;
    service.callback().post().await.assert_ok("one");
    let said = service.says("no connection to 127.0.0.1:").await;
    assert!(said.contains("events") && said.contains("refused"), "{said}");
    nats.run().await;
    has(&nats.stream().await, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_stream_or_without_jetstream_it_says_what_is_missing_and_waits() {
    let mut nats = Nats::away("");
    nats.configure("");
    nats.run().await;
    let db = Database::sqlite().await;
    let retry = format!("retry_secs = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n{TALKATIVE}");
    let service = service(&db, &nats.url(), &retry).await;
    service.callback().post().await.assert_ok("one");
    let missing = "no stream takes portraitd.*.*: make one with this subject, on a server with JetStream";
    service.says(missing).await;

    nats.kill();
    nats.configure(&format!("jetstream {{ store_dir: {:?} }}", nats.path("store")));
    nats.run().await;
    let before = service.stderr().matches(missing).count();
    service.says_times(missing, before + 1).await;
    has(&nats.stream().await, 1).await;
    eventually("it is done", async || attempts(&service, "done").await == 1.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_for_the_server_or_the_stream_is_a_dead_letter_and_the_next_one_arrives() {
    let nats = Nats::start("max_payload: 8192").await;
    let config = stream::Config { max_message_size: 4096, ..Default::default() };
    let stream = Stream::made_by(nats.client(Default::default()).await, config).await;
    let db = Database::sqlite().await;
    let service = service(&db, &nats.url(), "").await;
    for (length, why) in [(20_000, "too large for the server"), (3000, "too large for the stream")] {
        service.callback().sets(NICK, json!("x".repeat(length))).post().await.assert_ok(why);
        let said = service.says(why).await;
        assert!(said.contains(DEAD) && !said.contains("xxx"), "{said}");
    }
    service.callback().sets(NICK, json!("short")).post().await.assert_ok("short");
    has(&stream, 1).await;
    assert_eq!((attempts(&service, "rejected").await, attempts(&service, "failed").await), (2.0, 0.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_full_is_tried_again() {
    let nats = Nats::start("").await;
    let discard = stream::DiscardPolicy::New;
    let config = stream::Config { max_messages: 1, discard, max_age: Duration::from_secs(2), ..Default::default() };
    let stream = Stream::made_by(nats.client(Default::default()).await, config).await;
    let db = Database::sqlite().await;
    let service = service(&db, &nats.url(), TALKATIVE).await;
    for account in ["a", "b"] {
        service.callback().account(account).post().await.assert_ok(account);
    }
    service.says("maximum messages exceeded").await;
    eventually("both are done", async || attempts(&service, "done").await == 2.0).await;
    assert!(stream.count().await <= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_not_publish_there_is_told_where_to_look() {
    let nats =
        Nats::start(r#"authorization { users: [{ user: me, password: pw, permissions: { publish: "other" } }] }"#);
    let nats = nats.await;
    let db = Database::sqlite().await;
    let url = nats.url().replace("//", "//me:pw@");
    let service = service(&db, &url, "retry_secs = []").await;
    service.callback().post().await.assert_ok("one");
    let said = service.says(DEAD).await;
    assert!(said.contains("no ack in time: ") && said.contains("may this user publish there?"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_the_servers_certificate_must_be_good() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = crate::tls::Files::new(&crate::tls::certificate());
    let tls = format!("tls {{ cert_file: {:?}, key_file: {:?} }}", files.cert(), files.key());
    let (good, other) = (Nats::start(&tls).await, crate::tls::Files::new(&crate::tls::certificate()));
    let bad = Nats::start(&format!("tls {{ cert_file: {:?}, key_file: {:?} }}", other.cert(), other.key())).await;
    let trusted = folder.path().join("trusted.pem");
    std::fs::copy(files.cert(), &trusted).expect("copied");
    let options = async_nats::ConnectOptions::new().add_root_certificates(trusted.clone());
    let stream = Stream::made_by(good.client(options).await, stream::Config::default()).await;
    let db = Database::sqlite().await;
    let toml = [
        entry("good", &format!("tls://localhost:{}", good.port), ""),
        entry("bad", &format!("tls://localhost:{}", bad.port), TALKATIVE),
    ];
    let launch = Launch::on(&db).toml(&toml.concat()).env("SSL_CERT_FILE", trusted.to_str().expect("a path"));
    let service = launch.start().await;
    service.callback().post().await.assert_ok("one");
    has(&stream, 1).await;
    let said = service.says("no connection to localhost:").await;
    assert!(said.contains("bad") && said.contains("certificate"), "{said}");
}
