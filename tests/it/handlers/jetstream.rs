//! `jetstream`: what arrives in a stream, and that whatever happens to the server everything arrives, once, in order.

mod failing;
mod logins;
mod nats;
mod operator;

use std::collections::{BTreeMap, BTreeSet};

use async_nats::jetstream::stream;
use serde_json::{Value, json};

use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::proxy::{Line, Proxy};
use crate::harness::service::{Launch, Service};
use nats::{Nats, Stream};

const NICK: &str = "Tag_Profile_IM_Nick";
const DEAD: &str = "a callback is a dead letter now: ";
/// Failed attempts are logged.
const TALKATIVE: &str = "[log]\nfilter = \"info,portraitd::dispatch=debug\"\n";

/// A `[[handlers]]` entry that tries again soon; `more` is of its table.
fn entry(name: &str, url: &str, more: &str) -> String {
    let retry = if more.contains("retry_secs") { "" } else { "retry_secs = [1, 1, 1, 1, 1, 1, 1, 1]" };
    format!("[[handlers]]\nname = {name:?}\nkind = \"jetstream\"\nurl = {url:?}\n{retry}\n{more}\n")
}

async fn service(db: &Database, url: &str, more: &str) -> Service {
    Launch::on(db).toml(&entry("events", url, more)).start().await
}

async fn attempts(service: &Service, outcome: &str) -> f64 {
    service.metric("portraitd_handler_attempts_total", &format!("outcome=\"{outcome}\"")).await
}

async fn has(stream: &Stream, count: u64) {
    eventually(&format!("{count} messages are stored"), async || stream.count().await == count).await;
}

on_both_stores! {
    async fn a_change_arrives_under_its_subject_with_its_receipt_and_is_the_same_json(db: Database) {
        let nats = Nats::start("").await;
        let stream = nats.stream().await;
        let service = service(&db, &nats.url(), "previous = true").await;
        for (account, nick) in [("id-1_x", "a"), ("id-1_x", "b"), ("a.b *>\r\n小", "c")] {
            service.callback().account(account).sets(NICK, json!(nick)).post().await.assert_ok(account);
        }
        has(&stream, 3).await;
        let hex = if db.is_postgres() { "encode(receipt_id, 'hex')" } else { "lower(hex(receipt_id))" };
        let receipts: BTreeSet<_> = db.texts(&format!("SELECT {hex} FROM callbacks ORDER BY seq")).await.into_iter().collect();
        let mut subjects = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for message in stream.messages().await {
            let got: Value = serde_json::from_slice(&message.payload).expect("JSON");
            let receipt = got["receipt_id"].as_str().expect("a receipt").to_owned();
            assert_eq!(message.headers.get("Nats-Msg-Id").map(|id| id.as_str()), Some(receipt.as_str()));
            assert!(seen.insert(receipt));
            let items = subjects.entry(message.subject.to_string()).or_insert_with(Vec::new);
            items.push((got["account"].clone(), got["items"].clone()));
        }
        assert_eq!(seen, receipts);
        let known = vec![
            (json!("id-1_x"), json!([{"tag": NICK, "new": "a"}])),
            (json!("id-1_x"), json!([{"tag": NICK, "old": "a", "new": "b"}])),
        ];
        let strange = vec![(json!("a.b *>\r\n小"), json!([{"tag": NICK, "new": "c"}]))];
        assert_eq!(subjects.remove("portraitd.1400000000.id-1_x"), Some(known));
        assert_eq!(subjects.remove("portraitd.1400000000.a=2Eb=20=2A=3E=0D=0A=E5=B0=8F"), Some(strange));
        assert!(subjects.is_empty(), "{subjects:?}");
        eventually("they are done", async || attempts(&service, "done").await == 3.0).await;
    }

    async fn a_server_that_is_killed_midway_gets_everything_once_and_in_order(db: Database) {
        const ACCOUNTS: usize = 5;
        let mut nats = Nats::start("").await;
        let stream = nats.stream().await;
        let service = service(&db, &nats.url(), "concurrency = 3\nretry_secs = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]").await;
        for round in 0..30 {
            if round == 10 {
                eventually("some are stored", async || stream.count().await > 5).await;
                nats.kill();
            }
            for account in 0..ACCOUNTS {
                let callback = service.callback().account(&format!("id{account}")).sets(NICK, json!(round));
                callback.post().await.assert_ok("a callback");
            }
            if round == 20 {
                service.says("the connection to NATS is lost").await;
                nats.run().await;
            }
        }
        has(&stream, 30 * ACCOUNTS as u64).await;
        eventually("they are done", async || attempts(&service, "done").await == (30 * ACCOUNTS) as f64).await;
        let mut rounds = BTreeMap::new();
        for message in stream.messages().await {
            let got: Value = serde_json::from_slice(&message.payload).expect("JSON");
            let round = got["items"][0]["new"].as_u64().expect("a round");
            rounds.entry(got["account"].to_string()).or_insert_with(Vec::new).push(round);
        }
        assert_eq!(rounds.len(), ACCOUNTS);
        for (account, rounds) in rounds {
            assert_eq!(rounds, (0..30).collect::<Vec<_>>(), "{account}");
        }
        assert_eq!(attempts(&service, "rejected").await, 0.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stored_although_no_ack_came_back_is_stored_once_and_done() {
    let nats = Nats::start("").await;
    let stream = nats.stream().await;
    let proxy = Proxy::before(&nats.url()).await;
    let db = Database::sqlite().await;
    let service = service(&db, &format!("nats://{}", proxy.address()), "").await;
    service.callback().post().await.assert_ok("one");
    has(&stream, 1).await;
    eventually("it is done", async || attempts(&service, "done").await == 1.0).await;

    proxy.set(Line::LosesNextAnswer);
    service.callback().post().await.assert_ok("two");
    has(&stream, 2).await;
    proxy.set(Line::Down);
    service.says("the connection to NATS is lost").await;
    proxy.set(Line::Good);
    eventually("it is done", async || attempts(&service, "done").await == 2.0).await;
    assert!(attempts(&service, "failed").await >= 1.0, "its ack was lost");
    assert_eq!(stream.count().await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_handlers_publish_each_to_its_own_server_and_subject() {
    let (first, second) = (Nats::start("").await, Nats::start("").await);
    let here = first.stream().await;
    let config = stream::Config { subjects: vec!["im.*.profile".to_owned()], ..Default::default() };
    let there = Stream::made_by(second.client(Default::default()).await, config).await;
    let toml = [
        entry("here", &first.url(), "tags = [\"Tag_Profile_Custom_*\"]"),
        entry("there", &format!("nats://127.0.0.1:1, {}", second.url()), "subject = \"im.app-{app}.profile\""),
    ];
    let db = Database::sqlite().await;
    let service = Launch::on(&db).toml(&toml.concat()).start().await;
    for tag in [NICK, "Tag_Profile_Custom_Pet"] {
        service.callback().sets(tag, json!("x")).post().await.assert_ok(tag);
    }
    has(&there, 2).await;
    has(&here, 1).await;
    let subject = |messages: &[async_nats::jetstream::message::StreamMessage]| messages[0].subject.to_string();
    assert_eq!(subject(&there.messages().await), "im.app-1400000000.profile");
    assert_eq!(subject(&here.messages().await), "portraitd.1400000000.id1");
}
