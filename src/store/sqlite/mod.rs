//! The log on SQLite, embedded. Same verbs, same order as the Postgres twin.
//!
//! One connection writes, with `BEGIN IMMEDIATE`; a few others read. WAL with `synchronous=FULL`, so that a commit is on
//! disk when it returns.

mod append;
mod connect;
mod upkeep;

use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnection, SqlitePoolOptions};
use tokio::sync::Mutex;

use super::{Open, Result};

static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

const READERS: u32 = 4;

/// An open log on SQLite.
pub struct Sqlite {
    pool: SqlitePool,
    writer: Mutex<SqliteConnection>,
    location: String,
}

impl Sqlite {
    pub(super) async fn open(url: &str, open: Open) -> Result<Self> {
        let (options, location) = connect::options(url, open)?;
        let mut writer = connect::writer(&options, &location).await?;
        connect::bring_up_to_date(&mut writer, open, &location).await?;
        let pool =
            SqlitePoolOptions::new().max_connections(READERS).connect_lazy_with(options.pragma("query_only", "on"));
        Ok(Sqlite { pool, writer: Mutex::new(writer), location })
    }

    pub(in crate::store) fn readers(&self) -> &SqlitePool {
        &self.pool
    }

    pub(super) fn location(&self) -> String {
        format!("sqlite://{}", self.location)
    }
}
