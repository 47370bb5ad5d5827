//! Getting to a Postgres that can hold the log: URL, encoding, tables up to date.

use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use sqlx::pool::PoolConnectionMetadata;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, PgPool, Row};
use tokio::time::timeout;

use super::MIGRATOR;
use crate::store::{Open, Result, StoreError, check_version};

/// How long the database may take to answer at the start.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection that a reader is done with may take to be ready for the next one.
const AFTER_USE: Duration = Duration::from_secs(2);

/// What every connection of ours runs with: OK means durable; each statement of a transaction sees what was committed before
/// it; statements with many arrays are not compiled each time; a locked table is an error, not a wait. Plans are made while the
/// tables may be empty and kept while they grow: everything is found by a key.
const SETTINGS: [(&str, &str); 7] = [
    ("synchronous_commit", "on"),
    ("default_transaction_isolation", "read committed"),
    ("jit", "off"),
    ("lock_timeout", "2s"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];

/// The URL as options, with what every connection of ours needs.
pub(super) fn options(url: &str) -> Result<PgConnectOptions> {
    let options =
        PgConnectOptions::from_str(url).map_err(|e| StoreError::Unsuitable(format!("not a Postgres URL: {e}")))?;
    let options = match without_user(url) {
        true => options.username(&system_user()),
        false => options,
    };
    Ok(options.application_name("portraitd").options(SETTINGS))
}

/// sqlx would log in as "anonymous".
fn without_user(url: &str) -> bool {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest).split(['/', '?']).next().unwrap_or_default();
    let in_query = url.split_once('?').is_some_and(|(_, query)| query.split('&').any(|pair| pair.starts_with("user=")));
    !authority.contains('@') && !in_query
}

fn system_user() -> String {
    ["PGUSER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| "postgres".to_owned())
}

/// One connection before the pool, because a pool that cannot connect does not say why.
pub(super) async fn try_once(options: &PgConnectOptions, location: &str) -> Result<()> {
    let refused = |error: sqlx::Error| match refuses_us(&error) {
        true => StoreError::Absent { location: location.to_owned(), why: error.to_string() },
        false => StoreError::Away { location: location.to_owned(), why: error.to_string() },
    };
    let connection = in_time(location, options.connect()).await?.map_err(refused)?;
    in_time(location, connection.close()).await?.map_err(StoreError::from)
}

async fn in_time<T>(location: &str, asked: impl Future<Output = T>) -> Result<T> {
    let why = || format!("no answer within {} s", PATIENCE.as_secs());
    timeout(PATIENCE, asked).await.map_err(|_| StoreError::Away { location: location.to_owned(), why: why() })
}

/// A pool waits for ever for a connection to be ready again, and a server that died without a word would have them all: one
/// that is not ready soon is closed.
pub(super) fn after_use(
    connection: &mut PgConnection,
    _: PoolConnectionMetadata,
) -> Pin<Box<dyn Future<Output = sqlx::Result<bool>> + Send + '_>> {
    Box::pin(async {
        timeout(AFTER_USE, connection.ping()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map(|()| true)
    })
}

/// It answers, and what it says does not get better by itself: no such role, password or database.
fn refuses_us(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code.starts_with("28") || code.starts_with("3D"))
}

/// Another encoding could not hold every nickname.
pub(super) async fn check_encoding(pool: &PgPool, location: &str) -> Result<()> {
    let asked = sqlx::query_scalar("SHOW server_encoding").fetch_one(pool);
    let encoding: String = in_time(location, asked).await??;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(StoreError::Unsuitable(format!("the database's encoding is {encoding}; create one with ENCODING 'UTF8'")))
}

/// Migrates when asked and needed. A role that may not migrate is fine as long as nothing is missing.
pub(super) async fn bring_up_to_date(pool: &PgPool, open: Open, location: &str) -> Result<()> {
    if check_version(&MIGRATOR, in_time(location, applied(pool)).await??)? {
        return Ok(());
    }
    if open != Open::Migrate {
        return Err(StoreError::NotMigrated { location: location.to_owned() });
    }
    // Another replica that is migrating is waited for, however long it takes.
    let options = PgConnectOptions::clone(&pool.connect_options()).options([("lock_timeout", "0")]);
    let mut connection = in_time(location, options.connect()).await??;
    MIGRATOR
        .run_direct(None, &mut connection, false)
        .await
        .map_err(|e| StoreError::Migrate { location: location.to_owned(), why: e.to_string() })?;
    Ok(connection.close().await?)
}

async fn applied(pool: &PgPool) -> Result<Option<i64>> {
    let row = sqlx::query("-- version\nSELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(pool).await?;
    if !row.get::<bool, _>(0) {
        return Ok(None);
    }
    Ok(sqlx::query_scalar("-- version\nSELECT max(version) FROM _sqlx_migrations WHERE success")
        .fetch_one(pool)
        .await?)
}
