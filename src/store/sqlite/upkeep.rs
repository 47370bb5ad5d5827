//! What keeps the log in shape beside the appends: unreadable bodies, pruning. SQLite has no partitions to extend.

use sqlx::Connection;

use super::Sqlite;
use crate::protocol::time::Millis;
use crate::store::Result;
use crate::store::model::NewUnreadable;

const KEEP_UNREADABLE: &str = "-- keep_unreadable
INSERT INTO unreadable (first_at, last_at, sdk_app_id, command, reason, auth, client_ip, platform, receipt_id, hash, body)
VALUES ($1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (hash) DO UPDATE SET times = times + 1, last_at = max(last_at, excluded.last_at)";

/// Rows whose EventTime was believable lie at the old end of the key; the others at its far end.
const PRUNE_RECENT: &str = "-- prune_recent
DELETE FROM recent WHERE (event_time, key) IN (
    SELECT event_time, key FROM (SELECT event_time, key FROM recent
     WHERE event_time <= $1 + 300000 AND recorded_at < $1 LIMIT 10000)
    UNION ALL
    SELECT event_time, key FROM (SELECT event_time, key FROM recent
     WHERE event_time > max($1 + 300000, unixepoch('subsec') * 1000) AND recorded_at < $1 LIMIT 10000))";

const BOUND_UNREADABLE: &str = "-- bound_unreadable
DELETE FROM unreadable WHERE id <= (
    SELECT max(id) FROM (
        SELECT id, sum(octet_length(body) + 512) OVER (ORDER BY id DESC) AS kept FROM unreadable) AS newest
     WHERE kept > $1)";

impl Sqlite {
    pub(in crate::store) async fn keep_unreadable(&self, bodies: &[&NewUnreadable]) -> Result<()> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
        for body in bodies {
            sqlx::query(KEEP_UNREADABLE)
                .bind(body.received_at)
                .bind(body.sdk_app_id)
                .bind(&body.command)
                .bind(&body.reason)
                .bind(body.auth.as_str())
                .bind(&body.client_ip)
                .bind(&body.platform)
                .bind(&body.receipt_id[..])
                .bind(&body.hash()[..])
                .bind(&body.body[..])
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    pub(in crate::store) async fn extend(&self) -> Result<i64> {
        Ok(i64::MAX)
    }

    pub(in crate::store) async fn prune_recent(&self, before: Millis) -> Result<u64> {
        let mut writer = self.writer.lock().await;
        Ok(sqlx::query(PRUNE_RECENT).bind(before).execute(&mut *writer).await?.rows_affected())
    }

    pub(in crate::store) async fn bound_unreadable(&self, max_bytes: u64) -> Result<u64> {
        let max_bytes = i64::try_from(max_bytes).unwrap_or(i64::MAX);
        let mut writer = self.writer.lock().await;
        Ok(sqlx::query(BOUND_UNREADABLE).bind(max_bytes).execute(&mut *writer).await?.rows_affected())
    }

    pub(in crate::store) async fn check(&self) -> Result<()> {
        let mut writer = self.writer.lock().await;
        Ok(writer.begin_with("BEGIN IMMEDIATE").await?.rollback().await?)
    }
}
