//! What an operator meets sooner or later. Each has a line in docs/runbook.md.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Instant;

use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::BodyExt;
use portraitd::clock::Clock;
use portraitd::config::{Flags, load};
use portraitd::journal::{Outcome, Recorder, Recording};
use portraitd::protocol::sign::sign;
use portraitd::receiver::{Gate, Receiver};
use portraitd::store::{NewEntry, NewUnreadable};
use portraitd::telemetry::Metrics;
use tower::ServiceExt;

use crate::harness::db::{Database, eventually};
use crate::harness::proxy::{Line, Proxy};
use crate::harness::service::{Launch, Service};

const KICK: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid()";

/// On the defaults' budgets, whatever the machine.
async fn start(db: &Database) -> Service {
    Launch::on(db).toml("[receiver]\nanswer_budget_ms = 1500").start().await
}

async fn post(service: &Service, account: &str) {
    service.callback().account(account).sets("T", 1.into()).post().await.assert_ok(account);
}

async fn ready(service: &Service) -> String {
    service
        .http
        .get(format!("{}/readyz", service.private_url))
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("text")
}

async fn until_drained(service: &Service) {
    eventually("the store has it all", async || ready(service).await == "ready: store\n").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_to_a_standby_that_is_still_read_only_is_waited_for() {
    let db = Database::postgres().await;
    let service = start(&db).await;
    post(&service, "before").await;
    let name = db.texts("SELECT current_database()::text").await.remove(0);
    db.execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    db.execute(KICK).await;
    for n in 0..5 {
        post(&service, &format!("during{n}")).await;
    }
    service.says("read-only transaction").await;
    assert!(ready(&service).await.starts_with("ready: spool"));
    let promoted = format!("BEGIN READ WRITE; ALTER DATABASE {name} RESET default_transaction_read_only; COMMIT");
    db.execute(&promoted).await;
    db.execute(KICK).await;
    until_drained(&service).await;
    assert_eq!(service.verified_entries(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_loses_its_rights_gets_them_back_without_a_restart() {
    let db = Database::postgres().await;
    drop(db.store().await);
    let name = db.texts("SELECT current_database()::text").await.remove(0);
    let role = format!("{name}_service");
    let rights = format!("SELECT, INSERT ON ALL TABLES IN SCHEMA public {{}} {role}");
    db.execute(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'of-this-test'; GRANT {}; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {role};
         GRANT DELETE ON recent TO {role}",
        rights.replace("{}", "TO")
    ))
    .await;
    let service = Launch::on(&db)
        .env("DATABASE_URL", &db.url_as(&role, "of-this-test"))
        .toml("[receiver]\nanswer_budget_ms = 1500")
        .start()
        .await;
    post(&service, "before").await;
    db.execute(&format!("REVOKE {}", rights.replace("{}", "FROM"))).await;
    post(&service, "during").await;
    service.says("permission denied").await;
    db.execute(&format!("GRANT {}", rights.replace("{}", "TO"))).await;
    until_drained(&service).await;
    assert_eq!(db.count("SELECT count(*) FROM callbacks").await, 2);
    drop(service);
    db.execute(&format!("{KICK}; DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_newer_than_the_program_stop_the_start_and_are_said_again_and_again_if_they_come_later() {
    let db = Database::postgres().await;
    drop(db.store().await);
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (999, 'later', true, '', 0)";
    db.execute(newer).await;
    let (ended, said) = Launch::on(&db).fail().await;
    assert!(ended.code() == Some(1) && said.contains("run a newer portraitd"), "{said}");

    let proxy = Proxy::before(&db.url()).await;
    proxy.set(Line::Down);
    let config = format!("[store]\nurl = {:?}", proxy.url(&db.url()));
    let service = Launch::on(&db).env("DATABASE_URL", "").toml(&config).start().await;
    post(&service, "early").await;
    proxy.set(Line::Good);
    service.says("run a newer portraitd").await;
    assert!(ready(&service).await.starts_with("ready: spool: 1 callbacks"), "what arrives is durable all the same");
    db.execute("DELETE FROM _sqlx_migrations WHERE version = 999").await;
    until_drained(&service).await;
    assert_eq!(db.count("SELECT count(*) FROM callbacks").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_or_database_stops_the_start() {
    let db = Database::postgres().await;
    let name = db.texts("SELECT current_database()::text").await.remove(0);
    let nowhere = db.url().replace(&name, "no_such_database");
    let (ended, said) = Launch::on(&db).env("DATABASE_URL", &nowhere).fail().await;
    assert!(ended.code() == Some(1) && said.contains("no_such_database"), "{said}");
}

/// Takes everything, but dies of some.
#[derive(Default)]
struct Fragile(AtomicU32);

impl Recorder for Fragile {
    fn record(&self, entry: NewEntry, _: Instant) -> Recording<'_, Outcome> {
        assert_ne!(entry.account.as_deref(), Some("fatal"));
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Outcome::Recorded })
    }

    fn keep(&self, _: NewUnreadable, _: Instant) -> Recording<'_, bool> {
        Box::pin(async { true })
    }
}

struct Door {
    router: axum::Router,
    metrics: Arc<Metrics>,
    recorder: Arc<Fragile>,
    now: Arc<AtomicI64>,
}

impl Door {
    fn new() -> Self {
        let env = [("PORTRAITD_SDK_APP_ID", "1"), ("PORTRAITD_CALLBACK_TOKEN", "token")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let config = load(&Flags::default(), &env).expect("a configuration").config;
        let (metrics, recorder, now) =
            (Arc::<Metrics>::default(), Arc::<Fragile>::default(), Arc::<AtomicI64>::default());
        let told = now.clone();
        let clock = Clock::from_fn(move || told.load(Ordering::Relaxed));
        let gate = Gate::new(&config.receiver, &metrics).expect("a gate");
        let receiver = Receiver::new(&config.apps, &config.receiver, gate, recorder.clone(), clock, metrics.clone());
        Door { router: receiver.expect("a receiver").router(), metrics, recorder, now }
    }

    /// A callback that Chat signed at `signed_at`, arriving when our clock says `now`; milliseconds.
    async fn post(&self, account: &str, signed_at: i64, now: i64) -> Response<Body> {
        self.now.store(now, Ordering::Relaxed);
        let time = (signed_at / 1000).to_string();
        let query = format!(
            "SdkAppid=1&CallbackCommand=Profile.CallbackPortraitSet&RequestTime={time}&Sign={}",
            sign("token", &time)
        );
        let body = format!(r#"{{"From_Account":"{account}","ProfileItem":[]}}"#);
        let request = Request::post(format!("/?{query}")).body(Body::from(body)).expect("a request");
        self.router.clone().oneshot(request).await.expect("an answer")
    }
}

#[tokio::test]
async fn a_panic_in_one_request_is_contained_and_counted() {
    let door = Door::new();
    let answer = door.post("fatal", 0, 0).await;
    assert_eq!(answer.status(), 500);
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    assert_eq!(&body[..], br#"{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"internal error"}"#);
    assert_eq!(door.metrics.panics.get(), 1);
    let text = door.metrics.text().expect("metrics");
    assert!(text.contains("portraitd_callbacks_total{outcome=\"panic\",command=\"\"} 1"), "{text}");
    assert_eq!(door.post("well", 0, 0).await.status(), 200);
}

#[tokio::test]
async fn a_clock_that_jumps_costs_what_is_signed_meanwhile_its_place_in_the_log_but_not_its_body() {
    const NOW: i64 = 1_760_000_000_000;
    const DAY: i64 = 86_400_000;
    let door = Door::new();
    let clocks = [NOW, NOW + 3000 * DAY, NOW - DAY, 0, NOW + 59_000, NOW - 59_000, i64::MAX / 2_000_000];
    for clock in clocks {
        let right = (clock - NOW).abs() <= 60_000;
        let status = door.post("id1", NOW, clock).await.status();
        assert_eq!(status, if right { 200 } else { 401 }, "the clock says {clock}");
    }
    assert_eq!(door.recorder.0.load(Ordering::Relaxed), 3, "and it recovers by itself when the clock does");
    assert_eq!(door.metrics.panics.get(), 0);
}
