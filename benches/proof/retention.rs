//! Pruning while somebody reads what is to go: what the answers cost meanwhile, that a killed `prune` is gone on with, and that it
//! ends when the reader has ended.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use sqlx::{Connection, Executor, PgConnection};

use crate::filling::{self, Sample};
use crate::load::Open;
use crate::options::Options;
use crate::postgres::Cluster;
use crate::program::Program;
use crate::report::{self, Report};
use crate::{ASKED, CONNECTIONS, PER_SECOND, shell};

/// Entries of a partition; the two oldest are full.
const PART: u64 = 20_000;
const OLDEST: &str = "SELECT count(*) FROM callbacks WHERE seq < 20000";
const POLL: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(60);

pub async fn pruned(cluster: &Cluster, folder: &Path, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let title = format!("partitions pruned under {PER_SECOND} callbacks/s while a transaction reads them");
    let url = filling::create(cluster, "retention").await?;
    let mut connection = PgConnection::connect(&url).await?;
    connection.execute("CREATE OR REPLACE VIEW span AS SELECT bigint '20000' AS entries").await?;
    connection.execute("DROP TABLE callbacks_000000, callbacks_000001, callbacks_000002, profile_changes_000000, profile_changes_000001, profile_changes_000002").await?;
    connection.execute("SELECT portraitd_extend()").await?;
    filling::fill(&url, 2 * PART + PART / 2, |number| {
        Sample::own(number, format!("user{number}"), 1_760_000_000_000 + i64::try_from(number).unwrap_or(0))
    })
    .await?;
    let service = Program::start(&url, &folder.join("retention"))?;
    let seconds = Duration::from_secs(options.seconds);
    let quiet = Open::run(&service.target(), PER_SECOND, CONNECTIONS, seconds).await?;

    let mut reading = PgConnection::connect(&url).await?;
    let mut reader = reading.begin().await?;
    let seen: i64 = sqlx::query_scalar(OLDEST).fetch_one(&mut *reader).await?;
    let (load, tally) = Open::start(&service.target(), PER_SECOND, CONNECTIONS, Duration::from_secs(600));
    let mut killed = prune(&url, folder)?;
    tokio::time::sleep(seconds / 3).await;
    ensure!(killed.try_wait()?.is_none(), "it does not end while somebody reads");
    killed.kill()?;
    killed.wait()?;
    let mut pruning = prune(&url, folder)?;
    tokio::time::sleep(seconds).await;
    ensure!(pruning.try_wait()?.is_none(), "it does not end while somebody reads");
    reader.commit().await?;
    let ended = Instant::now();
    while pruning.try_wait()?.is_none() {
        if ended.elapsed() > PATIENCE {
            pruning.kill()?;
            bail!("it does not end");
        }
        tokio::time::sleep(POLL).await;
    }
    let took = ended.elapsed();
    load.stop();
    let tally = tally.await?;
    let left: i64 = sqlx::query_scalar(OLDEST).fetch_one(&mut connection).await?;
    report.figure(&title, "entries of the oldest, before and after", format!("{seen}, {left}"));
    report.figure(&title, "p99 of the answers before", report::show(quiet.p99()));
    report.below(&title, "p99 of the answers meanwhile", ASKED, tally.p99());
    report.none(&title, "answers that were not OK", tally.refused + tally.unanswered);
    report.none(&title, "exit code", usize::try_from(pruning.wait()?.code().unwrap_or(1))?);
    report.figure(&title, "it ended after the reader by", report::show(took));
    crate::verified(&url, "Postgres, after the prune", report).await
}

fn prune(url: &str, folder: &Path) -> anyhow::Result<Child> {
    let mut command = shell::command(folder);
    let command = command.args(["prune", "--older-than", "1"]).env("DATABASE_URL", url);
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?)
}
