//! Unreadable bodies: kept beside the entries, or in the spool while the store is away.

use std::time::{Duration, Instant};

use super::Writer;
use crate::journal::Aside;
use crate::journal::spool::{Spool, record};
use crate::store::StoreError;

const MINUTE: Duration = Duration::from_secs(60);

impl Writer {
    pub(super) async fn keep(&mut self, aside: Aside) {
        if self.is_spool_empty() {
            self.keeper.begin(aside);
        } else {
            self.keep_in_spool(aside).await;
        }
    }

    pub(super) async fn kept(&mut self, kept: Option<(Aside, Result<(), StoreError>)>) {
        match kept {
            Some((aside, Ok(()))) => (aside.done)(true),
            Some((aside, Err(error))) if matches!(error, StoreError::Data(_)) => self.lost(aside, &error),
            Some((aside, Err(_))) => self.keep_in_spool(aside).await,
            None => {}
        }
    }

    async fn keep_in_spool(&mut self, aside: Aside) {
        let spooled = self
            .write_to_spool(Spool::append_unreadable, |number, out| {
                record::write_unreadable(&aside.body, number, out);
                1
            })
            .await;
        match spooled {
            Ok(()) => (aside.done)(true),
            Err(error) => self.lost(aside, &error),
        }
    }

    /// Said once a minute: whoever sends such bodies does not decide how much is logged.
    fn lost(&mut self, aside: Aside, error: &dyn std::error::Error) {
        self.metrics.unreadable_lost.inc();
        if self.lost.is_none_or(|last| last.elapsed() >= MINUTE) {
            self.lost = Some(Instant::now());
            let receipt = hex::encode(aside.body.receipt_id);
            tracing::error!(receipt.id = receipt, "unreadable body {receipt} could not be kept: {error}");
        }
        (aside.done)(false);
    }
}
