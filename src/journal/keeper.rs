//! Keeps what is unreadable, beside the writer and never in its way.
//!
//! Each body is tried once: what matters more is that a slow or locked table here holds up nobody.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Aside;
use crate::store::{NewUnreadable, Store, StoreError};
use crate::telemetry::Metrics;

/// Bodies of one transaction.
const BATCH: usize = 16;
/// No transaction takes longer.
const LIMIT: Duration = Duration::from_secs(3);

/// Empties the queue of unreadable bodies until everybody who fills it is gone.
pub struct Keeper {
    store: Arc<Store>,
    waiting: mpsc::Receiver<Aside>,
    metrics: Arc<Metrics>,
}

impl Keeper {
    pub(super) fn new(store: Arc<Store>, waiting: mpsc::Receiver<Aside>, metrics: Arc<Metrics>) -> Self {
        Keeper { store, waiting, metrics }
    }

    /// Keeps whatever waits, a few at a time.
    pub async fn run(mut self) {
        let mut taken = Vec::with_capacity(BATCH);
        while self.waiting.recv_many(&mut taken, BATCH).await > 0 {
            let bodies: Vec<&NewUnreadable> = taken.iter().map(|aside: &Aside| &aside.body).collect();
            let kept = match tokio::time::timeout(LIMIT, self.store.keep_unreadable(&bodies)).await {
                Ok(kept) => kept,
                Err(_) => Err(StoreError::Slow(LIMIT.as_millis())),
            };
            if let Err(error) = &kept {
                self.metrics.unreadable_lost.inc_by(u64::try_from(bodies.len()).unwrap_or(u64::MAX));
                tracing::error!(bodies = bodies.len(), "{} unreadable bodies could not be kept: {error}", bodies.len());
            }
            for aside in taken.drain(..) {
                // Whoever waited may have stopped waiting.
                let _ = aside.done.send(kept.is_ok());
            }
        }
    }
}
