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
mod error;
mod follow;
mod handlers;
pub mod model;
pub mod query;
pub mod subscription;
pub mod verify;

mod postgres;
pub mod profile;
mod read;
pub mod rows;
mod search;
mod sqlite;
mod stamp;
mod tail;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::Migrator;
use tokio::sync::{Mutex, watch};

pub use access::Access;
pub use condition::Condition;
pub use error::StoreError;
pub use model::{Change, Head, NewEntry, NewUnreadable, Recorded, StoredEntry, StoredItem, UnreadableRow};
pub use query::{ChangeFilter, Direction, Page, Paging, Place};
pub use stamp::Stamp;
pub use tail::Tail;

use crate::protocol::time::Millis;
use model::ReceiptId;
use rows::{LoggedCallback, Previous};
use subscription::{
    Checkpoint, DeadLetter, HandlerRow, Lease, Operator, Order, Ordered, Orders, Start, Subscription, Waiting,
};

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

    /// Appends entries in one transaction, in their order; says of each whether it is new or was known already.
    /// Calling it again with the same entries, also after an unknown outcome, records none of them twice.
    pub async fn append(&self, entries: &[&NewEntry]) -> Result<Vec<Recorded>> {
        let recorded = either!(self.dialect()?, store => store.append(entries).await)?;
        if let Some(newest) = recorded.iter().filter_map(Recorded::seq).max() {
            self.appended.send_replace(newest);
        }
        Ok(recorded)
    }

    /// The newest sequence that this process appended.
    pub fn appended(&self) -> watch::Receiver<i64> {
        self.appended.subscribe()
    }

    /// Which of these entries' receipts the log holds, and under which sequence.
    pub async fn receipts(&self, entries: &[&NewEntry]) -> Result<HashMap<ReceiptId, i64>> {
        either!(self.dialect()?, store => store.receipts(entries).await)
    }

    /// Keeps a body that cannot be recorded; the same again is counted.
    pub async fn keep_unreadable(&self, body: &NewUnreadable) -> Result<()> {
        either!(self.dialect()?, store => store.keep_unreadable(body).await)
    }

    /// Attaches partitions ahead of need. Returns the first sequence that has no place yet.
    pub async fn extend(&self) -> Result<i64> {
        either!(self.dialect()?, store => store.extend().await)
    }

    /// Forgets dedupe keys that were recorded `window_secs` ago or earlier, by the database's clock.
    pub async fn prune_recent(&self, window_secs: i64) -> Result<u64> {
        either!(self.dialect()?, store => store.prune_recent(window_secs).await)
    }

    /// Drops the oldest unreadable bodies until at most `max_bytes` are kept. Returns how many went.
    pub async fn bound_unreadable(&self, max_bytes: u64) -> Result<u64> {
        either!(self.dialect()?, store => store.bound_unreadable(max_bytes).await)
    }

    /// The newest entry's sequence and chain.
    pub async fn head(&self) -> Result<Head> {
        either!(self.dialect()?, store => store.head().await)
    }

    /// Unreadable bodies before this one, newest first.
    pub async fn unreadable(&self, before: Option<i64>, limit: u32) -> Result<Vec<UnreadableRow>> {
        either!(self.dialect()?, store => store.unreadable(before, limit).await)
    }

    /// Entries and item rows with sequences in `from..=to`, in order, as they are stored.
    pub async fn stored(&self, from: i64, to: i64) -> Result<(Vec<StoredEntry>, Vec<StoredItem>)> {
        either!(self.dialect()?, store => store.stored(from, to).await)
    }

    /// The lowest and highest sequence that any row of the log carries, items included.
    pub async fn span(&self) -> Result<Option<(i64, i64)>> {
        either!(self.dialect()?, store => store.span().await)
    }

    /// Whether an append would be taken now.
    pub async fn check(&self) -> Result<()> {
        either!(self.dialect()?, store => store.check().await)
    }

    /// What is to be said about the database, and what time it has.
    pub async fn conditions(&self) -> Result<(Vec<Condition>, Option<Millis>)> {
        either!(self.dialect()?, store => store.conditions().await)
    }

    /// Entries with sequences in `after+1..=to`, in order, as handlers need them: at least the first, and no more when their
    /// bodies have reached `bytes`. None is marked as superseded.
    pub async fn page(&self, after: i64, to: i64, bytes: i64) -> Result<Vec<LoggedCallback>> {
        either!(self.dialect()?, store => store.page(after, to, bytes).await)
    }

    /// The first sequence after this one.
    pub async fn next_after(&self, seq: i64) -> Result<Option<i64>> {
        either!(self.dialect()?, store => store.next_after(seq).await)
    }

    /// These entries, in order.
    pub async fn entries(&self, seqs: &[i64]) -> Result<Vec<LoggedCallback>> {
        either!(self.dialect()?, store => store.entries(seqs).await)
    }

    /// Which of these entries are superseded, in order.
    pub async fn superseded(&self, seqs: &[i64]) -> Result<Vec<i64>> {
        either!(self.dialect()?, store => store.superseded(seqs).await)
    }

    /// What the items of these entries were before, where the log knows.
    pub async fn previous(&self, seqs: &[i64]) -> Result<Vec<Previous>> {
        either!(self.dialect()?, store => store.previous(seqs).await)
    }

    /// Makes a handler known; one that is known keeps its place.
    pub async fn subscribe(&self, handler: &str, from: Start) -> Result<()> {
        either!(self.dialect()?, store => store.subscribe(handler, from).await)
    }

    /// Takes the handler's lease under a new epoch; none while somebody else has it. The lease's own epoch does not count.
    pub async fn acquire(&self, lease: Lease<'_>) -> Result<Option<Subscription>> {
        either!(self.dialect()?, store => store.acquire(lease).await)
    }

    /// Makes durable what the owner did, and renews the lease; none when it is not the owner any more.
    pub async fn checkpoint(&self, lease: Lease<'_>, to: &Checkpoint) -> Result<Option<Orders>> {
        either!(self.dialect()?, store => store.checkpoint(lease, to).await)
    }

    /// The handler's deliveries that are not dead, in order.
    pub async fn waiting(&self, handler: &str) -> Result<Vec<Waiting>> {
        either!(self.dialect()?, store => store.waiting(handler).await)
    }

    /// Records who does what, durably.
    pub async fn record_access(&self, row: Access<'_>) -> Result<()> {
        either!(self.dialect()?, store => store.record_access(row).await)
    }

    /// Does what an operator wants of a handler, and records who wanted it.
    pub async fn order(&self, handler: &str, order: &Order, by: Operator<'_>) -> Result<Ordered> {
        either!(self.dialect()?, store => store.order(handler, order, by).await)
    }

    /// All handlers ever seen, by name.
    pub async fn handlers(&self) -> Result<Vec<HandlerRow>> {
        either!(self.dialect()?, store => store.handlers().await)
    }

    /// A handler's dead letters after this sequence, in order.
    pub async fn dead_letters(&self, handler: &str, after: i64, limit: u32) -> Result<Vec<DeadLetter>> {
        either!(self.dialect()?, store => store.dead_letters(handler, after, limit).await)
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
