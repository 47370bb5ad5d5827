//! The journal between the receiver and the store: group commit, and what happens when the store fails it.

mod batches;
mod lost;
mod picky;
mod poison;
mod stubborn;
pub mod support;
mod unavailable;
