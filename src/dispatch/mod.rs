//! Dispatch: every callback in the log to every handler, in log order per account, at least once.
//!
//! [`ProfileHandler`] is what an app implements. Each handler has one cursor over the log, in the store, and one owner at a
//! time, by a lease; [`lane`] decides what is tried when, `owner.rs` does it, `feed.rs` reads
//! the log once for all handlers.

pub mod change;
pub mod handler;
pub mod lane;

mod attempt;
mod backoff;
mod dispatcher;
mod feed;
mod newest;
mod owner;
mod worker;

pub use crate::store::subscription::Start;
pub use change::{ItemChange, ProfileChange, Value};
pub use dispatcher::run;
pub use handler::{Context, Outcome, ProfileHandler, Wants};
pub use worker::Registration;
