//! What is fuzzed: portraitd's own pure modules, compiled in here as they stand.

pub mod journal;
#[path = "../../src/protocol/mod.rs"]
pub mod protocol;
pub mod store;
