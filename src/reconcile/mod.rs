//! Reconciliation: what the vendor says of profiles against what the log says, so that a change whose callback never came is
//! found, recorded and handed to handlers. `docs/reconciling.md` tells the rules.
//!
//! An account that differs is looked at again after a grace, because its callback may be under way. What differs then in the
//! same way is recorded, under the log's lock and only if nothing of the account has come meanwhile.

mod compare;
mod entry;
mod news;
mod pull;
mod run;
mod schedule;
mod value;

pub use compare::{Difference, Known};
pub use news::{News, Summary, Tell};
pub use run::{Run, Which};
pub use schedule::Schedule;

use std::time::Duration;

use crate::store::StoreError;
use crate::tencent;

/// How profiles are reconciled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Tags that are asked for besides those the log has seen; none stands for the standard ones.
    pub tags: Vec<String>,
    /// How long a callback may be under way.
    pub grace: Duration,
    /// Nothing is recorded.
    pub dry_run: bool,
}

/// What ends a run before its time.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vendor, whatever account it is asked about.
    #[error(transparent)]
    Tencent(#[from] tencent::Error),
    /// The vendor knows none of them.
    #[error("the app has none of the tags that were asked for: see reconcile.tags")]
    NoTags,
}
