//! The spool's records, as portraitd has them.

#[path = "../../src/journal/spool/record.rs"]
pub mod record;
