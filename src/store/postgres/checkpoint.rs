//! Settling: one round trip, one statement, see `portraitd_checkpoint`.

use super::Postgres;
use crate::store::Result;
use crate::store::subscription::{Checkpoint, Lease, Orders};

const CHECKPOINT: &str = "-- checkpoint
SELECT * FROM portraitd_checkpoint($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19)";

impl Postgres {
    pub(in crate::store) async fn checkpoint(&self, lease: Lease<'_>, to: &Checkpoint) -> Result<Option<Orders>> {
        macro_rules! column {
            ($delivery:ident => $value:expr) => {
                to.changed.iter().map(|$delivery| $value).collect::<Vec<_>>()
            };
        }
        Ok(sqlx::query_as(CHECKPOINT)
            .bind(lease.handler)
            .bind(lease.owner)
            .bind(lease.epoch)
            .bind(lease.millis)
            .bind(to.position)
            .bind(to.reach)
            .bind(to.solo.0)
            .bind(to.solo.1)
            .bind(to.stalled)
            .bind(to.release)
            .bind(column!(d => d.seq))
            .bind(column!(d => if d.dead { "dead" } else { "waiting" }))
            .bind(column!(d => d.in_order))
            .bind(column!(d => d.attempts))
            .bind(column!(d => d.due_in))
            .bind(column!(d => d.running))
            .bind(column!(d => d.solo_starts))
            .bind(column!(d => d.error.as_deref()))
            .bind(&to.gone)
            .fetch_optional(&self.pool)
            .await?)
    }
}
