//! A handler that does nothing, from the log's beginning: how fast callbacks reach it. The yardstick is a job queue in the
//! same database, one row a callback, taken with SKIP LOCKED by as many workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use portraitd::clock::Clock;
use portraitd::dispatch::{self, Registration, Start};
use portraitd::stop::Stop;
use portraitd::store::{Open, Store};
use portraitd::telemetry::Metrics;
use portraitd::{Context, Outcome, ProfileChange, ProfileHandler, Wants, async_trait};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, Executor, PgConnection};
use tokio::task::JoinSet;

use crate::filling::{self, SETTINGS};
use crate::postgres::Cluster;
use crate::role::rules;
use crate::{Bench, fill};

const ACCOUNTS: u64 = 5000;
const JOBS: u64 = 20_000;
/// It fails in its turn.
const FAILING: &str = "user17";

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Nothing,
    Previous,
    OneFails,
}

struct Counter {
    kind: Kind,
    handled: Arc<AtomicU64>,
}

#[async_trait]
impl ProfileHandler for Counter {
    fn wants(&self) -> Wants {
        match self.kind {
            Kind::Previous => Wants::everything().previous_values(),
            _ => Wants::everything(),
        }
    }

    async fn handle(&self, change: &ProfileChange, cx: &Context) -> Outcome {
        if self.kind == Kind::OneFails && change.account == FAILING {
            return cx.retry("as always");
        }
        self.handled.fetch_add(1, Ordering::Relaxed);
        Outcome::Done
    }
}

pub async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let (entries, rounds) = (bench.options.entries, bench.options.rounds(3));
    let cluster = Cluster::start(&SETTINGS);
    let url = filling::create(&cluster, "catchup").await?;
    fill(&url, entries, ACCOUNTS).await?;
    let folder = tempfile::tempdir()?;
    let file = format!("sqlite://{}/catchup.db", folder.path().display());
    fill(&file, entries, ACCOUNTS).await?;

    let mut rates: [Vec<f64>; 5] = Default::default();
    for round in 0..=rounds {
        let now = [
            rate(&url, entries, Kind::Nothing, round).await?,
            rate(&url, entries, Kind::OneFails, round).await?,
            rate(&url, entries, Kind::Previous, round).await?,
            rate(&file, entries, Kind::Nothing, round).await?,
            yardstick(&url, entries.min(JOBS)).await?,
        ];
        eprintln!("round {round} of {rounds}: {}", now.map(|rate| format!("{rate:.0}/s")).join(", "));
        // The first one warms up.
        if round > 0 {
            rates.iter_mut().zip(now).for_each(|(rates, rate)| rates.push(rate));
        }
    }
    let [nothing, failing, previous, sqlite, jobs] = rates.map(median);
    let title = format!("catching up with {entries} callbacks over {ACCOUNTS} accounts");
    let (report, per_second) = (&mut bench.report, |rate: f64| format!("{rate:.0}/s"));
    let what = "a handler that does nothing, on Postgres";
    report.promise(&title, what, ">= 20000/s", per_second(nothing), nothing >= 20_000.0);
    report.figure(&title, "the same on SQLite", per_second(sqlite));
    report.figure(&title, "asking for previous values, on Postgres", per_second(previous));
    report.figure(&title, "the yardstick: a job row a callback, SKIP LOCKED, 16 workers", per_second(jobs));
    report.figure(&title, "a handler that does nothing, against the yardstick", format!("{:.1}×", nothing / jobs));
    let share = failing / nothing * 100.0;
    let what = "the others' throughput while one account always fails";
    report.promise(&title, what, "> 90 %", format!("{share:.0} %"), share > 90.0);
    Ok(())
}

async fn rate(url: &str, entries: u64, kind: Kind, round: usize) -> anyhow::Result<f64> {
    let store = Arc::new(Store::open(url, Open::Migrate).await?);
    let handled = Arc::new(AtomicU64::new(0));
    let expected = match kind {
        Kind::OneFails => entries - entries / ACCOUNTS,
        _ => entries,
    };
    let registration = Registration {
        name: format!("counter-{}-{round}", kind as u8),
        handler: Arc::new(Counter { kind, handled: handled.clone() }),
        start: Start::Beginning,
        rules: rules(),
        limit: Duration::from_secs(30),
    };
    let (stop, begun) = (Stop::new(), Instant::now());
    let metrics = Arc::<Metrics>::default();
    let running = dispatch::run(vec![registration], store, metrics, Clock::system(), Duration::ZERO, stop.clone());
    let running = tokio::spawn(running);
    while handled.load(Ordering::Relaxed) < expected {
        anyhow::ensure!(begun.elapsed() < Duration::from_secs(300), "it does not catch up");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let took = begun.elapsed();
    stop.soft();
    running.await?;
    Ok(expected as f64 / took.as_secs_f64())
}

async fn yardstick(url: &str, jobs: u64) -> anyhow::Result<f64> {
    let mut connection = PgConnection::connect(url).await?;
    connection.execute("DROP TABLE IF EXISTS jobs").await?;
    connection.execute("CREATE TABLE jobs (seq bigint PRIMARY KEY, done boolean NOT NULL)").await?;
    let make = "INSERT INTO jobs SELECT seq, false FROM callbacks WHERE seq <= $1";
    sqlx::query(make).bind(i64::try_from(jobs)?).execute(&mut connection).await?;
    connection.execute("CREATE INDEX ON jobs (seq) WHERE NOT done").await?;
    connection.execute("VACUUM ANALYZE jobs").await?;
    let pool = PgPoolOptions::new().min_connections(16).max_connections(16).connect(url).await?;
    let begun = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..16 {
        workers.spawn(work(pool.clone()));
    }
    let mut done = 0;
    while let Some(worker) = workers.join_next().await {
        done += worker??;
    }
    anyhow::ensure!(done == jobs, "{done} of {jobs} jobs were done");
    Ok(jobs as f64 / begun.elapsed().as_secs_f64())
}

async fn work(pool: sqlx::PgPool) -> anyhow::Result<u64> {
    for done in 0.. {
        let mut transaction = pool.begin().await?;
        let take = "UPDATE jobs SET done = true WHERE seq = (SELECT seq FROM jobs WHERE NOT done ORDER BY seq LIMIT 1
                    FOR UPDATE SKIP LOCKED) RETURNING seq";
        let job: Option<i64> = sqlx::query_scalar(take).fetch_optional(&mut *transaction).await?;
        let Some(seq) = job else { return Ok(done) };
        let read = "SELECT body FROM callbacks WHERE seq = $1";
        let _body: Vec<u8> = sqlx::query_scalar(read).bind(seq).fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
    }
    Ok(0)
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
