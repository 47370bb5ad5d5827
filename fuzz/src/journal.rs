//! The spool's records, and a way to write them that the spool keeps to itself.

#[path = "spool.rs"]
pub mod spool;

use spool::record::{Record, framed, write_entry, write_unreadable};

/// A record as the spool writes it.
pub fn written(record: &Record, number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    match record {
        Record::Entry(entry) => write_entry(entry, number, &mut bytes),
        Record::Unreadable(body) => write_unreadable(body, number, &mut bytes),
    }
    bytes
}

/// Any payload with a right check.
pub fn with_check(payload: &[u8], number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    framed(number, &mut bytes, |out| out.extend_from_slice(payload));
    bytes
}
