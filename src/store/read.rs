//! Reading the log. The statements are the same text in both dialects, so they stand here once.

use std::collections::HashMap;

use sqlx::QueryBuilder;

use super::model::{GENESIS, Head, Link, NewEntry, ReceiptId, UnreadableRow};
use super::rows::ErasureRow;
use super::{Result, Stamp};

const HEAD: &str = "-- head
SELECT seq, chain FROM callbacks ORDER BY seq DESC LIMIT 1";

/// By account and time, which are indexed: a receipt id is not.
const RECEIPTS: &str = ") SELECT c.receipt_id, c.seq FROM wanted w CROSS JOIN callbacks c
 WHERE c.account = w.account AND c.sdk_app_id = w.app AND c.effective_time = w.at AND c.receipt_id = w.receipt";
/// Entries a statement, well below the limit of bound values.
const RECEIPTS_AT_ONCE: usize = 500;

const UNREADABLE: &str = "-- unreadable
SELECT id, first_at, last_at, times, sdk_app_id, command, reason, auth, client_ip, platform, body
  FROM unreadable WHERE id < $1 ORDER BY id DESC LIMIT $2";

const ERASURES: &str = "-- erasures
SELECT seq, salt, digest, body FROM callbacks WHERE kind <> 'callback' AND kind = 'erasure' AND seq > $1 ORDER BY seq LIMIT $2";

const BYTES: &str = "-- bytes
SELECT CAST(coalesce(sum(octet_length(body)), 0) AS bigint) FROM callbacks WHERE seq BETWEEN $1 AND $2";

/// Bytes of bodies that are read at a time.
const AT_ONCE: i64 = 4 << 20;

const LINKS: &str = "-- links
SELECT seq, receipt_id, received_at, sdk_app_id, kind, auth, digest, chain
  FROM callbacks WHERE seq BETWEEN $1 AND $2 ORDER BY seq";

const SPAN: &str = "-- span
SELECT (SELECT min(seq) FROM callbacks), (SELECT max(seq) FROM callbacks),
       (SELECT min(seq) FROM profile_changes), (SELECT max(seq) FROM profile_changes)";

/// The lowest and highest of the rows' ends, if there is any row.
fn widest(ends: (Option<i64>, Option<i64>, Option<i64>, Option<i64>)) -> Option<(i64, i64)> {
    let first = [ends.0, ends.2].into_iter().flatten().min();
    let last = [ends.1, ends.3].into_iter().flatten().max();
    first.zip(last)
}

macro_rules! reads {
    ($store:ty, $db:ty) => {
        impl $store {
            pub(super) async fn head(&self) -> Result<Head> {
                let row: Option<(i64, Vec<u8>)> = sqlx::query_as(HEAD).fetch_optional(self.readers()).await?;
                row.map_or(Ok(GENESIS), |(seq, chain)| Head::stored(seq, chain))
            }

            pub(super) async fn receipts(&self, entries: &[&NewEntry]) -> Result<HashMap<ReceiptId, i64>> {
                let mut found = HashMap::new();
                for entries in entries.chunks(RECEIPTS_AT_ONCE) {
                    let mut query =
                        QueryBuilder::<$db>::new("-- receipts\nWITH wanted (account, app, at, receipt) AS (");
                    query.push_values(entries, |mut row, entry| {
                        row.push_bind(&entry.account).push_bind(entry.sdk_app_id);
                        row.push_bind(Stamp(entry.effective_time())).push_bind(&entry.receipt_id[..]);
                    });
                    query.push(RECEIPTS);
                    let rows: Vec<(Vec<u8>, i64)> = query
                        .build_query_as()
                        .persistent(entries.len() == RECEIPTS_AT_ONCE)
                        .fetch_all(self.readers())
                        .await?;
                    found.extend(rows.into_iter().filter_map(|(id, seq)| Some((ReceiptId::try_from(id).ok()?, seq))));
                }
                Ok(found)
            }

            pub(super) async fn unreadable(&self, before: Option<i64>, limit: u32) -> Result<Vec<UnreadableRow>> {
                let found = sqlx::query_as(UNREADABLE).bind(before.unwrap_or(i64::MAX)).bind(i64::from(limit));
                Ok(found.fetch_all(self.readers()).await?)
            }

            pub(super) async fn fitting(&self, from: i64, mut to: i64) -> Result<i64> {
                while to > from {
                    let bytes: i64 = sqlx::query_scalar(BYTES).bind(from).bind(to).fetch_one(self.readers()).await?;
                    if bytes <= AT_ONCE {
                        break;
                    }
                    to = from + (to - from) / 2;
                }
                Ok(to)
            }

            pub(super) async fn links(&self, from: i64, to: i64) -> Result<Vec<Link>> {
                Ok(sqlx::query_as(LINKS).bind(from).bind(to).fetch_all(self.readers()).await?)
            }

            pub(super) async fn erasures(&self, after: i64, limit: u32) -> Result<Vec<ErasureRow>> {
                Ok(sqlx::query_as(ERASURES).bind(after).bind(i64::from(limit)).fetch_all(self.readers()).await?)
            }

            pub(super) async fn span(&self) -> Result<Option<(i64, i64)>> {
                Ok(widest(sqlx::query_as(SPAN).fetch_one(self.readers()).await?))
            }
        }
    };
}

reads!(super::postgres::Postgres, sqlx::Postgres);
reads!(super::sqlite::Sqlite, sqlx::Sqlite);
