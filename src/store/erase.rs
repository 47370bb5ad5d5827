//! Erasing a person: a transaction at a time, each with the entry that names what it erased. The same text in both dialects but
//! for the erasing itself.

use sqlx::{Executor, QueryBuilder};

use super::among::Among;
use super::erasure::{Batch, Erasable, Erased, Whom};
use super::mark::FORGET;
use super::model::StoredItem;
use super::postgres::{self, Postgres};
use super::sqlite::{self, Sqlite};
use super::{Result, Stamp, StoreError};
use crate::protocol::time::Millis;

/// Entries a transaction.
const AT_ONCE: i64 = 200;

const OWN: &str = "-- erase
SELECT seq, received_at, event_time, sdk_app_id, receipt_id, account, body
  FROM callbacks WHERE account = $1 AND sdk_app_id = $2 ORDER BY effective_time, seq LIMIT $3";

const AS_OPERATOR: &str = "-- erase
SELECT seq, received_at, event_time, sdk_app_id, receipt_id, account, body
  FROM callbacks WHERE operator IS DISTINCT FROM account AND operator = $1 AND sdk_app_id = $2 ORDER BY seq LIMIT $3";

const KEEP_LITTLE: &str = "-- erase
UPDATE callbacks SET salt = $2, account = CASE WHEN $3 THEN NULL ELSE account END,
       operator = NULL, client_ip = NULL, platform = NULL, body = NULL WHERE seq = $1";
const NO_VALUES: &str = "-- erase
UPDATE profile_changes SET value = NULL WHERE seq = $1";
const NO_ERRORS: &str = "-- erase
UPDATE deliveries SET error = NULL WHERE seq = $1";
const TRUNCATE_WAL: &str = "PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA busy_timeout = 2000";
const NOT_RECENT: &str = "-- erase
DELETE FROM recent WHERE event_time = $1 AND key = $2";

/// How a body may write the account, as a JSON string of its own.
fn spellings(account: &str) -> [Vec<u8>; 3] {
    let escaped = serde_json::to_string(account).unwrap_or_default();
    let ascii = escaped.chars().fold(String::new(), |mut text, c| {
        match c.is_ascii() {
            true => text.push(c),
            false => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}"))),
        }
        text
    });
    [format!("\"{account}\"").into_bytes(), escaped.into_bytes(), ascii.into_bytes()]
}

macro_rules! erases {
    ($store:ty, $db:ty, $is_in_body:expr) => {
        impl $store {
            /// What is to be erased next; none when nothing is left.
            pub(super) async fn erasable(
                connection: &mut <$db as sqlx::Database>::Connection,
                whom: &Whom,
                now: Millis,
            ) -> Result<Option<Batch>> {
                let mut entries = Vec::new();
                for statement in [Some(OWN), whom.as_operator.then_some(AS_OPERATOR)].into_iter().flatten() {
                    let query = sqlx::query_as::<_, Erasable>(statement).bind(&whom.account).bind(whom.app);
                    entries.extend(query.bind(AT_ONCE).fetch_all(&mut *connection).await?);
                }
                if entries.is_empty() {
                    return Ok(None);
                }
                let seqs: Vec<i64> = entries.iter().map(|entry| entry.seq).collect();
                let mut query =
                    QueryBuilder::<$db>::new("-- erase\nSELECT seq, ordinal, tag, value FROM profile_changes WHERE ");
                <$db>::push_among(&mut query, "seq", &seqs);
                query.push(" ORDER BY seq, ordinal");
                let items: Vec<StoredItem> = query.build_query_as().fetch_all(connection).await?;
                Ok(Some(Batch::new(whom, now, &entries, &items)))
            }

            /// Drops unreadable bodies that name the account.
            fn unreadable_naming(whom: &Whom) -> QueryBuilder<$db> {
                let mut query = QueryBuilder::new("-- erase\nDELETE FROM unreadable WHERE (sdk_app_id = ");
                query.push_bind(whom.app).push(" OR sdk_app_id IS NULL) AND (false");
                let (begin, end) = $is_in_body;
                for spelling in spellings(&whom.account) {
                    query.push(" OR ").push(begin).push_bind(spelling).push(end);
                }
                query.push(")");
                query
            }
        }
    };
}

erases!(Postgres, sqlx::Postgres, ("position(", " IN body) > 0"));
erases!(Sqlite, sqlx::Sqlite, ("instr(body, ", ") > 0"));

const BEGIN: &str = "-- erase: one at a time, and a frozen eraser stops nobody
SELECT set_config('idle_in_transaction_session_timeout', '5s', true),
       pg_advisory_xact_lock(1886351990, 'callbacks'::regclass::oid::integer)::text";

const ERASE: &str = "-- erase
SELECT portraitd_erase($1, $2, $3, $4, $5)::text";

impl Postgres {
    pub(super) async fn erase(&self, whom: &Whom, now: Millis) -> Result<Erased> {
        postgres::transaction!(self, connection => async {
            connection.execute(BEGIN).await?;
            let Some(batch) = Self::erasable(connection, whom, now).await? else { return Ok(Erased::default()) };
            sqlx::query(ERASE)
                .bind(&batch.seqs)
                .bind(batch.salts.iter().map(|salt| salt.as_ref().map(|salt| &salt[..])).collect::<Vec<_>>())
                .bind(&batch.wholes)
                .bind(batch.keys.iter().map(|key| Stamp(key.time)).collect::<Vec<_>>())
                .bind(batch.keys.iter().map(|key| &key.key[..]).collect::<Vec<_>>())
                .execute(&mut *connection)
                .await?;
            let recorded = Self::append_within(connection, &[&batch.record]).await?;
            Ok::<_, StoreError>(batch.erased(&recorded))
        }
        .await)
    }

    pub(super) async fn erase_elsewhere(&self, whom: &Whom) -> Result<u64> {
        sqlx::query(FORGET).bind(whom.app).bind(&whom.account).execute(self.readers()).await?;
        Ok(Self::unreadable_naming(whom).build().execute(self.readers()).await?.rows_affected())
    }
}

impl Sqlite {
    pub(super) async fn erase(&self, whom: &Whom, now: Millis) -> Result<Erased> {
        sqlite::transaction!(self, connection => async {
            // What is erased is overwritten in the file.
            connection.execute("PRAGMA secure_delete = ON").await?;
            let Some(batch) = Self::erasable(connection, whom, now).await? else { return Ok(Erased::default()) };
            connection.execute("-- erase\nINSERT INTO erasing (since) VALUES (unixepoch())").await?;
            for ((seq, salt), whole) in batch.seqs.iter().zip(&batch.salts).zip(&batch.wholes) {
                let salt = salt.as_ref().map(|salt| &salt[..]);
                sqlx::query(KEEP_LITTLE).bind(seq).bind(salt).bind(whole).execute(&mut *connection).await?;
                if *whole {
                    sqlx::query(NO_VALUES).bind(seq).execute(&mut *connection).await?;
                }
                sqlx::query(NO_ERRORS).bind(seq).execute(&mut *connection).await?;
            }
            for key in &batch.keys {
                sqlx::query(NOT_RECENT).bind(key.time).bind(&key.key[..]).execute(&mut *connection).await?;
            }
            connection.execute("-- erase\nDELETE FROM erasing").await?;
            let recorded = Self::append_within(connection, &[&batch.record]).await?;
            Ok::<_, StoreError>(batch.erased(&recorded))
        }
        .await)
    }

    pub(super) async fn erase_elsewhere(&self, whom: &Whom) -> Result<u64> {
        let forget = sqlx::query(FORGET).bind(whom.app).bind(&whom.account);
        let forgotten: Result<()> = sqlite::writing!(self, writer => forget.execute(writer).await.map(drop));
        forgotten?;
        let mut query = Self::unreadable_naming(whom);
        let dropped: Result<u64> =
            sqlite::writing!(self, writer => query.build().execute(writer).await.map(|done| done.rows_affected()));
        // The write-ahead log still holds pages as they were. Where somebody reads just now it is not waited for, because
        // whoever appends would wait too.
        let _: Result<_> = sqlite::writing!(self, writer => writer.execute(TRUNCATE_WAL).await);
        dropped
    }
}
