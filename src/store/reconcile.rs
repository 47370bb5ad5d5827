//! What reconciliation asks of the log: which accounts there are, what the log believes of them, and to record what was found
//! unless something happened to the account meanwhile. The statements are the same text in both dialects but for lists.

use std::collections::HashSet;

use sqlx::Executor;

use super::model::{NewEntry, Recorded};
use super::stamp::Stamp;
use super::{Dialect, Result, Store, StoreError, either, postgres, sqlite};
use crate::protocol::time::Millis;

/// Sequences at the log's end in which tags are looked for.
const LOOKED_THROUGH: i64 = 50_000;
/// Tags that are looked for at most.
const TAGS: i64 = 200;

/// Some accounts of an app, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Those that were asked for.
    pub accounts: Vec<String>,
    /// The last one that was looked at; none when there is none after it.
    pub last: Option<String>,
}

/// What the log believes of an account.
#[derive(Debug, Clone, Default)]
pub struct Believed {
    /// The account's newest entry; none where the log does not know the account.
    pub newest: Option<i64>,
    /// The newest value of each tag, by effective time.
    pub items: Vec<BelievedItem>,
}

/// One tag's value.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct BelievedItem {
    /// Tag
    pub tag: String,
    /// JSON text.
    pub value: String,
    /// The entry that set it.
    pub seq: i64,
    /// When it took effect.
    pub effective_time: Stamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    account: String,
    #[sqlx(flatten)]
    item: BelievedItem,
}

/// Entries about one account, and what it takes for them to be still right.
#[derive(Debug, Clone)]
pub struct Found {
    /// From_Account
    pub account: String,
    /// The account's newest entry when it was compared.
    pub newest: Option<i64>,
    /// What was found.
    pub entries: Vec<NewEntry>,
}

const ACCOUNTS: &str = "-- accounts
WITH RECURSIVE page (account, n) AS (
    SELECT (SELECT c.account FROM callbacks c WHERE c.account > $2 AND c.sdk_app_id = $1 ORDER BY c.account LIMIT 1), 1
    UNION ALL
    SELECT (SELECT c.account FROM callbacks c WHERE c.account > p.account AND c.sdk_app_id = $1 ORDER BY c.account LIMIT 1), p.n + 1
      FROM page p WHERE p.account IS NOT NULL AND p.n < $3
)
SELECT p.account, EXISTS (SELECT 1 FROM callbacks c
                           WHERE c.account = p.account AND c.sdk_app_id = $1 AND c.received_at >= $4) AS is_asked_for
  FROM page p WHERE p.account IS NOT NULL ORDER BY p.account";

const TAGS_SEEN: &str = "-- tags_seen
SELECT DISTINCT i.tag
  FROM (SELECT seq FROM callbacks WHERE sdk_app_id = $1 AND seq > (SELECT max(seq) FROM callbacks) - $2) c
  JOIN profile_changes i ON i.seq = c.seq
 ORDER BY i.tag LIMIT $3";

impl Store {
    /// Accounts of the app after this one that have an entry received at or after `since`; `limit` are looked at.
    pub async fn accounts(&self, app: i64, after: &str, since: Millis, limit: u32) -> Result<Accounts> {
        either!(self.dialect()?, store => store.accounts(app, after, since, limit).await)
    }

    /// Tags that lately changed in this app, a bounded number.
    pub async fn tags_seen(&self, app: i64) -> Result<Vec<String>> {
        either!(self.dialect()?, store => store.tags_seen(app).await)
    }

    /// What the log believes of these accounts, in their order. Their newest entries are read before their values.
    pub async fn believed(&self, app: i64, accounts: &[String]) -> Result<Vec<Believed>> {
        either!(self.dialect()?, store => store.believed(app, accounts).await)
    }

    /// Appends what was found, in one transaction under the log's lock, but nothing of an account whose newest entry is not the
    /// one it was compared with. Says of each whether it was recorded.
    pub async fn append_unless_moved(&self, app: i64, found: &[Found]) -> Result<Vec<bool>> {
        let (still_right, recorded) = either!(self.dialect()?, store => store.append_unless_moved(app, found).await)?;
        if let Some(newest) = recorded.iter().filter_map(Recorded::seq).max() {
            self.has_appended(newest);
        }
        Ok(still_right)
    }
}

const HEAD: &str = "-- newest
SELECT coalesce(max(seq), 0) FROM callbacks";

const SINCE: &str = "-- newest
SELECT sdk_app_id, account, kind = 'erasure' AS erases FROM callbacks WHERE seq > $1";

/// An entry that came while nobody looked.
#[derive(sqlx::FromRow)]
struct Since {
    sdk_app_id: i64,
    account: Option<String>,
    erases: bool,
}

/// Which of them are still right, and their entries.
fn still_right<'f>(
    app: i64,
    found: &'f [Found],
    newest: &[Option<i64>],
    since: &[Since],
) -> (Vec<bool>, Vec<&'f NewEntry>) {
    let of_app = since.iter().filter(|entry| entry.sdk_app_id == app);
    let moved: HashSet<&str> = of_app.filter_map(|entry| entry.account.as_deref()).collect();
    let is_right =
        |(found, newest): (&Found, &Option<i64>)| found.newest == *newest && !moved.contains(found.account.as_str());
    let right: Vec<bool> = found.iter().zip(newest).map(is_right).collect();
    let entries = found.iter().zip(&right).filter(|(_, right)| **right).flat_map(|(found, _)| &found.entries).collect();
    (right, entries)
}

macro_rules! reconciles {
    ($store:ty, $connection:ty, $transaction:path, list: $list:expr, listed: $listed:literal, lock: $lock:expr) => {
        impl $store {
            pub(super) async fn accounts(&self, app: i64, after: &str, since: Millis, limit: u32) -> Result<Accounts> {
                let query = sqlx::query_as(ACCOUNTS).bind(app).bind(after).bind(i64::from(limit)).bind(Stamp(since));
                let rows: Vec<(String, bool)> = query.fetch_all(self.readers()).await?;
                let is_full = rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
                let last = rows.last().filter(|_| is_full).map(|(account, _)| account.clone());
                let accounts = rows.into_iter().filter(|(_, asked_for)| *asked_for).map(|(account, _)| account);
                Ok(Accounts { accounts: accounts.collect(), last })
            }

            pub(super) async fn tags_seen(&self, app: i64) -> Result<Vec<String>> {
                let query = sqlx::query_scalar(TAGS_SEEN).bind(app).bind(LOOKED_THROUGH).bind(TAGS);
                Ok(query.fetch_all(self.readers()).await?)
            }

            pub(super) async fn believed(&self, app: i64, accounts: &[String]) -> Result<Vec<Believed>> {
                const BELIEVED: &str = concat!(
                    "-- believed
SELECT account, tag, value, seq, effective_time
  FROM (SELECT c.account, i.tag, i.value, c.seq, c.effective_time,
               row_number() OVER (PARTITION BY c.account, i.tag
                                  ORDER BY c.effective_time DESC, c.seq DESC, i.ordinal DESC) AS age
          FROM ",
                    $listed,
                    " JOIN callbacks c ON c.account = w.account AND c.sdk_app_id = $2
          JOIN profile_changes i ON i.seq = c.seq) AS items
 WHERE age = 1"
                );
                let newest = Self::newest(&mut *self.readers().acquire().await?, app, accounts).await?;
                let query = sqlx::query_as(BELIEVED).bind($list(accounts)).bind(app);
                let rows: Vec<Row> = query.fetch_all(self.readers()).await?;
                let mut believed: Vec<_> =
                    newest.into_iter().map(|newest| Believed { newest, ..Believed::default() }).collect();
                for row in rows {
                    let whose = accounts.iter().position(|account| *account == row.account);
                    if let Some(believed) = whose.and_then(|at| believed.get_mut(at)) {
                        believed.items.push(row.item);
                    }
                }
                Ok(believed)
            }

            async fn newest(connection: &mut $connection, app: i64, accounts: &[String]) -> Result<Vec<Option<i64>>> {
                const NEWEST: &str = concat!(
                    "-- newest
SELECT (SELECT max(c.seq) FROM callbacks c WHERE c.account = w.account AND c.sdk_app_id = $2) FROM ",
                    $listed,
                    " ORDER BY w.at"
                );
                Ok(sqlx::query_scalar(NEWEST).bind($list(accounts)).bind(app).fetch_all(connection).await?)
            }

            pub(super) async fn append_unless_moved(
                &self,
                app: i64,
                found: &[Found],
            ) -> Result<(Vec<bool>, Vec<Recorded>)> {
                // All of an account's entries are read for its newest one: not while everybody waits for the lock.
                let accounts: Vec<String> = found.iter().map(|found| found.account.clone()).collect();
                let head: i64 = sqlx::query_scalar(HEAD).fetch_one(self.readers()).await?;
                let mut newest = Self::newest(&mut *self.readers().acquire().await?, app, &accounts).await?;
                $transaction!(self, connection => async {
                    if let Some(lock) = $lock {
                        connection.execute(lock).await?;
                    }
                    let since: Vec<Since> = sqlx::query_as(SINCE).bind(head).fetch_all(&mut *connection).await?;
                    if since.iter().any(|entry| entry.erases) {
                        newest = Self::newest(&mut *connection, app, &accounts).await?;
                    }
                    let (right, entries) = still_right(app, found, &newest, &since);
                    Ok::<_, StoreError>((right, Self::append_within(connection, &entries).await?))
                }
                .await)
            }
        }
    };
}

/// The lock of the append. A frozen replica cannot stop the others.
const LOCK: &str = "-- append: unless the account has moved
SELECT set_config('idle_in_transaction_session_timeout', '2s', true), set_config('statement_timeout', '2s', true),
       pg_advisory_xact_lock(1886351988, 'callbacks'::regclass::oid::integer)::text";

fn as_json(accounts: &[String]) -> String {
    serde_json::json!(accounts).to_string()
}

reconciles!(
    postgres::Postgres,
    sqlx::PgConnection,
    postgres::transaction,
    list: <[String]>::to_vec,
    listed: "unnest($1) WITH ORDINALITY AS w (account, at)",
    lock: Some(LOCK)
);
reconciles!(
    sqlite::Sqlite,
    sqlx::SqliteConnection,
    sqlite::transaction,
    list: as_json,
    listed: "(SELECT value AS account, key AS at FROM json_each($1)) AS w",
    lock: None::<&'static str>
);
