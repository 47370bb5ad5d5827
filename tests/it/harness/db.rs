//! A database for each test: fresh, its own, on Postgres or SQLite.
//!
//! All Postgres databases live in one cluster that this process starts, or on the server TEST_DATABASE_URL names. Without
//! Postgres tests fail; they are never skipped.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use portraitd::store::{Open, Store};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use tempfile::TempDir;

use crate::postgres::Cluster;

/// One test's database.
pub enum Database {
    Postgres { name: String },
    Sqlite { folder: TempDir },
}

impl Database {
    /// A fresh Postgres database.
    pub async fn postgres() -> Self {
        Self::postgres_with("ENCODING 'UTF8' LOCALE 'C'").await
    }

    /// A fresh Postgres database made with `options` of CREATE DATABASE.
    pub async fn postgres_with(options: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("portraitd_it_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        on_server(&format!("CREATE DATABASE {name} TEMPLATE template0 {options}")).await;
        Database::Postgres { name }
    }

    /// A fresh folder for a SQLite file, which is not there yet.
    pub async fn sqlite() -> Self {
        Database::Sqlite { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// What `store.url` takes; in Postgres as superuser.
    pub fn url(&self) -> String {
        match self {
            Database::Postgres { name } => server_url(name),
            Database::Sqlite { .. } => format!("sqlite://{}", self.path().display()),
        }
    }

    /// The same Postgres database as another role.
    pub fn url_as(&self, role: &str, password: &str) -> String {
        let url = self.url();
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let slash = rest.find('/').expect("a database");
        let host = rest[..slash].rsplit('@').next().unwrap_or_default();
        format!("{scheme}://{role}:{password}@{host}{}", &rest[slash..])
    }

    /// The SQLite file.
    pub fn path(&self) -> PathBuf {
        match self {
            Database::Sqlite { folder } => folder.path().join("log.db"),
            Database::Postgres { name } => panic!("{name} is not a file"),
        }
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self, Database::Postgres { .. })
    }

    /// The log in this database, made or brought up to date.
    pub async fn store(&self) -> Store {
        Store::open(&self.url(), Open::Migrate).await.expect("the store opens")
    }

    /// Runs statements as superuser; panics when one fails.
    pub async fn execute(&self, sql: &str) -> u64 {
        self.try_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Runs statements as superuser; how many rows they changed.
    pub async fn try_execute(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Database::Postgres { .. } => {
                let mut connection = self.pg().await;
                let done = sqlx::raw_sql(sql).execute(&mut connection).await;
                let _ = connection.close().await;
                done.map(|done| done.rows_affected())
            }
            Database::Sqlite { .. } => {
                let mut connection = self.lite().await;
                let done = sqlx::raw_sql(sql).execute(&mut connection).await;
                let _ = connection.close().await;
                done.map(|done| done.rows_affected())
            }
        }
    }

    /// What guards the log is off while these statements run: somebody with all the rights alters it.
    pub async fn tamper(&self, sql: &str) -> u64 {
        match self {
            Database::Postgres { .. } => self.execute(&format!("SET session_replication_role = replica; {sql}")).await,
            Database::Sqlite { .. } => {
                let triggers = self.texts("SELECT name FROM sqlite_schema WHERE type = 'trigger'").await;
                for trigger in triggers {
                    self.execute(&format!("DROP TRIGGER {trigger}")).await;
                }
                self.execute(sql).await
            }
        }
    }

    /// One integer: a count, a maximum, 0 for null.
    pub async fn count(&self, sql: &str) -> i64 {
        let row = AssertSqlSafe(sql.to_owned());
        let value: Result<Option<i64>, _> = match self {
            Database::Postgres { .. } => sqlx::query_scalar(row).fetch_one(&mut self.pg().await).await,
            Database::Sqlite { .. } => sqlx::query_scalar(row).fetch_one(&mut self.lite().await).await,
        };
        value.unwrap_or_else(|error| panic!("{sql}: {error}")).unwrap_or(0)
    }

    /// The first column of every row, as text.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let query = AssertSqlSafe(sql.to_owned());
        let texts = match self {
            Database::Postgres { .. } => {
                let rows = sqlx::query(query).fetch_all(&mut self.pg().await).await;
                rows.map(|rows| rows.iter().map(|row| row.get(0)).collect())
            }
            Database::Sqlite { .. } => {
                let rows = sqlx::query(query).fetch_all(&mut self.lite().await).await;
                rows.map(|rows| rows.iter().map(|row| row.get(0)).collect())
            }
        };
        texts.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// A superuser's connection of the test's own, to hold locks with.
    pub async fn pg(&self) -> PgConnection {
        PgConnectOptions::from_str(&self.url()).expect("a URL").connect().await.expect("Postgres answers")
    }

    /// A connection of the test's own.
    pub async fn lite(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::from_str(&self.url()).expect("a URL").create_if_missing(true);
        options.busy_timeout(Duration::from_secs(20)).connect().await.expect("the file opens")
    }
}

impl Drop for Database {
    /// Our own cluster goes as a whole; somebody else's server is left as it was found.
    fn drop(&mut self) {
        let Database::Postgres { name } = self else { return };
        if given_server().is_none() {
            return;
        }
        let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(on_server(&sql));
        });
        let _ = dropping.join();
    }
}

fn given_server() -> Option<String> {
    std::env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty())
}

/// A database's URL on the server all tests share.
fn server_url(database: &str) -> String {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    let Some(given) = given_server() else {
        return CLUSTER.get_or_init(|| Cluster::start(&[])).url(database);
    };
    let (url, query) =
        given.split_once('?').map_or((given.as_str(), String::new()), |(url, query)| (url, format!("?{query}")));
    let (scheme, rest) = url.split_once("://").expect("TEST_DATABASE_URL is postgres://user@host/database");
    let authority = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{authority}/{database}{query}")
}

async fn on_server(sql: &str) {
    let options = PgConnectOptions::from_str(&server_url("postgres")).expect("a URL");
    let mut connection = options.connect().await.expect("Postgres answers");
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    let _ = connection.close().await;
}

/// What a condition says: not yet, or what it found.
pub trait Found {
    type What;
    fn found(self) -> Option<Self::What>;
}

impl Found for bool {
    type What = ();
    fn found(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Found for Option<T> {
    type What = T;
    fn found(self) -> Option<T> {
        self
    }
}

/// Asks until the condition holds; panics after 20 seconds, saying what did not happen.
pub async fn eventually<A, F, W>(what: &str, mut condition: F) -> W
where
    A: Found<What = W>,
    F: AsyncFnMut() -> A,
{
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    loop {
        ticks.tick().await;
        if let Some(found) = condition().await.found() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within 20 seconds: {what}");
    }
}

/// One test for each dialect, `name::postgres` and `name::sqlite`.
macro_rules! on_both_stores {
    ($($(#[$attribute:meta])* async fn $name:ident($db:ident: Database) $body:block)+) => {$(
        $(#[$attribute])*
        mod $name {
            use super::*;

            async fn check($db: Database) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                check(Database::postgres().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                check(Database::sqlite().await).await;
            }
        }
    )+};
}
pub(crate) use on_both_stores;
