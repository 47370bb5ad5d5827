//! The log on Postgres. Same verbs, same order as the SQLite twin.

mod append;
mod checkpoint;
mod conditions;
mod connect;
mod prune;
mod stored;
mod upkeep;

use sqlx::PgPool;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::time::Duration;
use tokio::sync::Mutex;

use super::{Open, Result};
use append::Appender;

pub(in crate::store) use stored::Copied;

static MIGRATOR: Migrator = sqlx::migrate!("migrations/postgres");

/// Connections for reading; appends have their own.
const READERS: u32 = 8;

/// An open log on Postgres.
pub struct Postgres {
    pool: PgPool,
    options: PgConnectOptions,
    appender: Mutex<Appender>,
    location: String,
}

impl Postgres {
    pub(super) fn check_url(url: &str) -> Result<()> {
        connect::options(url).map(drop)
    }

    pub(super) async fn open(url: &str, open: Open) -> Result<Self> {
        let options = connect::options(url)?;
        let location = crate::config::redact_url(url);
        connect::try_once(&options, &location).await?;
        let pool = PgPoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(Duration::from_secs(5))
            .after_release(connect::after_use)
            // To plan a statement again takes longer than to run it, and everything is found by a key anyway.
            .connect_with(options.clone().options([("plan_cache_mode", "force_generic_plan")]))
            .await?;
        connect::check_encoding(&pool, &location).await?;
        connect::bring_up_to_date(&pool, open, &location).await?;
        Ok(Postgres { pool, options, appender: Mutex::default(), location })
    }

    pub(in crate::store) fn readers(&self) -> &PgPool {
        &self.pool
    }

    pub(super) fn location(&self) -> String {
        self.location.clone()
    }
}

/// Runs one verb's work in a transaction on a connection of the pool.
macro_rules! transaction {
    ($store:expr, $connection:ident => $work:expr) => {{
        let mut transaction = $store.readers().begin().await?;
        let $connection = &mut *transaction;
        let done = $work?;
        transaction.commit().await?;
        Ok(done)
    }};
}
pub(in crate::store) use transaction;
