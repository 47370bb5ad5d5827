//! What keeps the log in shape beside the appends: unreadable bodies, pruning. SQLite has no partitions to extend.

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::{Sqlite, writing};
use crate::store::Result;
use crate::store::model::NewUnreadable;

const KEEP_UNREADABLE: &str = "-- keep_unreadable
INSERT INTO unreadable (first_at, last_at, sdk_app_id, command, reason, auth, client_ip, platform, receipt_id, hash, body)
VALUES ($1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (hash) DO UPDATE SET times = times + 1, last_at = max(last_at, excluded.last_at)
 WHERE unreadable.receipt_id <> excluded.receipt_id";

/// Rows whose EventTime was believable lie at the old end of the key; the others at its far end.
const PRUNE_RECENT: &str = "-- prune_recent
DELETE FROM recent WHERE (event_time, key) IN (
    SELECT event_time, key FROM (SELECT event_time, key FROM recent
     WHERE event_time <= unixepoch('subsec') * 1000 - $1 AND recorded_at < unixepoch('subsec') * 1000 - $1 LIMIT 10000)
    UNION ALL
    SELECT event_time, key FROM (SELECT event_time, key FROM recent
     WHERE event_time > unixepoch('subsec') * 1000 AND recorded_at < unixepoch('subsec') * 1000 - $1 LIMIT 10000))";

const BOUND_UNREADABLE: &str = "-- bound_unreadable
DELETE FROM unreadable WHERE id <= (
    SELECT max(id) FROM (
        SELECT id, sum(octet_length(body) + 512) OVER (ORDER BY id DESC) AS kept FROM unreadable) AS newest
     WHERE kept > $1)";

impl Sqlite {
    pub(in crate::store) async fn keep_unreadable(&self, body: &NewUnreadable) -> Result<()> {
        let hash = body.hash();
        let query = sqlx::query(KEEP_UNREADABLE)
            .bind(body.received_at)
            .bind(body.sdk_app_id)
            .bind(&body.command)
            .bind(&body.reason)
            .bind(body.auth.as_str())
            .bind(&body.client_ip)
            .bind(&body.platform)
            .bind(&body.receipt_id[..])
            .bind(&hash[..])
            .bind(&body.body[..]);
        writing!(self, connection => query.execute(connection).await.map(drop))
    }

    pub(in crate::store) async fn extend(&self) -> Result<i64> {
        Ok(i64::MAX)
    }

    pub(in crate::store) async fn prune_recent(&self, window_secs: i64) -> Result<u64> {
        let query = sqlx::query(PRUNE_RECENT).bind(window_secs * 1000);
        writing!(self, connection => query.execute(connection).await.map(|done| done.rows_affected()))
    }

    pub(in crate::store) async fn bound_unreadable(&self, max_bytes: u64) -> Result<u64> {
        let query = sqlx::query(BOUND_UNREADABLE).bind(i64::try_from(max_bytes).unwrap_or(i64::MAX));
        writing!(self, connection => query.execute(connection).await.map(|done| done.rows_affected()))
    }

    pub(in crate::store) async fn check(&self) -> Result<()> {
        writing!(self, connection => rehearse(connection).await)
    }
}

/// Takes the lock that an append takes, and writes nothing.
async fn rehearse(connection: &mut SqliteConnection) -> Result<()> {
    Ok(connection.begin_with("BEGIN IMMEDIATE").await?.rollback().await?)
}
