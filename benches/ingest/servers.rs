//! What is measured: portraitd itself on both stores, its receiver without a store, and the yardstick.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use portraitd::clock::Clock;
use portraitd::config::{Flags, load};
use portraitd::journal::{Outcome, Recorder, Recording};
use portraitd::listener::{Limits, Listener, Refusal, Times};
use portraitd::receiver::{Gate, Receiver};
use portraitd::stop::Stop;
use portraitd::store::{NewEntry, NewUnreadable, Open, Stamp, Store};
use portraitd::telemetry::Metrics;
use sqlx::{Connection, Executor, PgConnection, PgPool};

use crate::load::APP;
use crate::postgres::Cluster;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum System {
    Postgres,
    Sqlite,
    NoStore,
    Yardstick,
}

impl System {
    pub const ALL: [System; 4] = [System::Postgres, System::Yardstick, System::Sqlite, System::NoStore];

    pub fn name(self) -> &'static str {
        match self {
            System::Postgres => "postgres",
            System::Sqlite => "sqlite",
            System::NoStore => "no-store",
            System::Yardstick => "yardstick",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            System::Postgres => "portraitd on Postgres",
            System::Sqlite => "portraitd on SQLite",
            System::NoStore => "the receiver without a store",
            System::Yardstick => "yardstick: one statement a request, pool of 32, Postgres",
        }
    }

    pub fn named(name: &str) -> anyhow::Result<Self> {
        Self::ALL.into_iter().find(|system| system.name() == name).with_context(|| format!("no system {name}"))
    }

    /// An empty log with its tables.
    pub fn fresh_store(self, cluster: &Cluster, folder: &Path, name: &str) -> anyhow::Result<String> {
        let url = match self {
            System::Sqlite => format!("sqlite://{}/{name}.db", folder.display()),
            System::NoStore => return Ok("none".to_owned()),
            System::Postgres | System::Yardstick => {
                admin(cluster, &format!("CREATE DATABASE \"{name}\""))?;
                cluster.url(name)
            }
        };
        block_on(Store::open(&url, Open::Migrate))??;
        if self != System::Sqlite {
            block_on(yardstick_sequence(&url))??;
        }
        Ok(url)
    }

    /// The same log once more, byte for byte.
    pub fn copied_store(self, cluster: &Cluster, original: &str, name: &str) -> anyhow::Result<String> {
        let template = original.rsplit_once('/').context("a database URL")?.1;
        admin(cluster, &format!("CREATE DATABASE \"{name}\" TEMPLATE \"{template}\" STRATEGY file_copy"))?;
        Ok(cluster.url(name))
    }

    /// The yardstick numbers its entries by a sequence: it goes on from where the log is.
    pub fn settled(self, url: &str) -> anyhow::Result<()> {
        if self != System::Yardstick {
            return Ok(());
        }
        block_on(async {
            let mut connection = PgConnection::connect(url).await?;
            connection.execute("SELECT setval('yardstick', (SELECT max(seq) FROM callbacks))").await?;
            anyhow::Ok(())
        })?
    }

    pub fn drop_store(self, cluster: &Cluster, url: &str) -> anyhow::Result<()> {
        match (self, url.rsplit_once('/')) {
            (System::Postgres | System::Yardstick, Some((_, name))) => {
                admin(cluster, &format!("DROP DATABASE \"{name}\" WITH (FORCE)"))
            }
            _ => Ok(()),
        }
    }
}

fn admin(cluster: &Cluster, statement: &str) -> anyhow::Result<()> {
    block_on(async {
        let mut connection = PgConnection::connect(&cluster.url("postgres")).await?;
        connection.execute(sqlx::AssertSqlSafe(statement.to_owned())).await?;
        anyhow::Ok(())
    })?
}

/// Brings a new server to where one that has run for a while is: its WAL segments are recycled, not made.
pub fn settle_in(cluster: &Cluster) -> anyhow::Result<()> {
    eprintln!("settling the server in");
    admin(
        cluster,
        "SELECT pg_logical_emit_message(false, 'settle', repeat('x', 1000000)) FROM generate_series(1, 4200)",
    )?;
    admin(cluster, "CHECKPOINT")
}

async fn yardstick_sequence(url: &str) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    connection.execute("CREATE SEQUENCE yardstick").await?;
    Ok(())
}

pub fn block_on<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future))
}

/// A server in a process of its own.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    pub ready_ms: u128,
    _spool: tempfile::TempDir,
}

impl Server {
    pub fn start(system: System, url: &str) -> anyhow::Result<Self> {
        let spool = tempfile::tempdir()?;
        let mut command = match system {
            System::Postgres | System::Sqlite => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_portraitd"));
                command.args(["serve", "--sdk-app-id", &APP.to_string(), "--database-url", url]);
                command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
                command.env("PORTRAITD__SPOOL__DIR", spool.path());
                command
            }
            System::NoStore | System::Yardstick => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["--serve", system.name(), url]);
                command
            }
        };
        let begun = Instant::now();
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stderr.take().context("stderr")?).lines();
        let address = loop {
            let Some(line) = lines.next().transpose()? else { bail!("{} did not start", system.title()) };
            if let Some((_, rest)) = line.split_once("callbacks  http://") {
                break rest.trim_end_matches('/').parse()?;
            }
        };
        let ready_ms = begun.elapsed().as_millis();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("    | {line}")));
        Ok(Server { child, address, ready_ms, _spool: spool })
    }

    /// The most it ever had resident.
    pub fn peak_memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    pub fn stop(mut self) -> anyhow::Result<()> {
        // SAFETY: a signal to a child we started and have not waited for.
        unsafe { libc::kill(self.child.id() as libc::pid_t, libc::SIGTERM) };
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the server ended with {status}");
        }
        Ok(())
    }
}

/// Serves portraitd's own receiver in front of another recorder.
pub fn serve(system: System, url: &str) -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let flags = Flags { sdk_app_id: Some(APP), listen: Some("127.0.0.1:0".to_owned()), ..Flags::default() };
        let config = load(&flags, &Default::default())?.config;
        let recorder: Arc<dyn Recorder> = match system {
            System::Yardstick => Arc::new(Yardstick(yardstick_pool(url).await?)),
            _ => Arc::new(Nothing),
        };
        let metrics = Arc::new(Metrics::new());
        let connections = metrics.connections.of("public");
        let gate = Gate::new(&config.receiver, &metrics)?;
        let receiver = Receiver::new(&config.apps, &config.receiver, gate, recorder, Clock::system(), metrics)?;
        let listener = Listener::bind(config.receiver.listen, None)?;
        eprintln!("callbacks  http://{}/", listener.address());
        let stop = Stop::new();
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        let stopper = stop.clone();
        tokio::spawn(async move {
            terminate.recv().await;
            stopper.soft();
        });
        let limits = Limits {
            connections: config.receiver.max_connections,
            open: &[],
            refusal: Refusal::new("text/plain", ""),
            times: Times::default(),
        };
        listener.serve(receiver.router(), limits, connections, stop).await;
        Ok(())
    })
}

async fn yardstick_pool(url: &str) -> anyhow::Result<PgPool> {
    let options =
        url.parse::<sqlx::postgres::PgConnectOptions>()?.options([("synchronous_commit", "on"), ("jit", "off")]);
    Ok(sqlx::postgres::PgPoolOptions::new().min_connections(32).max_connections(32).connect_with(options).await?)
}

/// No store at all.
struct Nothing;

impl Recorder for Nothing {
    fn record(&self, _: NewEntry, _: Instant) -> Recording<'_, Outcome> {
        Box::pin(async { Outcome::Recorded })
    }

    fn keep(&self, _: NewUnreadable, _: Instant) -> Recording<'_, bool> {
        Box::pin(async { true })
    }
}

/// One statement a request: callback row, item rows, dedupe key; no lock, no chain.
struct Yardstick(PgPool);

const STATEMENT: &str = "
WITH key AS (
    INSERT INTO recent (event_time, key, recorded_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING 1
), entry AS (
    INSERT INTO callbacks (seq, received_at, event_time, effective_time, sdk_app_id, kind, auth, account, operator,
                           client_ip, platform, receipt_id, salt, digest, chain, body)
    SELECT nextval('yardstick'), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, '', $16 FROM key
    RETURNING seq
)
INSERT INTO profile_changes (seq, ordinal, tag, value)
SELECT entry.seq, item.ordinal - 1, item.tag, item.value
  FROM entry, unnest($17::text[], $18::text[]) WITH ORDINALITY AS item (tag, value, ordinal)";

impl Yardstick {
    async fn insert(&self, entry: &NewEntry) -> sqlx::Result<Outcome> {
        let tags: Vec<&str> = entry.items.iter().map(|item| item.tag.as_str()).collect();
        let values: Vec<&str> = entry.items.iter().map(|item| item.value.as_str()).collect();
        let done = sqlx::query(STATEMENT)
            .bind(Stamp(entry.dedupe.time))
            .bind(&entry.dedupe.key[..])
            .bind(Stamp(entry.received_at))
            .bind(entry.event_time.map(Stamp))
            .bind(Stamp(entry.effective_time()))
            .bind(entry.sdk_app_id)
            .bind(entry.kind.as_str())
            .bind(entry.auth.as_str())
            .bind(&entry.account)
            .bind(&entry.operator)
            .bind(&entry.client_ip)
            .bind(&entry.platform)
            .bind(&entry.receipt_id[..])
            .bind(&entry.salt[..])
            .bind(&entry.digest[..])
            .bind(&entry.body[..])
            .bind(tags)
            .bind(values)
            .execute(&self.0)
            .await?;
        Ok(if done.rows_affected() > 0 { Outcome::Recorded } else { Outcome::Duplicate })
    }
}

impl Recorder for Yardstick {
    fn record(&self, entry: NewEntry, _: Instant) -> Recording<'_, Outcome> {
        Box::pin(async move { self.insert(&entry).await.unwrap_or(Outcome::Unavailable) })
    }

    fn keep(&self, _: NewUnreadable, _: Instant) -> Recording<'_, bool> {
        Box::pin(async { false })
    }
}
