//! A backend that answers 500 for longer than the whole list of waits: the real program with the handler `forward`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use sqlx::{Connection, PgConnection};
use tokio::net::TcpListener;

use crate::filling::{self, SETTINGS};
use crate::load::Open;
use crate::postgres::Cluster;
use crate::program::Program;
use crate::report::show;
use crate::{Bench, http};

const PER_SECOND: u64 = 200;
const RETRY_SECS: [u64; 3] = [1, 2, 3];
const LIMIT: Duration = Duration::from_secs(60);

/// What reached the backend, in its order: account and entry.
#[derive(Default)]
struct Backend {
    down: AtomicBool,
    taken: Mutex<Vec<(String, i64)>>,
}

async fn take(State(backend): State<Arc<Backend>>, body: Bytes) -> StatusCode {
    let change: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let Some((account, seq)) = change.as_ref().and_then(|c| Some((c["account"].as_str()?, c["seq"].as_i64()?))) else {
        return StatusCode::BAD_REQUEST;
    };
    if backend.down.load(Ordering::Relaxed) {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    backend.taken.lock().unwrap_or_else(PoisonError::into_inner).push((account.to_owned(), seq));
    StatusCode::NO_CONTENT
}

impl Backend {
    async fn listen(self: Arc<Self>) -> anyhow::Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(take).with_state(self);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(address)
    }

    fn count(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn disordered(&self) -> usize {
        let mut last: HashMap<String, i64> = HashMap::new();
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone();
        taken.into_iter().filter(|(account, seq)| last.insert(account.clone(), *seq).is_some_and(|l| l >= *seq)).count()
    }
}

pub async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let list = RETRY_SECS.iter().sum::<u64>();
    let down = Duration::from_secs(bench.options.seconds.max(2 * list));
    let title = format!(
        "a backend that answers 500 for {} s, a list of waits of {list} s, {PER_SECOND} callbacks/s",
        down.as_secs()
    );
    eprintln!("{title}");
    let backend = Arc::<Backend>::default();
    let address = backend.clone().listen().await?;
    let (cluster, folder) = (Cluster::start(&SETTINGS), tempfile::tempdir()?);
    let url = filling::create(&cluster, "outage").await?;
    let config = folder.path().join("portraitd.toml");
    let handler = format!(
        "[[handlers]]\nname = \"backend\"\nkind = \"forward\"\nurl = \"http://{address}/\"\nallow_private = true\nretry_secs = {RETRY_SECS:?}\n"
    );
    std::fs::write(&config, handler)?;
    let path = config.to_string_lossy();
    let service = Program::start_with(&url, folder.path(), &[("PORTRAITD_CONFIG", path.as_ref())])?;

    let (load, sending) = Open::start(&service.target(), PER_SECOND, 16, down * 3);
    tokio::time::sleep(Duration::from_secs(1)).await;
    backend.down.store(true, Ordering::Relaxed);
    tokio::time::sleep(down).await;
    let lag = metric(&service, "portraitd_handler_lag").await;
    let stalled = metric(&service, "portraitd_handler_stalled").await;
    backend.down.store(false, Ordering::Relaxed);
    let recovering = Instant::now();
    tokio::time::sleep(Duration::from_secs(3)).await;
    load.stop();
    let sent = sending.await?.acknowledged.len();
    while backend.count() < sent && recovering.elapsed() < LIMIT {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = recovering.elapsed();
    let mut connection = PgConnection::connect(&url).await?;
    let dead: i64 =
        sqlx::query_scalar("SELECT count(*) FROM deliveries WHERE state = 'dead'").fetch_one(&mut connection).await?;

    let report = &mut bench.report;
    report.none(&title, "dead letters", usize::try_from(dead)?);
    report.none(&title, "callbacks that did not reach the backend", sent.saturating_sub(backend.count()));
    report.none(&title, "requests out of their account's order", backend.disordered());
    report.promise(&title, "the lag that /metrics showed meanwhile", "> 0", lag.unwrap_or(0), lag > Some(0));
    report.promise(&title, "`stalled` in /metrics meanwhile", "1", stalled.unwrap_or(0), stalled == Some(1));
    report.figure(&title, "until all had reached it, from its recovery on, 3 s of load included", show(took));
    Ok(())
}

/// What `/metrics` says of the handler.
async fn metric(service: &Program, name: &str) -> Option<i64> {
    let series = format!("{name}{{handler=\"backend\"}}");
    let said = http::get(service.private, "/metrics").await?;
    said.lines().find_map(|line| line.strip_prefix(&series)?.trim().parse().ok())
}
