//! A look into a spool folder from outside: what waits in it, without taking its lock and without changing anything.

use std::path::Path;

use super::{LOCK, MAX_RECORDS, Position, Reader, Result, failed, segments};
use crate::journal::spool::Record;
use crate::protocol::time::Millis;

/// What a spool folder holds.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Status {
    /// Callbacks.
    pub callbacks: u64,
    /// Unreadable bodies.
    pub unreadable: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Bytes that belong to no whole record.
    pub damaged: u64,
    /// Bytes that a newer program wrote.
    pub newer: u64,
    /// When the oldest record was received.
    pub oldest: Option<Millis>,
    /// When the newest record was received.
    pub newest: Option<Millis>,
    /// The process that has it open.
    pub owner: Option<String>,
}

/// Reads everything that is there. A process that uses the folder may change it meanwhile.
pub fn look(dir: &Path) -> Result<Status> {
    let segments = segments(dir)?;
    let bytes = segments.iter().map(|segment| segment.bytes).sum();
    let mut status = Status { bytes, owner: owner(dir)?, ..Status::default() };
    let mut reader = Reader::new(dir.to_owned(), segments, Position { segment: 0, offset: 0 }, true);
    while let Some(batch) = reader.batch(MAX_RECORDS)? {
        status.damaged += batch.part.damaged;
        status.newer += batch.part.newer;
        for record in &batch.records {
            match record {
                Record::Entry(_) => status.callbacks += 1,
                Record::Unreadable(_) => status.unreadable += 1,
            }
            let at = record.received_at();
            status.oldest = Some(status.oldest.map_or(at, |oldest| oldest.min(at)));
            status.newest = Some(status.newest.map_or(at, |newest| newest.max(at)));
        }
    }
    Ok(status)
}

fn owner(dir: &Path) -> Result<Option<String>> {
    let path = dir.join(LOCK);
    let file = match std::fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&path, error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(std::fs::TryLockError::WouldBlock) => {
            Ok(std::fs::read_to_string(&path).ok().map(|pid| pid.trim().to_owned()))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(failed(&path, error)),
    }
}
