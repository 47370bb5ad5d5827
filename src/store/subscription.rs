//! Handlers' cursors and deliveries: what their owner settles, what operators order, what people see.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::Stamp;
use crate::protocol::time::{Millis, rfc3339};

/// Where a new handler begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the log's oldest entry.
    Beginning,
    /// With what is recorded from now on.
    Now,
    /// With the first entry received at or after this time.
    Time(Millis),
    /// With this entry.
    Entry(i64),
}

/// A handler as its new owner finds it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[allow(missing_docs)]
pub struct Subscription {
    pub position: i64,
    /// More than `position` after an unclean end: what lies between may have been started.
    pub reach: i64,
    pub solo_seq: i64,
    pub solo_starts: i32,
    pub is_stalled: bool,
    pub epoch: i64,
    #[sqlx(flatten)]
    pub orders: Orders,
}

/// What operators want of a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Orders {
    /// It is to be held.
    pub paused: bool,
    /// Counts their actions.
    pub orders: i64,
}

/// Who handles, and under which epoch.
#[derive(Debug, Clone, Copy)]
pub struct Lease<'a> {
    /// The handler's name.
    pub handler: &'a str,
    /// The process.
    pub owner: &'a str,
    /// Settling needs the newest.
    pub epoch: i64,
    /// How long it holds from when the database writes it.
    pub millis: i64,
}

/// What an owner makes durable, all or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// The cursor.
    pub position: i64,
    /// How far entries may be started before the next checkpoint.
    pub reach: i64,
    /// What is about to be started alone, and how often that was done.
    pub solo: (i64, i32),
    /// Whether nothing gets through at present.
    pub stalled: bool,
    /// Deliveries as they are now.
    pub changed: Vec<Delivery>,
    /// Deliveries that are done.
    pub gone: Vec<i64>,
    /// Give the lease back.
    pub release: bool,
}

/// An entry that the cursor has passed and that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct Delivery {
    pub seq: i64,
    pub dead: bool,
    /// Later entries of the account wait for it.
    pub in_order: bool,
    pub attempts: i32,
    /// None while it waits behind another.
    pub due_in: Option<Millis>,
    /// An attempt was begun that has not come to an end.
    pub running: bool,
    pub solo_starts: i32,
    pub error: Option<String>,
}

/// A waiting delivery as a new owner finds it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[allow(missing_docs)]
pub struct Waiting {
    pub seq: i64,
    pub app: i64,
    /// None once erased.
    pub account: Option<String>,
    pub in_order: bool,
    pub attempts: i32,
    pub due_in: Option<i64>,
    pub running: bool,
    pub solo_starts: i32,
    pub error: Option<String>,
}

/// A handler as people see it.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs)]
pub struct HandlerRow {
    pub handler: String,
    pub position: i64,
    pub head: i64,
    pub paused: bool,
    pub stalled_at: Option<Stamp>,
    pub owner: Option<String>,
    pub leased: bool,
    pub epoch: i64,
    /// How long the oldest entry after the cursor has been in the log; 0 when there is none.
    pub lag_ms: i64,
    pub waiting: i64,
    pub accounts: i64,
    pub dead: i64,
}

/// A dead letter as people see it.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs)]
pub struct DeadLetter {
    pub seq: i64,
    pub app: Option<i64>,
    pub account: Option<String>,
    pub attempts: i32,
    pub error: Option<String>,
    pub since: Stamp,
    pub received_at: Option<Stamp>,
}

/// Who operates, for the access log.
#[derive(Debug, Clone, Copy)]
pub struct Operator<'a>(pub &'a str);

/// What an operator does to a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Hold it.
    Pause,
    /// Let it go on.
    Resume,
    /// Begin again further back. What waits at or after that place is forgotten, dead letters stay.
    Rewind(Start),
    /// Try these dead letters again, out of order; all of them when none is named.
    Retry(Vec<i64>),
}

impl Order {
    /// As the access log calls it.
    pub fn action(&self) -> &'static str {
        match self {
            Order::Pause => "handlers.pause",
            Order::Resume => "handlers.resume",
            Order::Rewind(_) => "handlers.rewind",
            Order::Retry(_) => "handlers.retry",
        }
    }

    /// How, for the access log.
    pub(super) fn details(&self, affected: i64) -> Option<String> {
        match self {
            Order::Pause | Order::Resume => None,
            Order::Rewind(_) => Some(format!("to after entry {affected}")),
            Order::Retry(seqs) if seqs.is_empty() => Some(format!("all {affected} dead letters")),
            Order::Retry(seqs) => Some(format!("entries {seqs:?}")),
        }
    }
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordered {
    /// Done. For a rewind: the cursor's new place; for a retry: how many dead letters.
    Done(i64),
    /// There is no handler of that name.
    NoHandler,
    /// A rewind to where the cursor has not been yet.
    Ahead,
}

impl HandlerRow {
    /// One word: `paused`, `stalled`, `running`, or `idle` when no process handles it.
    pub fn state(&self) -> &'static str {
        match self {
            HandlerRow { paused: true, .. } => "paused",
            HandlerRow { stalled_at: Some(_), .. } => "stalled",
            HandlerRow { leased: true, .. } => "running",
            _ => "idle",
        }
    }

    /// Entries between its cursor and the log's end.
    pub fn lag(&self) -> i64 {
        (self.head - self.position).max(0)
    }
}

impl Serialize for HandlerRow {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut out = to.serialize_struct("Handler", 12)?;
        out.serialize_field("name", &self.handler)?;
        out.serialize_field("state", self.state())?;
        out.serialize_field("position", &self.position)?;
        out.serialize_field("head", &self.head)?;
        out.serialize_field("lag", &self.lag())?;
        out.serialize_field("lag_seconds", &(self.lag_ms.max(0) / 1000))?;
        out.serialize_field("waiting", &self.waiting)?;
        out.serialize_field("parked_accounts", &self.accounts)?;
        out.serialize_field("dead_letters", &self.dead)?;
        out.serialize_field("stalled_at", &self.stalled_at.map(|at| rfc3339(at.0)))?;
        out.serialize_field("owner", &self.owner)?;
        out.serialize_field("epoch", &self.epoch)?;
        out.end()
    }
}

impl Serialize for DeadLetter {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut out = to.serialize_struct("DeadLetter", 7)?;
        out.serialize_field("seq", &self.seq)?;
        out.serialize_field("app", &self.app)?;
        out.serialize_field("account", &self.account)?;
        out.serialize_field("received_at", &self.received_at.map(|at| rfc3339(at.0)))?;
        out.serialize_field("attempts", &self.attempts)?;
        out.serialize_field("since", &rfc3339(self.since.0))?;
        out.serialize_field("error", &self.error)?;
        out.end()
    }
}
