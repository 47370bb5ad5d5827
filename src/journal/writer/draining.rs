//! The spool, drained beside the batches or before one.

use std::time::Instant;

use tokio::time::timeout_at;

use super::{Writer, lock};
use crate::journal::drain::Step;

/// What is left in the spool when a batch may wait for it to be drained.
const LITTLE: u64 = 1 << 20;

impl Writer {
    /// Waits for what little is left in the spool, if the store is known to take it, but not for long and not beyond `end`.
    pub(super) async fn drain_the_rest(&mut self, end: Instant) {
        let until = end.min(Instant::now() + self.budget / 2);
        while self.drain.proven && (1..=LITTLE).contains(&lock(&self.spool).left()) {
            self.drain.begin(&lock(&self.spool));
            match timeout_at(until.into(), self.drain.over()).await {
                Ok(step) => self.drained(step).await,
                Err(_) => self.drain.proven = false,
            }
        }
    }

    pub(super) async fn drained(&mut self, step: Option<Step>) {
        match step {
            Some(Ok(Some(taken))) => {
                let (spool, metrics) = (self.spool.clone(), self.metrics.clone());
                let left = tokio::task::spawn_blocking(move || taken.leave(&mut lock(&spool), &metrics)).await;
                if let Err(error) = left.unwrap_or_else(|died| std::panic::resume_unwind(died.into_panic())) {
                    tracing::error!(
                        "what was drained cannot be taken out of the spool, it will be drained again: {error}"
                    );
                }
                self.show();
                if self.is_spool_empty() {
                    self.store_takes_appends();
                }
            }
            Some(Err(error)) => {
                self.metrics.append_failures.inc();
                if self.drain.tries.is_power_of_two() {
                    let waiting = self.health.spooled();
                    tracing::error!(
                        store.tries = self.drain.tries,
                        spool.records = waiting,
                        "{waiting} callbacks wait in the spool, draining it failed, trying again: {error}"
                    );
                }
            }
            Some(Ok(None)) | None => {}
        }
    }
}
