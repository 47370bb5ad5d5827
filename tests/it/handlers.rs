//! Handlers that come with the program: the real one, configured, and what it does to the outside.

mod exec;
pub mod forward;
mod jetstream;
mod push_attributes;
