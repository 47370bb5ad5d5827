//! SIGKILL at random moments under load: to portraitd on both stores, and to Postgres, each second time to both.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::Bench;
use crate::callbacks::Repeatable;
use crate::load;
use crate::log::{Findings, Log};
use crate::postgres::Cluster;
use crate::program::Program;
use crate::server;

/// Rounds on one log; then a fresh one, so that checking the whole of it stays quick.
const ROUNDS_A_LOG: usize = 20;
/// How long recovery may take before a round counts as failed.
const RECOVERY: Duration = Duration::from_secs(60);

pub async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    for on_postgres in [true, false] {
        portraitd(bench, on_postgres).await?;
    }
    postgres(bench).await
}

async fn portraitd(bench: &mut Bench, on_postgres: bool) -> anyhow::Result<()> {
    let rounds = bench.options.rounds(100, 2);
    let title = format!("SIGKILL to portraitd on {}, {rounds} times", if on_postgres { "Postgres" } else { "SQLite" });
    eprintln!("{title}");
    let (mut random, mut findings) = (bench.random(), Findings::default());
    let cluster = on_postgres.then(|| Cluster::start(&[]));
    let folder = tempfile::tempdir()?;
    let mut on: Option<(Log, Program, Arc<Repeatable>)> = None;
    for round in 0..rounds {
        if round % ROUNDS_A_LOG == 0 {
            on = None;
        }
        let (mut log, program, repeatable) = match on.take() {
            Some(on) => on,
            None => fresh(cluster.as_ref(), folder.path(), &format!("kills_{round}")).await?,
        };
        let load = load::closed(&program.target(), connections(&mut random), soon(), &repeatable, &mut random);
        moment(&mut random).await;
        program.kill();
        let tally = load.await?;
        findings.acknowledged += tally.acknowledged.len();
        log.acknowledged(&tally);

        let program = Program::start(&log.url, folder.path())?;
        program.drained(RECOVERY).await.context("portraitd is ready after it was killed")?;
        log.check(folder.path(), &mut findings).await?;
        on = Some((log, program, repeatable));
    }
    findings.report(&mut bench.report, &title);
    Ok(())
}

async fn postgres(bench: &mut Bench) -> anyhow::Result<()> {
    let rounds = bench.options.rounds(20, 2);
    let title = format!("SIGKILL to Postgres, {rounds} times, each second time to portraitd as well");
    eprintln!("{title}");
    let (mut random, mut findings) = (bench.random(), Findings::default());
    let mut cluster = Cluster::start(&[]);
    let folder = tempfile::tempdir()?;
    let (mut log, mut program, repeatable) = fresh(Some(&cluster), folder.path(), "kills").await?;
    for round in 0..rounds {
        let load = load::closed(&program.target(), connections(&mut random), soon(), &repeatable, &mut random);
        moment(&mut random).await;
        server::kill(&cluster)?;
        moment(&mut random).await;
        let program_too = round % 2 == 1;
        let survivor = if program_too {
            program.kill();
            None
        } else {
            Some(program)
        };
        cluster.restart();
        program = match survivor {
            Some(program) => program,
            None => Program::start(&log.url, folder.path())?,
        };
        let tally = load.await?;
        findings.acknowledged += tally.acknowledged.len();
        log.acknowledged(&tally);
        program.drained(RECOVERY).await.context("portraitd is ready after Postgres was killed")?;
        log.check(folder.path(), &mut findings).await?;
    }
    ensure!(findings.acknowledged > 0, "nothing was acknowledged");
    findings.report(&mut bench.report, &title);
    Ok(())
}

async fn fresh(
    cluster: Option<&Cluster>,
    folder: &Path,
    name: &str,
) -> anyhow::Result<(Log, Program, Arc<Repeatable>)> {
    let log = match cluster {
        Some(cluster) => Log::on(cluster, name).await?,
        None => Log::file(folder, name),
    };
    let program = Program::start(&log.url, folder)?;
    program.drained(RECOVERY).await.context("portraitd is ready on an empty log")?;
    Ok((log, program, Arc::default()))
}

fn connections(random: &mut StdRng) -> usize {
    random.random_range(16..=32)
}

/// The load's own end, where nothing else ends it.
fn soon() -> Instant {
    Instant::now() + Duration::from_secs(3)
}

async fn moment(random: &mut StdRng) {
    tokio::time::sleep(Duration::from_millis(random.random_range(50..700))).await;
}
