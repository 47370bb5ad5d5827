//! What lists hold, for the document: the rows themselves belong to the store, which knows nothing of it.

#![allow(dead_code, reason = "only their shape is of use; a test holds them against what is answered")]

use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

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

/// Which changes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// SDKAppID
    app: Option<i64>,
    /// From_Account
    account: Option<String>,
    /// Operator_Account
    operator: Option<String>,
    tag: Option<String>,
    /// OptPlatform
    platform: Option<String>,
    /// `callback`, `baseline` or `reconcile`
    kind: Option<String>,
    /// Received at or after this: RFC 3339, or a date
    since: Option<String>,
    /// Received before this
    until: Option<String>,
    /// The same by EventTime
    event_since: Option<String>,
    event_until: Option<String>,
}

/// Which page of a list in the log's order.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// `desc`, which is the default, or `asc`
    order: Option<String>,
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before
    cursor: Option<String>,
}

/// Which page.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Limit {
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before
    cursor: Option<String>,
}

/// A field of a profile that was set. Times are RFC 3339, UTC, milliseconds.
#[derive(ToSchema)]
pub(super) struct Change {
    seq: i64,
    /// Position in ProfileItem, from 0
    ordinal: i32,
    app: i64,
    account: Option<String>,
    operator: Option<String>,
    tag: String,
    /// The vendor's value; missing where the log knows no earlier one
    #[schema(required = false)]
    old: Value,
    /// The vendor's value; missing once erased
    #[schema(required = false)]
    new: Value,
    /// Present once the person was erased: then there is neither `old` nor `new`
    #[schema(required = false)]
    erased: bool,
    event_time: Option<String>,
    effective_time: String,
    received_at: String,
    platform: Option<String>,
    client_ip: Option<String>,
    /// `sign` or `none`
    auth: String,
    kind: String,
}

/// A callback. An erased one has `"erased": true` and little else.
#[derive(ToSchema)]
pub(super) struct Callback {
    seq: i64,
    receipt_id: String,
    app: i64,
    account: Option<String>,
    operator: Option<String>,
    event_time: Option<String>,
    effective_time: String,
    received_at: String,
    platform: Option<String>,
    client_ip: Option<String>,
    auth: String,
    kind: String,
    /// A newer one for the account is in the log
    superseded: bool,
    items: Vec<Item>,
    /// As it was received; `body_base64` where it is not UTF-8
    #[schema(required = false)]
    body: String,
}

/// A ProfileItem.
#[derive(ToSchema)]
pub(super) struct Item {
    tag: String,
    #[schema(required = false)]
    old: Value,
    new: Value,
}

/// A profile as the log knows it.
#[derive(ToSchema)]
pub(super) struct Profile {
    app: i64,
    account: String,
    /// Null for now
    at: Option<String>,
    items: Vec<ProfileItem>,
}

/// A tag's value, and where it comes from.
#[derive(ToSchema)]
pub(super) struct ProfileItem {
    tag: String,
    value: Value,
    seq: i64,
    operator: Option<String>,
    effective_time: String,
    kind: String,
}

/// An authentic body that could not be read.
#[derive(ToSchema)]
pub(super) struct Unreadable {
    id: i64,
    first_at: String,
    last_at: String,
    times: i64,
    app: Option<i64>,
    command: Option<String>,
    reason: String,
    /// `sign`, `none` or `stale`
    auth: String,
    client_ip: Option<String>,
    platform: Option<String>,
    /// As it was received; `body_base64` where it is not UTF-8
    #[schema(required = false)]
    body: String,
}

/// The log's newest entry and its chain.
#[derive(ToSchema)]
pub(super) struct Head {
    /// 0 for an empty log
    seq: i64,
    /// Hex, like all hashes and other bytes of a proof
    chain: String,
    /// Now, RFC 3339
    at: String,
}

/// What the chain covers of an entry, and the chain.
#[derive(ToSchema)]
pub(super) struct Link {
    seq: i64,
    receipt_id: String,
    received_at: String,
    /// What is hashed: Unix milliseconds
    received_at_ms: i64,
    sdk_app_id: i64,
    kind: String,
    auth: String,
    digest: String,
    chain: String,
}

/// An entry with all that its digest and its chain cover; what was erased is null.
#[derive(ToSchema)]
pub(super) struct Proof {
    seq: i64,
    receipt_id: String,
    received_at: String,
    received_at_ms: i64,
    sdk_app_id: i64,
    kind: String,
    auth: String,
    digest: String,
    chain: String,
    salt: Option<String>,
    account: Option<String>,
    operator: Option<String>,
    event_time: Option<String>,
    event_time_ms: Option<i64>,
    client_ip: Option<String>,
    platform: Option<String>,
    body_base64: Option<String>,
    /// Ordinal, tag, and the value's JSON as text
    #[schema(value_type = Vec<Vec<Value>>)]
    items: Vec<Value>,
    /// The chain of the entry before; null where the log does not have that any more
    previous_chain: Option<String>,
    head: Head,
    /// The entries after it up to `through`
    links: Vec<Link>,
    /// The `cursor` for the links after these; null where there are no more
    next_cursor: Option<String>,
}
