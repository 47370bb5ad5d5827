//! `reconcile.every`: the service finds what was missed by itself.

use portraitd::emulator::{Emulator, Options, SECRET_KEY};
use serde_json::json;

use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::entries::NICK;
use crate::harness::service::{Launch, Service};

pub fn toml(vendor: &Emulator, every: &str, grace: &str) -> String {
    format!(
        "[tencent]\nbase_url = {:?}\nsecret_key = {SECRET_KEY:?}\n[reconcile]\nevery = {every:?}\ngrace = {grace:?}\n\
         [[handlers]]\nname = \"trace\"\nkind = \"log\"\nvalues = true\n",
        vendor.base_url()
    )
}

async fn post(service: &Service, account: &str, nick: &str) {
    let body = json!({"From_Account": account, "ProfileItem": [{"Tag": NICK, "Value": nick}]});
    service.callback().body(body.to_string()).post().await.assert_ok(nick);
}

on_both_stores! {
    async fn what_was_missed_is_found_counted_and_handed_to_handlers(db: Database) {
        let vendor = Emulator::start(Options::default()).await.expect("an emulator");
        let service = Launch::on(&db).toml(&toml(&vendor, "1s", "1s")).start().await;
        vendor.with_model(|model| model.import("zoe").profile.insert(NICK.to_owned(), "never told".into()));
        post(&service, "zoe", "told").await;
        let metric = async || service.metric("portraitd_missed_changes_total", "app=\"1400000000\"").await;
        eventually("it is counted", async || metric().await == 1.0).await;
        eventually("the handler has it", async || service.stderr().contains("never told")).await;
        service.says_times("is reconciled", 3).await;
        assert_eq!(metric().await, 1.0, "once");
        let changes = service.changes();
        assert_eq!((&changes[0]["kind"], &changes[0]["new"], &changes[0]["old"], &changes[0]["operator"]),
            (&json!("reconcile"), &json!("never told"), &json!("told"), &json!(null)));
        assert_eq!(service.verified_entries(), 2);
    }
}

/// The store takes no callback, but is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_in_the_spool_is_not_missed() {
    let db = Database::postgres().await;
    let vendor = Emulator::start(Options::default()).await.expect("an emulator");
    let set = |nick: &str| vendor.with_model(|model| model.import("zoe").profile.insert(NICK.to_owned(), nick.into()));
    set("told");
    let toml = format!("{}[receiver]\nanswer_budget_ms = 1500\n", toml(&vendor, "1s", "1s"));
    let service = Launch::on(&db).toml(&toml).start().await;
    post(&service, "zoe", "told").await;
    let mut blocker = db.pg().await;
    let lock = "BEGIN; SELECT pg_advisory_lock(1886351988, 'callbacks'::regclass::oid::integer)";
    sqlx::raw_sql(lock).execute(&mut blocker).await.expect("the append's lock");
    post(&service, "zoe", "waits").await;
    assert_eq!(service.metric("portraitd_spool_records", "").await, 1.0);
    set("waits");
    service.says("reconciling goes on when the spool is drained").await;
    let done = service.stderr().matches("is reconciled").count();
    sqlx::Connection::close(blocker).await.expect("released");
    service.says_times("is reconciled", done + 2).await;
    assert_eq!(service.metric("portraitd_spool_records", "").await, 0.0);
    assert_eq!(service.metric("portraitd_missed_changes_total", "").await, 0.0);
    assert_eq!(service.verified_entries(), 2);
}

/// An alert on its increase would not see the first one otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_counters_are_there_from_the_start_for_each_app_with_a_key() {
    let db = Database::sqlite().await;
    let launch = Launch::on(&db).app(1, &[]).secret_key("k").app(2, &[]).secret_key("k").app(3, &[]);
    let service =
        launch.toml("[reconcile]\nevery = \"1d\"\n[tencent]\nbase_url = \"http://127.0.0.1:9\"").start().await;
    let metrics = async || {
        let response =
            service.http.get(format!("{}/metrics", service.private_url)).send().await.expect("/metrics answers");
        response.text().await.expect("metrics")
    };
    for app in [1, 2] {
        for name in ["missed_changes", "reconcile_failures"] {
            let line = format!("portraitd_{name}_total{{app=\"{app}\"}} 0");
            eventually(&line, async || metrics().await.contains(&line)).await;
        }
    }
    assert!(!metrics().await.contains("_total{app=\"3\"}"));
}

#[tokio::test]
async fn it_takes_a_secret_key() {
    let db = Database::sqlite().await;
    let (status, said) = Launch::on(&db).toml("[reconcile]\nevery = \"1d\"\n").fail().await;
    assert_eq!(status.code(), Some(2));
    assert!(said.contains("tencent.secret_key") && said.contains("PORTRAITD_SECRET_KEY"), "{said}");
}
