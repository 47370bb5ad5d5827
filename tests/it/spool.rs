//! The spool, as an operator meets it: the database away at the start, away later, a restart in between, its command line.

use std::time::Duration;

use crate::harness::db::{Database, eventually};
use crate::harness::proxy::{Line, Proxy};
use crate::harness::service::{Launch, Service, program};

/// A database behind a line that can be cut, as a configuration.
async fn behind(proxy: &Proxy, db: &Database) -> String {
    format!("[receiver]\nanswer_budget_ms = 1500\n[store]\nurl = {:?}", proxy.url(&db.url()))
}

/// A service on that database, with a spool that outlives it.
async fn start(db: &Database, config: &str, spool: &std::path::Path) -> Service {
    let spool = format!("[spool]\ndir = {:?}", spool.display().to_string());
    Launch::on(db).env("DATABASE_URL", "").toml(config).toml(&spool).start().await
}

async fn ready(service: &Service) -> String {
    let response = service.http.get(format!("{}/readyz", service.private_url)).send().await.expect("an answer");
    let status = response.status();
    format!("{} {}", status.as_u16(), response.text().await.expect("text").trim())
}

async fn until_drained(service: &Service) {
    eventually("the spool is drained", async || ready(service).await == "200 ready: store").await;
}

fn status(service: &Service, spool: &std::path::Path) -> String {
    program::stdout(&service.cli(&["spool", "status", "--dir", spool.to_str().expect("a path")]))
}

async fn post(service: &Service, account: &str) {
    service.callback().account(account).sets("T", 1.into()).post().await.assert_ok(account);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_it_starts_answers_ok_and_migrates_and_drains_later() {
    let (db, spool) = (Database::postgres().await, tempfile::tempdir().expect("a folder"));
    let proxy = Proxy::before(&db.url()).await;
    proxy.set(Line::Down);
    let mut service = start(&db, &behind(&proxy, &db).await, spool.path()).await;
    service.says("starting without the store").await;
    assert!(ready(&service).await.starts_with("200 ready: spool"), "{}", ready(&service).await);
    for n in 0..20 {
        post(&service, &format!("early{n}")).await;
    }
    service.callback().body("[]").post().await.assert_fail(400, "unreadable");
    assert_eq!(ready(&service).await, "200 ready: spool: 21 callbacks wait for the store");
    assert_eq!(service.metric("portraitd_spool_records", "").await, 21.0);
    assert_eq!(db.count("SELECT count(*) FROM pg_tables WHERE tablename = 'callbacks'").await, 0, "no table yet");
    let said = status(&service, spool.path());
    let pid = format!("used by     process {}", service.pid());
    for line in ["callbacks   20", "unreadable  1", "damaged     0", &pid] {
        assert!(said.contains(line), "{line} in {said}");
    }
    proxy.set(Line::Good);
    until_drained(&service).await;
    assert_eq!(service.verified_entries(), 20);
    assert_eq!(service.unreadable().len(), 1);
    assert!(status(&service, spool.path()).contains("callbacks   0"));
    post(&service, "late").await;
    service.terminate();
    assert!(service.ended().await.success());
    assert!(!service.stderr().contains("stopped with"), "nothing is left: {}", service.stderr());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_spooled_outlives_the_process_however_it_ends() {
    let (db, spool) = (Database::postgres().await, tempfile::tempdir().expect("a folder"));
    let proxy = Proxy::before(&db.url()).await;
    let config = behind(&proxy, &db).await;
    let mut service = start(&db, &config, spool.path()).await;
    post(&service, "before").await;
    proxy.set(Line::Down);
    post(&service, "spooled").await;
    service.terminate();
    assert!(service.ended().await.success(), "what is in the spool is durable: {}", service.stderr());
    assert!(service.stderr().contains("stopped with 1 callbacks in the spool"), "{}", service.stderr());

    let service = start(&db, &config, spool.path()).await;
    post(&service, "spooled by the next").await;
    service.kill();
    drop(service);

    proxy.set(Line::Good);
    let service = start(&db, &config, spool.path()).await;
    until_drained(&service).await;
    assert_eq!(service.verified_entries(), 3);
    let accounts: Vec<_> = service.changes().iter().rev().map(|change| change["account"].clone()).collect();
    assert_eq!(accounts, ["before", "spooled", "spooled by the next"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_spool_of_a_process_that_will_not_come_back_is_drained_by_hand() {
    let (db, spool) = (Database::postgres().await, tempfile::tempdir().expect("a folder"));
    let proxy = Proxy::before(&db.url()).await;
    let mut service = start(&db, &behind(&proxy, &db).await, spool.path()).await;
    proxy.set(Line::Down);
    for n in 0..30 {
        post(&service, &format!("id{n}")).await;
    }
    let dir = spool.path().to_str().expect("a path");
    let drain = ["spool", "drain", "--dir", dir];
    let refused = program::run(service.folder(), &[("DATABASE_URL", &db.url())], &drain);
    assert_eq!(program::code(&refused), 1, "while the service has it");
    let owner = format!("in use by process {}", service.pid());
    assert!(program::stderr(&refused).contains(&owner), "{}", program::stderr(&refused));
    service.terminate();
    service.ended().await;

    let done = program::run(service.folder(), &[("DATABASE_URL", &db.url())], &drain);
    assert_eq!(program::code(&done), 0, "{}", program::stderr(&done));
    assert!(program::stderr(&done).contains("30 records of"), "{}", program::stderr(&done));
    let other = |arguments: &[&str]| program::run(service.folder(), &[("DATABASE_URL", &db.url())], arguments);
    assert!(program::stdout(&other(&["verify"])).starts_with("30 entries hold"));
    assert!(program::stdout(&other(&["spool", "status", "--dir", dir])).contains("callbacks   0"));
    let absent = other(&["spool", "status", "--dir", "nowhere"]);
    assert!(program::code(&absent) == 1 && program::stderr(&absent).contains("nowhere"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_services_cannot_share_a_spool() {
    let (db, spool) = (Database::sqlite().await, tempfile::tempdir().expect("a folder"));
    let config = format!("[store]\nurl = {:?}", db.url());
    let first = start(&db, &config, spool.path()).await;
    let toml = format!("[spool]\ndir = {:?}", spool.path().display().to_string());
    let (ended, said) = Launch::on(&db).toml(&toml).fail().await;
    assert_eq!(ended.code(), Some(1), "{said}");
    assert!(said.contains("spool.dir") && said.contains(&first.pid().to_string()), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_spool_refuses_says_so_and_takes_more_when_the_store_is_back() {
    let (db, spool) = (Database::postgres().await, tempfile::tempdir().expect("a folder"));
    let proxy = Proxy::before(&db.url()).await;
    let config = format!("{}\n[spool]\nmax_bytes = 20000", behind(&proxy, &db).await);
    let spool = format!("dir = {:?}", spool.path().display().to_string());
    let service = Launch::on(&db).env("DATABASE_URL", "").toml(&config).toml(&spool).start().await;
    proxy.set(Line::Down);
    let mut taken = 0;
    let refused = loop {
        let answer = service.callback().account(&format!("id{taken}")).sets("T", 1.into()).post().await;
        if answer.status != 200 {
            break answer;
        }
        taken += 1;
    };
    let info = refused.assert_fail(503, "the spool is full");
    assert!(!info.contains("spool"), "no internals: {info}");
    assert!((20..100).contains(&taken), "{taken} callbacks in 20,000 bytes");
    assert!(ready(&service).await.starts_with("503 not ready"), "{}", ready(&service).await);
    service.says("the spool is full: spool.max_bytes = 20000").await;
    assert!(service.metric("portraitd_spool_failures_total", "").await > 0.0);
    proxy.set(Line::Good);
    until_drained(&service).await;
    post(&service, "afterwards").await;
    eventually("what was held is recorded too", async || service.verified_entries() == taken + 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_freezes_costs_no_answer_its_time() {
    let (db, spool) = (Database::postgres().await, tempfile::tempdir().expect("a folder"));
    let proxy = Proxy::before(&db.url()).await;
    let service = start(&db, &behind(&proxy, &db).await, spool.path()).await;
    post(&service, "before").await;
    proxy.set(Line::Frozen);
    for n in 0..5 {
        let begun = std::time::Instant::now();
        post(&service, &format!("id{n}")).await;
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    assert!(ready(&service).await.starts_with("200 ready: spool"), "{}", ready(&service).await);
    proxy.set(Line::Good);
    until_drained(&service).await;
    assert_eq!(service.verified_entries(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_bodies_do_not_fill_it_and_are_not_complained_about_one_by_one() {
    let (db, spool) = (Database::postgres().await, tempfile::tempdir().expect("a folder"));
    let proxy = Proxy::before(&db.url()).await;
    proxy.set(Line::Down);
    let config = format!("{}\n[spool]\nmax_bytes = 80000\ndir = {:?}", behind(&proxy, &db).await, spool.path());
    let service = Launch::on(&db).env("DATABASE_URL", "").toml(&config).start().await;
    for n in 0..30 {
        service.callback().body(format!("[{n}{}]", " ".repeat(1000))).post().await.assert_fail(400, "unreadable");
    }
    let kept = service.metric("portraitd_spool_records", "").await;
    assert!((5.0..10.0).contains(&kept), "{kept} of a good 1,100 bytes in 10,000");
    assert_eq!(service.metric("portraitd_unreadable_lost_total", "").await, 30.0 - kept);
    let line = service.says("could not be kept").await;
    assert!(line.contains("an eighth of spool.max_bytes"), "{line}");
    for text in ["could not be kept", "answered before it was kept"] {
        assert_eq!(service.stderr().matches(text).count(), 1, "one line a minute is enough");
    }
    post(&service, "there is room").await;
    proxy.set(Line::Good);
    until_drained(&service).await;
    assert_eq!((service.verified_entries(), service.unreadable().len() as f64), (1, kept));
}
