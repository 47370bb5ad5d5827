//! Reading what waits, in order, a batch at a time. Damage is stepped over, never in silence.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::record::{Found, MAX_RECORD_BYTES, Record, read};
use super::{Position, Result, Segment, SpoolError, failed, segment_path};

/// Records of one batch.
const MAX_RECORDS: usize = 1024;
/// Bytes of one batch, unless a single record has more.
const MAX_BYTES: u64 = 1 << 20;

/// Reads from where the spool was drained up to.
pub(in crate::journal) struct Reader {
    dir: PathBuf,
    segments: Vec<Segment>,
    at: Position,
}

/// Some records in order, and what it takes to go on behind them.
pub(in crate::journal) struct Batch {
    pub records: Vec<Record>,
    /// Where the next batch begins.
    pub end: Position,
    /// Bytes before others that belong to no whole record: the disk did not keep what it had taken.
    pub damaged: u64,
    /// Bytes at a segment's end that belong to no whole record: the process ended while it wrote them.
    pub torn: u64,
}

impl Reader {
    pub(super) fn new(dir: PathBuf, segments: Vec<Segment>, at: Position) -> Self {
        Reader { dir, segments, at }
    }

    /// The next batch, of one segment; nothing where there is none.
    pub fn batch(&mut self) -> Result<Option<Batch>> {
        let at = self.at;
        let Some(segment) =
            self.segments.iter().find(|s| s.first > at.segment || at.offset < s.bytes && s.first == at.segment)
        else {
            return Ok(None);
        };
        let start = if segment.first == at.segment { at.offset } else { 0 };
        let file = segment_path(&self.dir, segment.first);
        let mut batch =
            Batch { records: Vec::new(), end: Position { segment: segment.first, offset: start }, damaged: 0, torn: 0 };
        let left = segment.bytes - start;
        let first = match window(&file, start, left.min(MAX_BYTES)) {
            Err(SpoolError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                // Somebody removed it. What comes after it is still ours to drain.
                (batch.end.offset, batch.damaged) = (segment.bytes, left);
                self.at = batch.end;
                return Ok(Some(batch));
            }
            window => window?,
        };
        batch.fill(&first, left <= MAX_BYTES);
        if batch.end.offset == start {
            // A record that is larger than a batch, or damage: a window that would hold any record tells which.
            batch.fill(&window(&file, start, left.min(MAX_RECORD_BYTES))?, left <= MAX_RECORD_BYTES);
        }
        self.at = batch.end;
        Ok(Some(batch))
    }
}

impl Batch {
    /// Takes whole records from `bytes`, which may reach the segment's end. What is not whole counts as damage only where
    /// no later window could make it whole.
    fn fill(&mut self, mut bytes: &[u8], reaches_end: bool) {
        while self.records.len() < MAX_RECORDS
            && let Some(Found { record, taken }) = read(bytes)
        {
            match record {
                Some((record, _)) => self.records.push(record),
                None if reaches_end && taken == bytes.len() => self.torn += taken as u64,
                None if reaches_end || bytes.len() as u64 >= MAX_RECORD_BYTES => self.damaged += taken as u64,
                None => return,
            }
            self.end.offset += taken as u64;
            bytes = &bytes[taken..];
        }
    }
}

fn window(file: &PathBuf, start: u64, length: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    match File::open(file).and_then(|file| file.read_exact_at(&mut bytes, start)) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(failed(file, error)),
    }
}

/// The number of the last whole record of a segment.
pub(super) fn last_number(dir: &std::path::Path, segment: Segment) -> Result<Option<u64>> {
    let bytes = window(&segment_path(dir, segment.first), 0, segment.bytes)?;
    let (mut rest, mut last) = (bytes.as_slice(), None);
    while let Some(Found { record, taken }) = read(rest) {
        last = record.map(|(_, number)| number).or(last);
        rest = &rest[taken..];
    }
    Ok(last)
}
