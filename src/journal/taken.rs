//! What a step took out of the spool, and what is said about what the store does not have of it.

use super::spool::{Part, Spool, SpoolError};
use crate::telemetry::Metrics;

/// A part whose records are in the store, but for one that may have to go aside.
pub(super) struct Taken {
    pub part: Part,
    /// Why the part's one record is to go aside.
    pub stubborn: Option<String>,
}

impl Taken {
    /// Takes it out of the spool. (Blocking.)
    pub fn leave(self, spool: &mut Spool, metrics: &Metrics) -> Result<(), SpoolError> {
        let Taken { part, stubborn } = self;
        match stubborn {
            None => drop(metrics.drained.inc_by(part.records)),
            Some(why) => {
                let file = spool.set_aside(&part)?;
                metrics.spool_set_aside.inc();
                tracing::error!(
                    "a record of the spool was set aside in {}: the store does not take it, although it takes others: {why}",
                    file.display()
                );
            }
        }
        if part.damaged > 0 {
            metrics.spool_damaged_bytes.inc_by(part.damaged);
            tracing::error!(
                spool.damaged = part.damaged,
                "{} bytes of the spool belong to no whole record: they were not written whole, or its disk did not keep them; \
                 the file is kept as *.damaged",
                part.damaged
            );
        }
        if part.newer > 0 {
            tracing::error!(
                spool.newer = part.newer,
                "{} bytes of the spool were written by a newer portraitd; the file stays for it",
                part.newer
            );
        }
        spool.drained(&part)
    }
}
