//! The log on SQLite, embedded. Same verbs, same order as the Postgres twin.
//!
//! One connection writes, with `BEGIN IMMEDIATE`; a few others read. WAL with `synchronous=FULL`, so that a commit is on
//! disk when it returns.

mod append;
mod checkpoint;
mod conditions;
mod connect;
mod prune;
mod stored;
mod upkeep;

use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePoolOptions};
use tokio::sync::Mutex;

use super::{Open, Result};

pub(in crate::store) use stored::Joined;

static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

const READERS: u32 = 4;

/// An open log on SQLite.
pub struct Sqlite {
    pool: SqlitePool,
    options: SqliteConnectOptions,
    /// Taken while it is used and put back only when all went well, because SQLite rolls back by itself when a disk is full
    /// and sqlx would not know. Then the next one who writes opens another.
    pub(in crate::store) writer: Mutex<Option<SqliteConnection>>,
    location: String,
}

impl Sqlite {
    pub(super) fn path(url: &str) -> Result<String> {
        Ok(connect::options(url, Open::Migrate)?.1)
    }

    pub(super) async fn open(url: &str, open: Open) -> Result<Self> {
        let (options, location) = connect::options(url, open)?;
        let mut writer = connect::writer(&options, &location).await?;
        connect::bring_up_to_date(&mut writer, open, &location).await?;
        let readers = options.clone().pragma("query_only", "on");
        let pool = SqlitePoolOptions::new().max_connections(READERS).connect_lazy_with(readers);
        Ok(Sqlite { pool, options, writer: Mutex::new(Some(writer)), location })
    }

    pub(in crate::store) async fn connection(&self, slot: &mut Option<SqliteConnection>) -> Result<SqliteConnection> {
        match slot.take() {
            Some(connection) => Ok(connection),
            None => connect::writer(&self.options, &self.location).await,
        }
    }

    pub(in crate::store) fn readers(&self) -> &SqlitePool {
        &self.pool
    }

    pub(super) fn location(&self) -> String {
        format!("sqlite://{}", self.location)
    }
}

/// Runs one verb's work on the connection that writes.
macro_rules! writing {
    ($store:expr, $connection:ident => $work:expr) => {{
        let mut slot = $store.writer.lock().await;
        let mut connection = $store.connection(&mut slot).await?;
        let $connection = &mut connection;
        let done = $work?;
        *slot = Some(connection);
        Ok(done)
    }};
}
pub(in crate::store) use writing;

/// Runs one verb's work in a transaction.
macro_rules! transaction {
    ($store:expr, $connection:ident => $work:expr) => {
        $crate::store::sqlite::writing!($store, writer => async {
            let mut transaction = sqlx::Connection::begin_with(writer, "BEGIN IMMEDIATE").await?;
            let $connection = &mut *transaction;
            let done = $work?;
            transaction.commit().await?;
            Ok::<_, $crate::store::StoreError>(done)
        }
        .await)
    };
}
pub(in crate::store) use transaction;
