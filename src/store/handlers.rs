//! The verbs of handlers' subscriptions: begin, lease, order, look. The statements differ between the dialects in nothing
//! but the clock. Settling, which happens all the time, is each dialect's own.

use super::Result;
use super::access::RECORD;
use super::model::Head;
use super::subscription::{DeadLetter, HandlerRow, Lease, Operator, Order, Ordered, Start, Subscription, Waiting};
use super::{Stamp, postgres, sqlite};

const PLACE: &str = "-- place
SELECT min(seq) - 1 FROM callbacks WHERE received_at >= $1";

const SUBSCRIBE: &str = "-- subscribe
INSERT INTO subscriptions (handler, position, reach) VALUES ($1, $2, $2) ON CONFLICT (handler) DO NOTHING";

const OLDEST: &str = "-- subscribe
SELECT coalesce(min(seq) - 1, 0) FROM callbacks";

const DEAD_LETTERS: &str = "-- dead_letters
SELECT d.seq, c.sdk_app_id AS app, c.account, d.attempts, d.error, d.since, c.received_at
  FROM deliveries d LEFT JOIN callbacks c ON c.seq = d.seq
 WHERE d.handler = $1 AND d.state = 'dead' AND d.seq > $2 ORDER BY d.seq LIMIT $3";

const PAUSE: &str = "-- order
UPDATE subscriptions SET paused = $2, orders = orders + 1 WHERE handler = $1";

/// Only back: what lies ahead would never be handled. Whoever owns it now may not settle any more.
const REWIND: &str = "-- order
UPDATE subscriptions
   SET position = $2, reach = $2, solo_seq = 0, solo_starts = 0, stalled_at = NULL,
       owner = NULL, lease_until = NULL, epoch = epoch + 1, orders = orders + 1
 WHERE handler = $1 AND position >= $2";

const EXISTS: &str = "-- order
SELECT EXISTS (SELECT 1 FROM subscriptions WHERE handler = $1)";

const FORGET: &str = "-- order
DELETE FROM deliveries WHERE handler = $1 AND state = 'waiting' AND seq > $2";

const NOTICE: &str = "-- order
UPDATE subscriptions SET orders = orders + 1 WHERE handler = $1";

/// Everything where nothing is named.
fn ranges(seqs: &[i64]) -> Vec<(i64, i64)> {
    if seqs.is_empty() { vec![(0, i64::MAX)] } else { seqs.iter().map(|seq| (*seq, *seq)).collect() }
}

macro_rules! handlers {
    ($store:ty, $transaction:path, now: $now:literal, in_ms: $in_ms:literal, due_in: $due_in:literal, age: $age:literal) => {
        impl $store {
            /// The cursor's place just before where to begin.
            async fn place(&self, from: Start) -> Result<i64> {
                let Head { seq: head, .. } = self.head().await?;
                let found: Option<i64> = match from {
                    Start::Now => Some(head),
                    Start::Beginning => Some(sqlx::query_scalar(OLDEST).fetch_one(self.readers()).await?),
                    Start::Time(time) => sqlx::query_scalar(PLACE).bind(Stamp(time)).fetch_one(self.readers()).await?,
                    Start::Entry(seq) => Some((seq.max(1) - 1).min(head)),
                };
                Ok(found.unwrap_or(head))
            }

            pub(super) async fn subscribe(&self, handler: &str, from: Start) -> Result<()> {
                let place = self.place(from).await?;
                $transaction!(self, connection => {
                    sqlx::query(SUBSCRIBE).bind(handler).bind(place).execute(connection).await.map(drop)
                })
            }

            pub(super) async fn acquire(&self, lease: Lease<'_>) -> Result<Option<Subscription>> {
                const ACQUIRE: &str = concat!(
                    "-- acquire
UPDATE subscriptions SET owner = $2, epoch = epoch + 1, lease_until = ",
                    $in_ms,
                    " WHERE handler = $1 AND (owner IS NULL OR lease_until <= ",
                    $now,
                    ") RETURNING position, reach, solo_seq, solo_starts, stalled_at IS NOT NULL AS is_stalled, epoch, paused, orders"
                );
                $transaction!(self, connection => {
                    sqlx::query_as(ACQUIRE)
                        .bind(lease.handler)
                        .bind(lease.owner)
                        .bind(lease.millis)
                        .fetch_optional(connection)
                        .await
                })
            }

            pub(super) async fn waiting(&self, handler: &str) -> Result<Vec<Waiting>> {
                const WAITING: &str = concat!(
                    "-- waiting
SELECT d.seq, c.sdk_app_id AS app, c.account, d.in_order, d.attempts, ",
                    $due_in,
                    " AS due_in, d.running, d.solo_starts, d.error
  FROM deliveries d JOIN callbacks c ON c.seq = d.seq
 WHERE d.handler = $1 AND d.state = 'waiting' ORDER BY d.seq"
                );
                Ok(sqlx::query_as(WAITING).bind(handler).fetch_all(self.readers()).await?)
            }

            pub(super) async fn order(&self, handler: &str, order: &Order, by: Operator<'_>) -> Result<Ordered> {
                const RETRY: &str = concat!(
                    "-- order
UPDATE deliveries
   SET state = 'waiting', in_order = (1 = 0), attempts = 0, solo_starts = 0, due_at = ",
                    $now,
                    "
 WHERE handler = $1 AND state = 'dead' AND seq BETWEEN $2 AND $3"
                );
                let to = match order {
                    Order::Rewind(from) => self.place(*from).await?,
                    _ => 0,
                };
                $transaction!(self, connection => async {
                    // The subscription first, as settling does.
                    let found = match order {
                        Order::Pause => sqlx::query(PAUSE).bind(handler).bind(true),
                        Order::Resume => sqlx::query(PAUSE).bind(handler).bind(false),
                        Order::Rewind(_) => sqlx::query(REWIND).bind(handler).bind(to),
                        Order::Retry(_) => sqlx::query(NOTICE).bind(handler),
                    };
                    if found.execute(&mut *connection).await?.rows_affected() == 0 {
                        let exists: bool = sqlx::query_scalar(EXISTS).bind(handler).fetch_one(connection).await?;
                        return Ok(if exists { Ordered::Ahead } else { Ordered::NoHandler });
                    }
                    let mut affected = to;
                    if let Order::Rewind(_) = order {
                        sqlx::query(FORGET).bind(handler).bind(to).execute(&mut *connection).await?;
                    }
                    if let Order::Retry(seqs) = order {
                        affected = 0;
                        for (first, last) in ranges(seqs) {
                            let query = sqlx::query(RETRY).bind(handler).bind(first).bind(last);
                            affected += query.execute(&mut *connection).await?.rows_affected().cast_signed();
                        }
                    }
                    sqlx::query(RECORD)
                        .bind(by.0)
                        .bind(order.action())
                        .bind(handler)
                        .bind(order.details(affected))
                        .execute(&mut *connection)
                        .await?;
                    Ok::<_, sqlx::Error>(Ordered::Done(affected))
                }
                .await)
            }

            pub(super) async fn handlers(&self) -> Result<Vec<HandlerRow>> {
                const HANDLERS: &str = concat!(
                    "-- handlers
SELECT s.handler, s.position, h.head, s.paused, s.stalled_at, s.owner, s.epoch,
       coalesce(s.owner IS NOT NULL AND s.lease_until > ",
                    $now,
                    ", (1 = 0)) AS leased,
       coalesce((SELECT ",
                    $age,
                    " FROM callbacks c WHERE c.seq > s.position ORDER BY c.seq LIMIT 1), 0) AS lag_ms,
       (SELECT count(*) FROM deliveries d WHERE d.handler = s.handler AND d.state = 'waiting') AS waiting,
       (SELECT count(*) FROM (SELECT DISTINCT c.sdk_app_id, c.account FROM deliveries d JOIN callbacks c ON c.seq = d.seq
                               WHERE d.handler = s.handler AND d.state = 'waiting' AND d.in_order) a) AS accounts,
       (SELECT count(*) FROM deliveries d WHERE d.handler = s.handler AND d.state = 'dead') AS dead
  FROM subscriptions s CROSS JOIN (SELECT coalesce(max(seq), 0) AS head FROM callbacks) h
 ORDER BY s.handler"
                );
                Ok(sqlx::query_as(HANDLERS).fetch_all(self.readers()).await?)
            }

            pub(super) async fn dead_letters(&self, handler: &str, after: i64, limit: u32) -> Result<Vec<DeadLetter>> {
                let query = sqlx::query_as(DEAD_LETTERS).bind(handler).bind(after).bind(i64::from(limit));
                Ok(query.fetch_all(self.readers()).await?)
            }
        }
    };
}

handlers!(
    postgres::Postgres,
    postgres::transaction,
    now: "clock_timestamp()",
    in_ms: "clock_timestamp() + $3 * interval '1 millisecond'",
    due_in: "CAST(extract(epoch FROM d.due_at - clock_timestamp()) * 1000 AS bigint)",
    age: "CAST(extract(epoch FROM clock_timestamp() - c.received_at) * 1000 AS bigint)"
);
handlers!(
    sqlite::Sqlite,
    sqlite::transaction,
    now: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    in_ms: "CAST(unixepoch('subsec') * 1000 AS INTEGER) + $3",
    due_in: "d.due_at - CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    age: "CAST(unixepoch('subsec') * 1000 AS INTEGER) - c.received_at"
);
