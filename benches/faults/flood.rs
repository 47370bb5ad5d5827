//! Four times what it takes, for a minute: every request is answered, what is acknowledged is in the log, and afterwards it is
//! soon as quick as before.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::Bench;
use crate::load::{self, Open, Tally, p99};
use crate::log::{Findings, Log};
use crate::postgres::Cluster;
use crate::program::Program;
use crate::report::show;

const CONNECTIONS: usize = 512;
/// A light load, and over how many connections.
const LIGHT: (u64, usize) = (200, 8);
/// A p99 below this is normal on any machine.
const NORMAL: Duration = Duration::from_millis(20);
const CALM: Duration = Duration::from_secs(2);
const READY: Duration = Duration::from_secs(60);

pub async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let (time, probe) = if bench.options.quick { (5, 1) } else { (60, 3) };
    let title = format!("four times what it takes, for {time} s over {CONNECTIONS} connections");
    eprintln!("{title}");
    let (mut random, mut findings) = (bench.random(), Findings::default());
    let (cluster, folder) = (Cluster::start(&[]), tempfile::tempdir()?);
    let mut log = Log::on(&cluster, "flood").await?;
    let program = Program::start(&log.url, folder.path())?;
    let target = program.target();
    program.drained(READY).await.context("portraitd is ready")?;

    let light = async |seconds| Open::run(&target, LIGHT.0, LIGHT.1, Duration::from_secs(seconds)).await;
    let before = light(5).await?;
    let until = Instant::now() + Duration::from_secs(probe);
    let full = load::closed(&target, CONNECTIONS / 2, until, &Default::default(), &mut random).await?;
    let takes = full.acknowledged.len() as u64 / probe;
    let begun = Instant::now();
    let flood = Open::run(&target, takes * 4, CONNECTIONS, Duration::from_secs(time)).await?;
    let took = begun.elapsed();
    let after = light(10).await?;

    for tally in [&before, &full, &flood, &after] {
        log.acknowledged(tally);
        findings.acknowledged += tally.acknowledged.len();
    }
    program.drained(READY).await.context("the backlog is in the log")?;
    log.check(folder.path(), &mut findings).await?;

    let normal = NORMAL.max(before.p99() * 2);
    let answered = flood.acknowledged.len() + flood.refused;
    let report = &mut bench.report;
    findings.report(report, &title);
    report.figure(&title, "callbacks/s it takes / offered", format!("{takes} / {}", takes * 4));
    report.figure(&title, "callbacks/s sent and answered", (answered as f64 / took.as_secs_f64()).round());
    report.figure(&title, "answered OK / refused", format!("{} / {}", flood.acknowledged.len(), flood.refused));
    report.none(&title, "not answered", flood.unanswered);
    let (was, is) = (show(before.p99()), show(after.p99()));
    report.figure(&title, "p99 of a light load before / in the 10 s after", format!("{was} / {is}"));
    report.below(&title, "until that p99 is back to normal", CALM, calm(&after, normal));
    report.figure(&title, "peak resident memory", format!("{} MiB", program.peak_memory_kib() / 1024));
    Ok(())
}

/// From when on the p99 of all the rest is normal.
fn calm(tally: &Tally, normal: Duration) -> Duration {
    let from = |begin: &Duration| {
        p99(tally.answers.iter().filter(|answer| answer.due >= *begin).map(|answer| answer.took).collect())
    };
    (0..100).map(|tenths| Duration::from_millis(tenths * 100)).find(|begin| from(begin) <= normal).unwrap_or(CALM * 5)
}
