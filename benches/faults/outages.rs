//! The database goes away and comes back, under a load that does not wait: everything is answered OK meanwhile, and in the log
//! afterwards.

use std::time::{Duration, Instant};

use anyhow::Context;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::Bench;
use crate::disk::SmallDisk;
use crate::load::Open;
use crate::log::{Findings, Log};
use crate::postgres::Cluster;
use crate::program::Program;
use crate::proxy::{Line, Proxy};
use crate::report::show;
use crate::server;

const PER_SECOND: u64 = 1000;
const CONNECTIONS: usize = 256;
/// A callback's answer is of no use after this.
const CHAT_WAITS: Duration = Duration::from_secs(2);
/// How long the backlog may take into the log before the round counts as failed.
const RECOVERY: Duration = Duration::from_secs(90);
/// The end of a load that nothing else ends.
const LONGEST: Duration = Duration::from_secs(180);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Killed,
    Stopped,
    Frozen,
    DiskFull,
    CommitLost,
}

const FAULTS: [Fault; 5] = [Fault::Killed, Fault::Stopped, Fault::Frozen, Fault::DiskFull, Fault::CommitLost];

impl Fault {
    fn title(self) -> &'static str {
        match self {
            Fault::Killed => "Postgres killed (SIGKILL) for a while",
            Fault::Stopped => "Postgres stopped (fast shutdown) for a while",
            Fault::Frozen => "Postgres frozen (SIGSTOP)",
            Fault::DiskFull => "Postgres' disk full",
            Fault::CommitLost => "network cut in the middle of COMMIT, again and again, then down",
        }
    }
}

#[derive(Default)]
struct Worst {
    findings: Findings,
    refused: usize,
    unanswered: usize,
    slowest: Duration,
    drained: Duration,
    cuts: u32,
}

pub async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let rounds = bench.options.rounds(20, FAULTS.len()).div_ceil(FAULTS.len());
    let mut random = bench.random();
    for fault in FAULTS {
        if fault == Fault::DiskFull && !SmallDisk::is_possible() {
            bench.report.figure(fault.title(), "not measured: this user may not mount a small disk", "");
            continue;
        }
        let title = format!("{}, {rounds} times, {PER_SECOND} callbacks/s", fault.title());
        eprintln!("{title}");
        let mut worst = Worst::default();
        for _ in 0..rounds {
            round(fault, bench.options.quick, &mut random, &mut worst).await?;
        }
        let report = &mut bench.report;
        worst.findings.report(report, &title);
        report.none(&title, "answered other than OK", worst.refused);
        report.none(&title, "not answered", worst.unanswered);
        report.below(&title, "slowest answer, from when it was due", CHAT_WAITS, worst.slowest);
        report.figure(&title, "longest until the backlog was in the log", show(worst.drained));
        if fault == Fault::CommitLost {
            report.figure(&title, "answers to a COMMIT lost", worst.cuts);
        }
    }
    Ok(())
}

async fn round(fault: Fault, quick: bool, random: &mut StdRng, worst: &mut Worst) -> anyhow::Result<()> {
    let disk = (fault == Fault::DiskFull).then(SmallDisk::mount).transpose()?;
    let mut cluster = match &disk {
        Some(disk) => Cluster::start_in(disk.path(), &["max_wal_size=64MB", "min_wal_size=32MB"]),
        None => Cluster::start(&[]),
    };
    let folder = tempfile::tempdir()?;
    let mut log = Log::on(&cluster, "outage").await?;
    let proxy = Proxy::before(&log.url).await;
    let url = if fault == Fault::CommitLost { proxy.url(&log.url) } else { log.url.clone() };
    let program = Program::start(&url, folder.path())?;
    program.drained(RECOVERY).await.context("portraitd is ready on an empty log")?;

    let (load, sending) = Open::start(&program.target(), PER_SECOND, CONNECTIONS, LONGEST);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let away = match (fault, quick) {
        (_, true) => Duration::from_secs(2),
        (Fault::Frozen, false) => Duration::from_secs(30),
        _ => Duration::from_millis(random.random_range(3000..8000)),
    };
    match fault {
        Fault::Killed => {
            server::kill(&cluster)?;
            tokio::time::sleep(away).await;
            cluster.restart();
        }
        Fault::Stopped => {
            server::stop(&cluster);
            tokio::time::sleep(away).await;
            cluster.restart();
        }
        Fault::Frozen => {
            server::freeze(&cluster);
            tokio::time::sleep(away).await;
            server::thaw(&cluster);
        }
        Fault::DiskFull => {
            let disk = disk.as_ref().context("a small disk")?;
            disk.fill()?;
            tokio::time::sleep(away).await;
            disk.empty()?;
            // A server that could not even write its log ends; whoever looks after it starts it again.
            tokio::time::sleep(Duration::from_millis(500)).await;
            if server::has_ended(&cluster) {
                cluster.restart();
            }
        }
        Fault::CommitLost => {
            let begun = Instant::now();
            while begun.elapsed() < away {
                proxy.set(Line::LosesNextAnswer);
                tokio::time::sleep(Duration::from_millis(random.random_range(20..200))).await;
            }
            proxy.set(Line::Down);
            tokio::time::sleep(away).await;
            proxy.set(Line::Good);
        }
    }
    let drained = program.drained(RECOVERY).await.context("the backlog is in the log")?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    load.stop();
    let tally = sending.await?;
    program.drained(RECOVERY).await.context("everything is in the log")?;

    log.acknowledged(&tally);
    log.check(folder.path(), &mut worst.findings).await?;
    eprintln!(
        "    away {}, {} acknowledged, {} refused, {} not answered, slowest {}, backlog gone after {}",
        show(away),
        tally.acknowledged.len(),
        tally.refused,
        tally.unanswered,
        show(tally.slowest()),
        show(drained)
    );
    worst.findings.acknowledged += tally.acknowledged.len();
    worst.refused += tally.refused;
    worst.unanswered += tally.unanswered;
    worst.slowest = worst.slowest.max(tally.slowest());
    worst.drained = worst.drained.max(drained);
    worst.cuts += proxy.cuts();
    Ok(())
}
