//! Verification, erasing and retention: how fast a log is verified, and what erasing a thousand people, or pruning under a long
//! reader, costs the callbacks that arrive meanwhile. `cargo bench --bench proof` prints the table; `-- --help` tells the options.

#![allow(clippy::disallowed_methods, reason = "real clocks are what is tested here")]

#[path = "../faults/callbacks.rs"]
mod callbacks;
#[path = "../shared/filling.rs"]
mod filling;
#[allow(dead_code)]
#[path = "../faults/http.rs"]
mod http;
#[allow(dead_code)]
#[path = "../faults/load.rs"]
mod load;
mod options;
#[path = "../../tests/support/postgres.rs"]
mod postgres;
#[allow(dead_code)]
#[path = "../faults/program.rs"]
mod program;
#[path = "../faults/report.rs"]
mod report;
mod retention;
#[allow(dead_code)]
#[path = "../../tests/it/harness/service/program.rs"]
mod shell;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use filling::Sample;
use load::Open;
use options::Options;
use portraitd::store::erasure::{self, Whom};
use portraitd::store::verify::{self, Plan, Verdict};
use portraitd::store::{self, Store};
use postgres::Cluster;
use program::Program;
use report::Report;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PER_SECOND: u64 = 1000;
const CONNECTIONS: usize = 64;
const APP: i64 = 1_400_000_000;
/// Of each account.
const ENTRIES: u64 = 5;
const ASKED: Duration = Duration::from_millis(50);
const VERIFIED: f64 = 100_000.0;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let options = Options::parse()?;
    let mut report = Report::default();
    let (cluster, folder) = (Cluster::start(&filling::SETTINGS), tempfile::tempdir()?);

    if options.wants("verify") {
        for items in [4, 1] {
            let of_them = |number| Sample { items, ..sample(number, &options) };
            let url = filling::create(&cluster, &format!("verify{items}")).await?;
            filling::fill(&url, options.entries / 2, of_them).await?;
            fast(&url, "Postgres", items, &mut report).await?;
            let url = format!("sqlite://{}", folder.path().join(format!("verify{items}.db")).display());
            filling::fill(&url, options.entries / 4, of_them).await?;
            fast(&url, "SQLite", items, &mut report).await?;
        }
    }
    if options.wants("erase") {
        let url = filling::create(&cluster, "erase").await?;
        filling::fill(&url, options.entries, |number| sample(number, &options)).await?;
        erased(&url, folder.path(), &options, &mut report).await?;
        verified(&url, "Postgres, after the erasures", &mut report).await?;
    }
    if options.wants("prune") {
        retention::pruned(&cluster, folder.path(), &options, &mut report).await?;
    }

    println!("{}", report.table());
    Ok(if report.broken() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The accounts that are to be erased are spread over the log.
fn sample(number: u64, options: &Options) -> Sample {
    let accounts = options.entries / ENTRIES;
    let account = number % accounts;
    let name = match account % (accounts / options.erased) {
        0 => format!("forget{account:07}"),
        _ => format!("user{account:07}"),
    };
    Sample::own(number, name, 1_760_000_000_000 + i64::try_from(number).unwrap_or(0))
}

/// The speed that is asked for; the median of three rounds.
async fn fast(url: &str, on: &str, items: usize, report: &mut Report) -> anyhow::Result<()> {
    let mut rates = [rate(url, on).await?, rate(url, on).await?, rate(url, on).await?];
    rates.sort_unstable_by(f64::total_cmp);
    let median = rates[1];
    let what = if items == 1 { "entries of one item a second" } else { "entries of four items a second" };
    report.promise(
        &format!("verify on {on}"),
        what,
        &format!(">= {VERIFIED:.0}"),
        format!("{median:.0}"),
        median >= VERIFIED,
    );
    Ok(())
}

async fn verified(url: &str, on: &str, report: &mut Report) -> anyhow::Result<()> {
    let rate = rate(url, on).await?;
    report.figure(&format!("verify on {on}"), "it holds; entries of four items a second", format!("{rate:.0}"));
    Ok(())
}

async fn rate(url: &str, on: &str) -> anyhow::Result<f64> {
    let (store, begun) = (Store::open(url, store::Open::Existing).await?, Instant::now());
    let entries = match verify::run(&store, Plan::default(), |_, _| ()).await? {
        Verdict::Holds { entries, .. } => entries,
        Verdict::Broken(fault) => bail!("verify on {on}: {fault}"),
    };
    let rate = entries as f64 / begun.elapsed().as_secs_f64();
    eprintln!("verify on {on}: {entries} entries, {rate:.0}/s");
    Ok(rate)
}

async fn erased(url: &str, folder: &std::path::Path, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let title =
        format!("{} accounts erased of {} entries under {PER_SECOND} callbacks/s", options.erased, options.entries);
    let service = Program::start(url, folder)?;
    let quiet = Open::run(&service.target(), PER_SECOND, CONNECTIONS, Duration::from_secs(options.seconds)).await?;
    let (load, tally) = Open::start(&service.target(), PER_SECOND, CONNECTIONS, Duration::from_secs(600));
    let store = Store::open(url, store::Open::Operate).await?;
    let (begun, mut entries) = (Instant::now(), 0);
    let accounts = options.entries / ENTRIES;
    for account in (0..accounts).step_by(usize::try_from(accounts / options.erased)?) {
        let whom = Whom { app: APP, account: format!("forget{account:07}"), as_operator: true };
        let now = filling::now()?;
        entries += erasure::run(&store, &whom, || now, |_| ()).await.context("an account is erased")?;
    }
    let took = begun.elapsed();
    load.stop();
    let tally = tally.await?;
    report.figure(&title, "it took", format!("{:.1} s, {entries} entries", took.as_secs_f64()));
    report.figure(&title, "p99 of the answers before", report::show(quiet.p99()));
    report.below(&title, "p99 of the answers meanwhile", ASKED, tally.p99());
    report.none(&title, "answers that were not OK", tally.refused + tally.unanswered);
    let mut connection = PgConnection::connect(url).await?;
    for (what, sql) in [
        (
            "entries that name one of them",
            "SELECT count(*) FROM callbacks c WHERE c.account LIKE 'forget%' OR c.operator LIKE 'forget%' OR encode(c.body, 'escape') LIKE '%forget%'",
        ),
        (
            "values of theirs",
            "SELECT count(*) FROM profile_changes i JOIN callbacks c USING (seq) WHERE c.body IS NULL AND i.value IS NOT NULL",
        ),
    ] {
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await?;
        report.none(&title, what, usize::try_from(count)?);
    }
    Ok(())
}
