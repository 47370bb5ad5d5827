//! Keeps what is unreadable, beside the writer: a slow or locked table here holds up no callback that can be recorded.
//!
//! Each body is tried once. (On SQLite both share the one connection that writes.)

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Aside;
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;

/// No body may take longer.
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

    /// Keeps whatever waits, one at a time: two replicas that keep the same bodies cannot block each other.
    pub async fn run(mut self) {
        while let Some(Aside { body, done }) = self.waiting.recv().await {
            let kept = match tokio::time::timeout(LIMIT, self.store.keep_unreadable(&body)).await {
                Ok(kept) => kept,
                Err(_) => Err(StoreError::Slow(LIMIT.as_millis())),
            };
            if let Err(error) = &kept {
                self.metrics.unreadable_lost.inc();
                let receipt = hex::encode(body.receipt_id);
                tracing::error!(receipt.id = receipt, "unreadable body {receipt} could not be kept: {error}");
            }
            // Whoever waited may have stopped waiting.
            let _ = done.send(kept.is_ok());
        }
    }
}
