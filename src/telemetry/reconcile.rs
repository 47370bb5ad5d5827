//! What scheduled reconciliation found.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    app: u64,
}

/// There only where it is configured.
#[derive(Default)]
pub struct Reconciliations {
    missed: Family<Labels, Counter>,
    failed: Family<Labels, Counter>,
}

/// One app's.
#[derive(Clone)]
pub struct Reconciled {
    /// Values that the log had otherwise, and that no callback explained.
    pub missed: Counter,
    /// Accounts that could not be pulled.
    pub failed: Counter,
}

impl Reconciliations {
    /// This app's.
    pub fn of(&self, app: u64) -> Reconciled {
        let labels = Labels { app };
        Reconciled {
            missed: self.missed.get_or_create_owned(&labels),
            failed: self.failed.get_or_create_owned(&labels),
        }
    }

    pub(super) fn register(&self, r: &mut Registry) {
        r.register(
            "missed_changes",
            "Changes that reconciliation found and no callback told, by item",
            self.missed.clone(),
        );
        r.register("reconcile_failures", "Accounts that could not be reconciled", self.failed.clone());
    }
}
