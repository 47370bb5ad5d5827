//! Getting to a SQLite file that can hold the log.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use super::MIGRATOR;
use crate::store::{Open, Result, StoreError, check_version};

/// The URL as options, and the absolute path for people.
pub(super) fn options(url: &str, open: Open) -> Result<(SqliteConnectOptions, String)> {
    let options =
        SqliteConnectOptions::from_str(url).map_err(|e| StoreError::Unsuitable(format!("not a SQLite URL: {e}")))?;
    let path = options.get_filename().to_owned();
    let in_memory = url.contains(":memory:") || url.contains("mode=memory") || path.as_os_str().is_empty();
    if in_memory {
        return Err(StoreError::Unsuitable(
            "an in-memory database cannot hold a log; name a file: sqlite://portraitd.db".to_owned(),
        ));
    }
    let path = absolute(&path);
    if open != Open::Migrate && !path.exists() {
        return Err(StoreError::Absent {
            location: format!("sqlite://{}", path.display()),
            why: "no such file".to_owned(),
        });
    }
    let options = options.busy_timeout(Duration::from_secs(2)).disable_statement_logging();
    let options = match open {
        Open::Migrate => {
            options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
        }
        // Whoever only reads changes nothing, not even the journal mode of a file that is somebody else's.
        Open::Existing => options.create_if_missing(false).pragma("query_only", "on"),
        Open::Operate => options.create_if_missing(false).synchronous(SqliteSynchronous::Full),
    };
    Ok((options, path.display().to_string()))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

pub(super) async fn writer(options: &SqliteConnectOptions, location: &str) -> Result<SqliteConnection> {
    options
        .connect()
        .await
        .map_err(|e| StoreError::Absent { location: format!("sqlite://{location}"), why: e.to_string() })
}

/// Migrates when asked and needed, under the write lock, because several processes may start at once.
pub(super) async fn bring_up_to_date(writer: &mut SqliteConnection, open: Open, location: &str) -> Result<()> {
    if check_version(&MIGRATOR, applied(writer).await?)? {
        return Ok(());
    }
    let location = format!("sqlite://{location}");
    if open != Open::Migrate {
        return Err(StoreError::NotMigrated { location });
    }
    let failed = |why: String| StoreError::Migrate { location: location.clone(), why };
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    if !check_version(&MIGRATOR, applied(&mut transaction).await?)? {
        // run() would make every future that opens a store unfit for another thread.
        MIGRATOR.run_direct(None, &mut *transaction, false).await.map_err(|e| failed(e.to_string()))?;
    }
    Ok(transaction.commit().await?)
}

async fn applied(connection: &mut SqliteConnection) -> Result<Option<i64>> {
    let exists: bool =
        sqlx::query_scalar("-- version\nSELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations')")
            .fetch_one(&mut *connection)
            .await?;
    if !exists {
        return Ok(None);
    }
    Ok(sqlx::query_scalar("-- version\nSELECT max(version) FROM _sqlx_migrations WHERE success")
        .fetch_one(connection)
        .await?)
}
