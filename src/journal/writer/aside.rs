//! Unreadable bodies: kept beside the entries, or in the spool while the store is away.

use super::Writer;
use crate::journal::Aside;
use crate::journal::spool::record;
use crate::store::StoreError;

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
            .write_to_spool(|number, out| {
                record::write_unreadable(&aside.body, number, out);
                1
            })
            .await;
        match spooled {
            Ok(()) => (aside.done)(true),
            Err(error) => self.lost(aside, &error),
        }
    }

    fn lost(&self, aside: Aside, error: &dyn std::error::Error) {
        let receipt = hex::encode(aside.body.receipt_id);
        self.metrics.unreadable_lost.inc();
        tracing::error!(receipt.id = receipt, "unreadable body {receipt} could not be kept: {error}");
        (aside.done)(false);
    }
}
