//! How the journal is, for readiness and metrics: how much waits in the spool, and whether anything is taken at all.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Written by the writer, read by anybody.
#[derive(Debug, Default)]
pub struct Health {
    spooled: AtomicU64,
    stuck: AtomicBool,
}

impl Health {
    /// Callbacks and unreadable bodies that wait in the spool.
    pub fn spooled(&self) -> u64 {
        self.spooled.load(Ordering::Relaxed)
    }

    /// Neither store nor spool take what the writer holds.
    pub fn is_stuck(&self) -> bool {
        self.stuck.load(Ordering::Relaxed)
    }

    pub(super) fn set_spooled(&self, records: u64) {
        self.spooled.store(records, Ordering::Relaxed);
    }

    pub(super) fn set_stuck(&self, stuck: bool) {
        self.stuck.store(stuck, Ordering::Relaxed);
    }
}
