//! A database that stops answering in the midst of something, on connections that stay open.

use portraitd::store::{Open, Store};
use std::sync::Arc;
use tokio::task::JoinSet;

use crate::harness::db::{Database, eventually};
use crate::harness::entries::callbacks;
use crate::harness::proxy::{Line, Proxy};
use crate::harness::service::Launch;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_died_without_a_word_do_not_use_up_the_readers() {
    let db = Database::postgres().await;
    drop(db.store().await);
    let proxy = Proxy::before(&db.url()).await;
    let store = Arc::new(Store::open(&proxy.url(&db.url()), Open::Existing).await.unwrap());
    let mut blocker = db.pg().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE callbacks IN ACCESS EXCLUSIVE MODE").execute(&mut blocker).await.unwrap();
    let mut asking = JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        asking.spawn(async move { store.receipts(&callbacks(1).iter().collect::<Vec<_>>()).await.map(drop) });
    }
    const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'portraitd' AND wait_event_type = 'Lock'";
    eventually("every reader is in the midst of it", async || db.count(WAITING).await == 8).await;
    proxy.bury_connections();
    asking.shutdown().await;
    drop(blocker);
    eventually("there are readers again", async || store.head().await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_dies_while_it_is_opened_is_opened_later() {
    let db = Database::postgres().await;
    drop(db.store().await);
    let proxy = Proxy::before(&db.url()).await;
    proxy.set(Line::FreezesAt("-- version"));
    let config = format!("[store]\nurl = {:?}", proxy.url(&db.url()));
    let service = Launch::on(&db).env("DATABASE_URL", "").toml(&config).start().await;
    service.says("starting without the store").await;
    assert_eq!(proxy.line(), Line::Frozen);
    proxy.bury_connections();
    proxy.set(Line::Good);
    service.callback().account("early").post().await.assert_ok("into the spool");
    eventually("it is recorded", async || db.count("SELECT count(*) FROM callbacks").await == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_of_the_upkeep_that_hangs_does_not_keep_the_others_from_being_done() {
    let db = Database::postgres().await;
    drop(db.store().await);
    db.execute(
        "CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0
             AS $$ BEGIN PERFORM pg_advisory_lock(7); RETURN NULL; END $$;
         CREATE TRIGGER hang BEFORE DELETE ON recent FOR EACH STATEMENT EXECUTE FUNCTION hang();
         INSERT INTO unreadable (first_at, last_at, reason, auth, receipt_id, hash, body)
         SELECT now(), now(), 'large', 'none', decode(md5(n::text), 'hex'), sha256(n::text::bytea), repeat('x', 1000000)::bytea
           FROM generate_series(1, 3) n",
    )
    .await;
    let mut blocker = db.pg().await;
    sqlx::raw_sql("SELECT pg_advisory_lock(7)").execute(&mut blocker).await.unwrap();
    let service = Launch::on(&db).toml("[store]\nunreadable_max_bytes = 1500000").start().await;
    service.says("dropping expired dedupe keys failed, trying again in 5 s: the store did not answer within").await;
    service.says("2 of the oldest unreadable bodies were dropped").await;
    drop(blocker);
}
