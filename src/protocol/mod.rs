//! Tencent Chat's wire, pure: what a callback's URL, Sign and body say, and what the answer looks like.
//!
//! No async, no SQL, no HTTP framework. What is not known here is kept as it came, never refused for being unknown.

pub mod body;
pub mod command;
pub mod console;
pub mod query;
pub mod reply;
pub mod sign;
pub mod time;
