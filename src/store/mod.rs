//! The log, in one of two dialects: Postgres, the production store, and SQLite, the embedded default.
//!
//! A short list of verbs, each one transaction; no connection leaves this module. What differs lives in twin modules that
//! hold the same verbs in the same order, reading is the same SQL for both, and nobody else asks which dialect it is.
//! [`chain`] makes digests and chain, [`verify`] checks what was stored.

mod access;
mod among;
mod batch;
mod blocks;
pub mod chain;
mod condition;
mod erase;
pub mod erasure;
mod error;
mod follow;
mod handlers;
pub mod model;
pub mod query;
pub mod subscription;
pub mod verify;

pub mod mark;
mod postgres;
pub mod profile;
pub mod prune;
mod read;
pub mod reconcile;
pub mod rows;
mod search;
mod sqlite;
mod stamp;
mod stored;
mod tail;
mod verbs;

use std::path::PathBuf;
use std::sync::OnceLock;

use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::Migrator;
use tokio::sync::{Mutex, watch};

pub use access::Access;
pub use condition::Condition;
pub use error::StoreError;
pub use model::{Change, Head, Link, NewEntry, NewUnreadable, Recorded, StoredEntry, StoredItem, UnreadableRow};
pub use query::{ChangeFilter, Direction, Page, Paging, Place};
pub use stamp::Stamp;
pub use tail::Tail;

type Result<T> = std::result::Result<T, StoreError>;

/// How to open a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// Make it when it is not there (SQLite), bring its tables up to date.
    Migrate,
    /// It must be there and up to date; for reading.
    Existing,
    /// The same, for writing.
    Operate,
}

/// The log's database. It may be away: then every verb fails with [`StoreError::NotOpen`] until [`Store::bring_up`] succeeds.
pub struct Store {
    url: SecretString,
    dialect: OnceLock<Dialect>,
    opening: Mutex<()>,
    appended: watch::Sender<i64>,
}

#[allow(clippy::large_enum_variant, reason = "there is one a process")]
enum Dialect {
    Postgres(postgres::Postgres),
    Sqlite(sqlite::Sqlite),
}

/// One verb on either dialect.
macro_rules! either {
    ($dialect:expr, $inner:ident => $call:expr) => {
        match $dialect {
            Dialect::Postgres($inner) => $call,
            Dialect::Sqlite($inner) => $call,
        }
    };
}
use either;

impl Store {
    /// Opens the store at `url`: `postgres://…` or `sqlite://path`.
    pub async fn open(url: &str, open: Open) -> Result<Self> {
        let store = Store::unopened(url)?;
        store.opened(open).await?;
        Ok(store)
    }

    /// A store that [`Store::bring_up`] is to open. Only a URL that could never be one is refused.
    pub fn unopened(url: &str) -> Result<Self> {
        if is_sqlite(url) {
            sqlite::Sqlite::path(url)?;
        } else {
            postgres::Postgres::check_url(url)?;
        }
        Ok(Store {
            url: SecretString::from(url),
            dialect: OnceLock::new(),
            opening: Mutex::default(),
            appended: watch::Sender::new(0),
        })
    }

    /// Where a log on SQLite is, there or not.
    pub fn sqlite_path(url: &str) -> Option<PathBuf> {
        is_sqlite(url).then(|| sqlite::Sqlite::path(url).ok())?.map(PathBuf::from)
    }

    /// Opens it and brings its tables up to date, unless it is open.
    pub async fn bring_up(&self) -> Result<()> {
        self.opened(Open::Migrate).await
    }

    async fn opened(&self, open: Open) -> Result<()> {
        let _one_at_a_time = self.opening.lock().await;
        if self.dialect.get().is_some() {
            return Ok(());
        }
        let url = self.url.expose_secret();
        let dialect = if is_sqlite(url) {
            Dialect::Sqlite(sqlite::Sqlite::open(url, open).await?)
        } else {
            Dialect::Postgres(postgres::Postgres::open(url, open).await?)
        };
        self.dialect.get_or_init(|| dialect);
        Ok(())
    }

    fn dialect(&self) -> Result<&Dialect> {
        self.dialect.get().ok_or(StoreError::NotOpen)
    }

    /// Where the data is, for people; without a password.
    pub fn location(&self) -> String {
        match self.dialect.get() {
            Some(dialect) => either!(dialect, store => store.location()),
            None => crate::config::redact_url(self.url.expose_secret()),
        }
    }
}

fn is_sqlite(url: &str) -> bool {
    url.starts_with("sqlite:")
}

/// The migration a database was last brought to, against what this program knows.
fn check_version(migrator: &Migrator, applied: Option<i64>) -> Result<bool> {
    let newest = migrator.iter().map(|m| m.version).max().unwrap_or(0);
    match applied {
        Some(version) if version > newest => Err(StoreError::Newer { found: version, known: newest }),
        Some(version) => Ok(version == newest),
        None => Ok(false),
    }
}
