//! What is fuzzed: portraitd's own `protocol` module, compiled in here as it stands.

#[path = "../../src/protocol/mod.rs"]
pub mod protocol;
