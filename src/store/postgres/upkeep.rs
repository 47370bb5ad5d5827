//! What keeps the log in shape beside the appends: unreadable bodies, partitions, pruning.

use super::Postgres;
use crate::store::model::NewUnreadable;
use crate::store::{Result, Stamp, StoreError};

const KEEP_UNREADABLE: &str = "-- keep_unreadable
INSERT INTO unreadable (first_at, last_at, sdk_app_id, command, reason, auth, client_ip, platform, receipt_id, hash, body)
VALUES ($1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (hash) DO UPDATE
   SET times = unreadable.times + 1, last_at = greatest(unreadable.last_at, excluded.last_at)
 WHERE unreadable.receipt_id <> excluded.receipt_id";

const EXTEND: &str = "-- extend
SELECT portraitd_extend()";

/// Rows whose EventTime was believable lie at the old end of the key; the others at its far end.
const PRUNE_RECENT: &str = "-- prune_recent
WITH old AS (
    (SELECT event_time, key FROM recent
      WHERE event_time <= now() - make_interval(secs => $1)
        AND recorded_at < now() - make_interval(secs => $1) LIMIT 10000)
    UNION ALL
    (SELECT event_time, key FROM recent
      WHERE event_time > now() AND recorded_at < now() - make_interval(secs => $1) LIMIT 10000)
)
DELETE FROM recent r USING old WHERE r.event_time = old.event_time AND r.key = old.key";

const BOUND_UNREADABLE: &str = "-- bound_unreadable
DELETE FROM unreadable WHERE id <= (
    SELECT max(id) FROM (
        SELECT id, sum(octet_length(body) + 512) OVER (ORDER BY id DESC) AS kept FROM unreadable) AS newest
     WHERE kept > $1)";

const WRITABLE: &str = "-- check
SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'
       AND has_table_privilege('callbacks', 'SELECT') AND has_table_privilege('callbacks', 'INSERT')
       AND has_table_privilege('recent', 'SELECT') AND has_table_privilege('recent', 'INSERT')
       AND has_table_privilege('profile_changes', 'INSERT')
       AND (SELECT bool_and(has_function_privilege(oid, 'EXECUTE')) FROM pg_proc WHERE proname = 'portraitd_append')";

impl Postgres {
    pub(in crate::store) async fn keep_unreadable(&self, body: &NewUnreadable) -> Result<()> {
        sqlx::query(KEEP_UNREADABLE)
            .bind(Stamp(body.received_at))
            .bind(body.sdk_app_id)
            .bind(&body.command)
            .bind(&body.reason)
            .bind(body.auth.as_str())
            .bind(&body.client_ip)
            .bind(&body.platform)
            .bind(&body.receipt_id[..])
            .bind(&body.hash()[..])
            .bind(&body.body[..])
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    pub(in crate::store) async fn extend(&self) -> Result<i64> {
        Ok(sqlx::query_scalar(EXTEND).fetch_one(&self.pool).await?)
    }

    pub(in crate::store) async fn prune_recent(&self, window_secs: i64) -> Result<u64> {
        Ok(sqlx::query(PRUNE_RECENT).bind(window_secs as f64).execute(&self.pool).await?.rows_affected())
    }

    pub(in crate::store) async fn bound_unreadable(&self, max_bytes: u64) -> Result<u64> {
        let max_bytes = i64::try_from(max_bytes).unwrap_or(i64::MAX);
        Ok(sqlx::query(BOUND_UNREADABLE).bind(max_bytes).execute(&self.pool).await?.rows_affected())
    }

    pub(in crate::store) async fn check(&self) -> Result<()> {
        let writable: bool = sqlx::query_scalar(WRITABLE).fetch_one(&self.pool).await?;
        if writable {
            return Ok(());
        }
        Err(StoreError::Unsuitable("the database is read-only, a standby, or our role may not append".to_owned()))
    }
}
