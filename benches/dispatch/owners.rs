//! Two processes with the same handler on one log: the owner is killed, or frozen past its lease, in the middle of it.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::sleep;

use crate::filling::{self, SETTINGS};
use crate::postgres::Cluster;
use crate::records::{self, Record, micros};
use crate::role::Process;
use crate::{Bench, fill};

const ENTRIES: usize = 50_000;
const ACCOUNTS: u64 = 5000;
const TAKE_OVER: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(120);
/// Attempts at a time, as in the default.
const CONCURRENCY: usize = 16;

#[derive(Default)]
struct Findings {
    missing: usize,
    disordered: usize,
    late: usize,
    slowest: Duration,
    again: usize,
}

pub async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let rounds = bench.options.rounds(10);
    let cluster = Cluster::start(&SETTINGS);
    for (signal, what) in [(libc::SIGKILL, "killed"), (libc::SIGSTOP, "frozen past its lease")] {
        let title =
            format!("{ENTRIES} callbacks over {ACCOUNTS} accounts, two processes, the owner {what}, {rounds} times");
        eprintln!("{title}");
        let mut findings = Findings::default();
        for round in 0..rounds {
            let url = filling::create(&cluster, &format!("owners_{signal}_{round}")).await?;
            fill(&url, ENTRIES as u64, ACCOUNTS).await?;
            one_round(&url, signal, ENTRIES * (1 + round % 8) / 10, &mut findings).await?;
        }
        let report = &mut bench.report;
        report.none(&title, "callbacks that did not reach the handler", findings.missing);
        report.none(&title, "calls out of their account's order", findings.disordered);
        report.below(&title, "until the other has taken over", TAKE_OVER, findings.slowest);
        if signal == libc::SIGSTOP {
            report.none(&title, "calls of the old owner after the thaw, beyond those under way", findings.late);
        }
        report.figure(&title, "calls more than once", findings.again);
    }
    Ok(())
}

async fn one_round(url: &str, signal: libc::c_int, midway: usize, findings: &mut Findings) -> anyhow::Result<()> {
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let files = [folders[0].path().join("records"), folders[1].path().join("records")];
    let first = Process::handle(url, folders[0].path())?;
    anyhow::ensure!(records::wait_for(&[&files[0]], 1, LIMIT).await, "the first does not begin");
    let second = Process::handle(url, folders[1].path())?;
    records::wait_for(&[&files[0]], midway, LIMIT).await;
    first.signal(signal);
    let struck_at = micros();
    anyhow::ensure!(records::wait_for(&[&files[1]], 1, LIMIT).await, "the second does not take over");
    if signal == libc::SIGSTOP {
        let frozen_epoch = epoch(url).await?;
        first.signal(libc::SIGCONT);
        let thawed_at = micros();
        sleep(Duration::from_secs(1)).await;
        let after = records::read(&files[0]).iter().filter(|record| record.handled_at > thawed_at).count();
        findings.late += after.saturating_sub(CONCURRENCY);
        anyhow::ensure!(epoch(url).await? == frozen_epoch, "the old owner has changed the epoch");
    }
    // Some come more than once, so that their number does not tell when all are there.
    let until = tokio::time::Instant::now() + LIMIT;
    while position(url).await? < ENTRIES as i64 && tokio::time::Instant::now() < until {
        sleep(Duration::from_millis(50)).await;
    }
    drop((first, second));
    judge(&files[0], &files[1], struck_at, findings);
    Ok(())
}

async fn epoch(url: &str) -> anyhow::Result<i64> {
    let mut connection = PgConnection::connect(url).await?;
    Ok(sqlx::query_scalar("SELECT epoch FROM subscriptions").fetch_one(&mut connection).await?)
}

async fn position(url: &str) -> anyhow::Result<i64> {
    let mut connection = PgConnection::connect(url).await?;
    Ok(sqlx::query_scalar("SELECT position FROM subscriptions").fetch_one(&mut connection).await?)
}

fn judge(first: &Path, second: &Path, struck_at: i64, findings: &mut Findings) {
    let (first, second) = (records::read(first), records::read(second));
    if let Some(begun) = second.first() {
        let after = Duration::from_micros(u64::try_from(begun.handled_at - struck_at).unwrap_or(0));
        findings.slowest = findings.slowest.max(after);
    }
    let mut times: HashMap<i64, usize> = HashMap::new();
    for record in first.iter().chain(&second) {
        *times.entry(record.seq).or_default() += 1;
    }
    findings.missing += ENTRIES - times.len();
    findings.again += times.values().filter(|times| **times > 1).count();
    // What the old owner still had under way when it thawed is its own business; each owner keeps the order, and the second
    // goes on where the first was or before.
    findings.disordered += disordered(&first) + disordered(&second) + skipped(&first, &second);
}

/// Calls after a later one of their account.
fn disordered(records: &[Record]) -> usize {
    let mut last: HashMap<(&str, i64), i64> = HashMap::new();
    let mut disordered = 0;
    for record in records {
        let before = last.insert((&record.account, record.epoch), record.seq);
        disordered += usize::from(before.is_some_and(|before| before >= record.seq));
    }
    disordered
}

/// Accounts of which the second began after one that neither has handled before: `ACCOUNTS` lie between two of an account.
fn skipped(first: &[Record], second: &[Record]) -> usize {
    let mut handled: HashMap<&str, i64> = HashMap::new();
    for record in first {
        let newest = handled.entry(&record.account).or_insert(record.seq);
        *newest = record.seq.max(*newest);
    }
    let mut skipped = 0;
    let mut seen: HashSet<&str> = HashSet::new();
    for record in second {
        if seen.insert(&record.account) {
            let expected =
                handled.get(record.account.as_str()).map_or(ACCOUNTS as i64, |newest| newest + ACCOUNTS as i64);
            skipped += usize::from(record.seq > expected);
        }
    }
    skipped
}
