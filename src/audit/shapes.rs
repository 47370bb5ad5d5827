//! What lists hold, for the document: the rows themselves belong to the store, which knows nothing of it.

#![allow(dead_code, reason = "only their shape is of use; a test holds them against what is answered")]

use utoipa::ToSchema;

/// A handler: where it is in the log, and who handles it.
#[derive(ToSchema)]
pub(super) struct Handler {
    name: String,
    /// `paused` by an operator, `stalled`: nothing gets through, `running`, or `idle`: no process handles it
    state: String,
    /// The cursor
    position: i64,
    /// The log's newest entry
    head: i64,
    /// Entries between the two
    lag: i64,
    /// How long the oldest of them has been in the log
    lag_seconds: i64,
    /// Callbacks that failed, or wait behind one that did
    waiting: i64,
    /// Of how many accounts
    parked_accounts: i64,
    dead_letters: i64,
    /// RFC 3339
    stalled_at: Option<String>,
    /// The process that handles it or did last; null after a clean end
    owner: Option<String>,
    /// How many owners it has had
    epoch: i64,
}

/// A callback that a handler could not handle.
#[derive(ToSchema)]
pub(super) struct DeadLetter {
    seq: i64,
    app: Option<i64>,
    account: Option<String>,
    /// RFC 3339
    received_at: Option<String>,
    attempts: i32,
    /// When it first did not get through, RFC 3339
    since: String,
    /// Why the last attempt failed
    error: Option<String>,
}
