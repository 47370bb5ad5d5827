//! A second replica on the same database is frozen again and again, if possible while it holds the log's lock: the first one
//! goes on answering.

use std::time::{Duration, Instant};

use anyhow::Context;
use rand::RngExt;
use sqlx::{Connection, Executor, PgConnection};

use crate::Bench;
use crate::load::{self, Open};
use crate::log::{Findings, Log};
use crate::postgres::Cluster;
use crate::program::Program;

const PER_SECOND: u64 = 500;
const CONNECTIONS: usize = 256;
const CHAT_WAITS: Duration = Duration::from_secs(2);
/// Longer than anybody may be held up.
const FREEZE: Duration = Duration::from_millis(2500);
const READY: Duration = Duration::from_secs(30);
/// How often to look for the lock before freezing anyway.
const LOOKS: usize = 200;

/// Locks on the log that connections of the replica to be frozen hold; it has a role of its own, to be known by.
const HELD: &str = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE locktype = 'advisory' AND granted AND usename = 'frozen'";

pub async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let rounds = bench.options.rounds(20, 2);
    let title = format!("a second replica frozen under load, {rounds} times, {PER_SECOND} callbacks/s on the first");
    eprintln!("{title}");
    let (mut random, mut findings) = (bench.random(), Findings::default());
    let cluster = Cluster::start(&[]);
    let (first_folder, second_folder) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let mut log = Log::on(&cluster, "replicas").await?;
    let first = Program::start(&log.url, first_folder.path())?;
    let mut monitor = PgConnection::connect(&log.url).await?;
    monitor.execute("CREATE ROLE frozen SUPERUSER LOGIN").await?;
    let second = Program::start(&log.url.replace("postgres@", "frozen@"), second_folder.path())?;
    first.drained(READY).await.context("the first replica is ready")?;
    second.drained(READY).await.context("the second replica is ready")?;
    let mut held = async || sqlx::query_scalar::<_, i64>(HELD).fetch_one(&mut monitor).await.map(|count| count > 0);

    let longest = FREEZE * 2 * u32::try_from(rounds)? + READY;
    let (measured, sending) = Open::start(&first.target(), PER_SECOND, CONNECTIONS, longest);
    let (mut at_once, mut still, mut beside) = (0, 0, Vec::new());
    for _ in 0..rounds {
        // Fresh connections each time, which end by themselves: nothing is asked of a replica that is frozen.
        let until = Instant::now() + Duration::from_secs(2);
        beside.push(load::closed(&second.target(), 32, until, &Default::default(), &mut random));
        tokio::time::sleep(Duration::from_millis(random.random_range(300..1000))).await;
        // The lock is held for milliseconds at a time: frozen as soon as it is seen to be.
        for _ in 0..LOOKS {
            if held().await? {
                break;
            }
        }
        second.freeze();
        at_once += usize::from(held().await?);
        tokio::time::sleep(Duration::from_millis(300)).await;
        still += usize::from(held().await?);
        tokio::time::sleep(FREEZE).await;
        second.thaw();
    }
    measured.stop();
    let tally = sending.await?;
    log.acknowledged(&tally);
    findings.acknowledged = tally.acknowledged.len();
    for beside in beside {
        let tally = beside.await?;
        findings.acknowledged += tally.acknowledged.len();
        log.acknowledged(&tally);
    }
    first.drained(READY).await.context("the first replica's backlog is in the log")?;
    second.drained(READY).await.context("the second replica's backlog is in the log")?;
    log.check(first_folder.path(), &mut findings).await?;

    let report = &mut bench.report;
    findings.report(report, &title);
    report.none(&title, "answered other than OK by the first", tally.refused);
    report.none(&title, "not answered by the first", tally.unanswered);
    report.below(&title, "slowest answer of the first, from when it was due", CHAT_WAITS, tally.slowest());
    report.figure(&title, "times the frozen one held the lock, at once / 300 ms later", format!("{at_once} / {still}"));
    Ok(())
}
