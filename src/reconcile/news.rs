//! What a run tells while it goes on, and what it comes to.

use serde::Serialize;

use super::Difference;
use crate::tencent;

/// Something that a run has to tell.
#[derive(Debug)]
pub enum News<'a> {
    /// So many accounts have been looked at.
    Looked(u64),
    /// Differences that callbacks do not explain; recorded, unless nothing is.
    Found {
        /// From_Account
        account: &'a str,
        /// First sights and misses.
        differences: &'a [Difference],
    },
    /// It goes on changing: not recorded, and not counted.
    Unsettled {
        /// From_Account
        account: &'a str,
    },
    /// The vendor has no such account.
    Unknown {
        /// From_Account
        account: &'a str,
    },
    /// The account could not be pulled.
    Failed {
        /// From_Account
        account: &'a str,
        /// Why.
        error: &'a tencent::Error,
    },
    /// A tag that is not asked for.
    LeftOut {
        /// Tag
        tag: &'a str,
        /// Why.
        why: &'static str,
    },
    /// Callbacks wait in the spool, and may explain what was found.
    WaitingForSpool,
}

/// Who hears it.
pub type Tell<'t> = dyn FnMut(News<'_>) + Send + 't;

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Accounts that were looked at.
    pub accounts: u64,
    /// Values seen for the first time.
    pub baselines: u64,
    /// Values that the log had otherwise.
    pub missed: u64,
    /// Accounts that go on changing.
    pub unsettled: u64,
    /// Accounts that the vendor does not have.
    pub unknown: u64,
    /// Accounts that could not be pulled.
    pub failed: u64,
}

impl Summary {
    pub(super) fn count(&mut self, differences: &[Difference]) {
        let missed = differences.iter().filter(|difference| difference.is_missed()).count() as u64;
        self.missed += missed;
        self.baselines += differences.len() as u64 - missed;
    }
}
