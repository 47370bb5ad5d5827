//! Settling: the subscription, and what changed of its deliveries.

use sqlx::sqlite::SqliteConnection;

use super::{Sqlite, transaction};
use crate::store::Result;
use crate::store::subscription::{Checkpoint, Lease, Orders};

const SETTLE: &str = "-- checkpoint
UPDATE subscriptions
   SET position = $4, reach = $5, solo_seq = $6, solo_starts = $7,
       stalled_at = CASE WHEN $8 THEN coalesce(stalled_at, CAST(unixepoch('subsec') * 1000 AS INTEGER)) END,
       owner = CASE WHEN $9 THEN NULL ELSE owner END,
       lease_until = CAST(unixepoch('subsec') * 1000 AS INTEGER) + $10
 WHERE handler = $1 AND owner = $2 AND epoch = $3
RETURNING paused, orders";

const GONE: &str = "-- checkpoint
DELETE FROM deliveries WHERE handler = $1 AND seq = $2";

/// Of an entry that was erased meanwhile no error is kept.
const CHANGED: &str = "-- checkpoint
INSERT INTO deliveries (handler, seq, state, in_order, attempts, due_at, running, solo_starts, error)
VALUES ($1, $2, $3, $4, $5, CAST(unixepoch('subsec') * 1000 AS INTEGER) + $6, $7, $8,
        CASE WHEN EXISTS (SELECT 1 FROM callbacks c WHERE c.seq = $2 AND c.body IS NOT NULL) THEN $9 END)
ON CONFLICT (handler, seq) DO UPDATE
   SET state = excluded.state, in_order = excluded.in_order, attempts = excluded.attempts, due_at = excluded.due_at,
       running = excluded.running, solo_starts = excluded.solo_starts, error = excluded.error";

impl Sqlite {
    pub(in crate::store) async fn checkpoint(&self, lease: Lease<'_>, to: &Checkpoint) -> Result<Option<Orders>> {
        transaction!(self, connection => settle(connection, lease, to).await)
    }
}

async fn settle(connection: &mut SqliteConnection, lease: Lease<'_>, to: &Checkpoint) -> Result<Option<Orders>> {
    let orders: Option<Orders> = sqlx::query_as(SETTLE)
        .bind(lease.handler)
        .bind(lease.owner)
        .bind(lease.epoch)
        .bind(to.position)
        .bind(to.reach)
        .bind(to.solo.0)
        .bind(to.solo.1)
        .bind(to.stalled)
        .bind(to.release)
        .bind(lease.millis)
        .fetch_optional(&mut *connection)
        .await?;
    if orders.is_none() {
        return Ok(None);
    }
    for seq in &to.gone {
        sqlx::query(GONE).bind(lease.handler).bind(seq).execute(&mut *connection).await?;
    }
    for delivery in &to.changed {
        sqlx::query(CHANGED)
            .bind(lease.handler)
            .bind(delivery.seq)
            .bind(if delivery.dead { "dead" } else { "waiting" })
            .bind(delivery.in_order)
            .bind(delivery.attempts)
            .bind(delivery.due_in)
            .bind(delivery.running)
            .bind(delivery.solo_starts)
            .bind(&delivery.error)
            .execute(&mut *connection)
            .await?;
    }
    Ok(orders)
}
