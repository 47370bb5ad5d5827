//! The log a round writes to, read past the program: is everything in it that was acknowledged, and once?

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};

use crate::load::Tally;
use crate::postgres::Cluster;
use crate::report::Report;
use crate::shell;

/// How long what was acknowledged may take to get into the log once everything is well again.
const LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);

const NUMBERS: &str = "SELECT value FROM profile_changes WHERE tag = 'Tag_Profile_IM_Nick'";

/// One log, and what was acknowledged to be in it.
pub struct Log {
    pub url: String,
    acknowledged: HashSet<u64>,
}

/// Sums over the rounds of a scenario.
#[derive(Default)]
pub struct Findings {
    pub acknowledged: usize,
    pub missing: usize,
    pub twice: usize,
    pub unverified: usize,
}

impl Log {
    /// An empty database of its own on the server.
    pub async fn on(cluster: &Cluster, name: &str) -> anyhow::Result<Self> {
        let mut connection = PgConnection::connect(&cluster.url("postgres")).await?;
        connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
        Ok(Log { url: cluster.url(name), acknowledged: HashSet::new() })
    }

    /// A SQLite file that is not there yet.
    pub fn file(folder: &Path, name: &str) -> Self {
        let url = format!("sqlite://{}", folder.join(name).with_extension("db").display());
        Log { url, acknowledged: HashSet::new() }
    }

    pub fn acknowledged(&mut self, tally: &Tally) {
        self.acknowledged.extend(&tally.acknowledged);
    }

    /// Waits, not for long, until everything acknowledged is there; then counts what is wrong with the whole log.
    pub async fn check(&self, folder: &Path, findings: &mut Findings) -> anyhow::Result<()> {
        let begun = Instant::now();
        let (missing, twice) = loop {
            let times = self.times().await?;
            let missing = self.acknowledged.iter().filter(|number| !times.contains_key(number)).count();
            if missing == 0 || begun.elapsed() > LIMIT {
                break (missing, times.values().filter(|times| **times > 1).count());
            }
            tokio::time::sleep(POLL).await;
        };
        findings.missing += missing;
        findings.twice += twice;
        let verify = shell::run(folder, &[("DATABASE_URL", &self.url)], &["verify"]);
        if !verify.status.success() {
            findings.unverified += 1;
            eprintln!("    verify: {}{}", String::from_utf8_lossy(&verify.stdout), shell::stderr(&verify));
        }
        Ok(())
    }

    /// How often each number is in the log.
    async fn times(&self) -> anyhow::Result<HashMap<u64, u32>> {
        let values: Vec<String> = if self.url.starts_with("sqlite:") {
            let options: SqliteConnectOptions = self.url.parse()?;
            let mut connection = options.busy_timeout(Duration::from_secs(5)).connect().await?;
            let values = sqlx::query_scalar(NUMBERS).fetch_all(&mut connection).await?;
            connection.close().await?;
            values
        } else {
            let mut connection = PgConnection::connect(&self.url).await?;
            let values = sqlx::query_scalar(NUMBERS).fetch_all(&mut connection).await?;
            connection.close().await?;
            values
        };
        let mut times = HashMap::with_capacity(values.len());
        for value in values {
            *times.entry(value.parse()?).or_default() += 1;
        }
        Ok(times)
    }
}

impl Findings {
    pub fn report(&self, report: &mut Report, scenario: &str) {
        report.figure(scenario, "callbacks acknowledged", self.acknowledged);
        report.none(scenario, "acknowledged and missing from the log", self.missing);
        report.none(scenario, "twice in the log", self.twice);
        report.none(scenario, "rounds after which `verify` failed", self.unverified);
    }
}
