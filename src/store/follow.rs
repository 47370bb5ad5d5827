//! Reading the log for handlers: pages of entries and previous values. The statements are the same text in both dialects.

use sqlx::QueryBuilder;

use super::among::Among;
use super::rows::{LoggedCallback, Previous};
use super::{Place, Result};

/// Columns of an entry.
macro_rules! entry {
    () => {
        "c.seq, c.receipt_id, c.received_at, c.event_time, c.effective_time, c.sdk_app_id, c.kind, c.auth, c.account,
       c.operator, c.client_ip, c.platform, c.body"
    };
}

/// Whether the log knows a newer one for the account.
macro_rules! superseded {
    () => {
        "EXISTS (SELECT 1 FROM callbacks n WHERE n.account = c.account AND n.sdk_app_id = c.sdk_app_id
                   AND (n.effective_time, n.seq) > (c.effective_time, c.seq))"
    };
}

/// A row is left out when the bodies before it are large enough; the first one never is.
const PAGE: &str = concat!(
    "-- page
SELECT ",
    entry!(),
    "
  FROM (SELECT callbacks.*, sum(octet_length(body)) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) - octet_length(body) AS before
          FROM callbacks WHERE seq > $1 AND seq <= $2) c
 WHERE coalesce(c.before, 0) < $3 ORDER BY c.seq"
);

const ENTRIES: &str =
    concat!("-- entries\nSELECT ", entry!(), ", ", superseded!(), " AS superseded\n  FROM callbacks c WHERE ");

const SUPERSEDED: &str = concat!("-- superseded\nSELECT c.seq FROM callbacks c WHERE ", superseded!(), " AND ");

const PREVIOUS: &str = "-- previous
SELECT seq, ordinal, old FROM profile_history WHERE ";

/// In this order the search ends at the next entry with the tag, so that a page costs no more than what follows it.
const SUPERSEDED_ITEMS: &str = "-- superseded_items
SELECT i.seq, i.ordinal FROM profile_changes i JOIN callbacks c ON c.seq = i.seq
 WHERE (SELECT n.seq FROM callbacks n JOIN profile_changes p ON p.seq = n.seq
         WHERE n.account = c.account AND n.sdk_app_id = c.sdk_app_id AND p.tag = i.tag
           AND (n.effective_time, n.seq) > (c.effective_time, c.seq)
         ORDER BY n.effective_time, n.seq LIMIT 1) IS NOT NULL
   AND ";

const NEXT: &str = "-- next
SELECT min(seq) FROM callbacks WHERE seq > $1";

macro_rules! follows {
    ($store:ty, $db:ty) => {
        impl $store {
            pub(super) async fn page(&self, after: i64, to: i64, bytes: i64) -> Result<Vec<LoggedCallback>> {
                Ok(sqlx::query_as(PAGE).bind(after).bind(to).bind(bytes).fetch_all(self.readers()).await?)
            }

            pub(super) async fn next_after(&self, seq: i64) -> Result<Option<i64>> {
                Ok(sqlx::query_scalar(NEXT).bind(seq).fetch_one(self.readers()).await?)
            }

            pub(super) async fn entries(&self, seqs: &[i64]) -> Result<Vec<LoggedCallback>> {
                let mut query = QueryBuilder::<$db>::new(ENTRIES);
                <$db>::push_among(&mut query, "c.seq", seqs);
                query.push(" ORDER BY c.seq");
                Ok(query.build_query_as().fetch_all(self.readers()).await?)
            }

            pub(super) async fn superseded(&self, seqs: &[i64]) -> Result<Vec<i64>> {
                let mut query = QueryBuilder::<$db>::new(SUPERSEDED);
                <$db>::push_among(&mut query, "c.seq", seqs);
                query.push(" ORDER BY c.seq");
                Ok(query.build_query_scalar().fetch_all(self.readers()).await?)
            }

            pub(super) async fn superseded_items(&self, seqs: &[i64]) -> Result<Vec<Place>> {
                let mut query = QueryBuilder::<$db>::new(SUPERSEDED_ITEMS);
                <$db>::push_among(&mut query, "i.seq", seqs);
                let rows: Vec<(i64, i32)> = query.build_query_as().fetch_all(self.readers()).await?;
                Ok(rows.into_iter().map(|(seq, ordinal)| Place { seq, ordinal }).collect())
            }

            pub(super) async fn previous(&self, seqs: &[i64]) -> Result<Vec<Previous>> {
                let mut query = QueryBuilder::<$db>::new(PREVIOUS);
                <$db>::push_among(&mut query, "seq", seqs);
                Ok(query.build_query_as().fetch_all(self.readers()).await?)
            }
        }
    };
}

follows!(super::postgres::Postgres, sqlx::Postgres);
follows!(super::sqlite::Sqlite, sqlx::Sqlite);
