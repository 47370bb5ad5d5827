//! Reading what waits, in order, a batch at a time. What cannot be read is stepped over, never in silence.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::record::{Found, MAX_RECORD_BYTES, Record, What, is_newer, read};
use super::{Position, Result, Segment, failed, segment_path};

/// Records of one batch, at most.
pub(in crate::journal) const MAX_RECORDS: usize = 1024;
/// Bytes of one batch, unless a single record has more.
const MAX_BYTES: u64 = 1 << 20;

/// Reads from where the spool was drained up to.
pub(in crate::journal) struct Reader {
    dir: PathBuf,
    segments: Vec<Segment>,
    at: Position,
    /// Whether what the disk does not give counts as damage. Otherwise it is an error, which may pass.
    lenient: bool,
}

/// Some records in order, and where they stand.
pub(in crate::journal) struct Batch {
    pub records: Vec<Record>,
    pub part: Part,
}

/// A part of one segment, between two records.
#[derive(Debug, Clone, Copy)]
pub(in crate::journal) struct Part {
    pub begin: Position,
    /// Where the next one begins.
    pub end: Position,
    pub records: u64,
    /// Bytes that belong to no whole record.
    pub damaged: u64,
    /// Bytes that a newer program wrote, up to the segment's end.
    pub newer: u64,
}

impl Reader {
    pub(super) fn new(dir: PathBuf, segments: Vec<Segment>, at: Position, lenient: bool) -> Self {
        Reader { dir, segments, at, lenient }
    }

    /// The next `at_most` records, of one segment; nothing where there are none.
    pub fn batch(&mut self, at_most: usize) -> Result<Option<Batch>> {
        let at = self.at;
        let Some(segment) =
            self.segments.iter().find(|s| s.first > at.segment || at.offset < s.bytes && s.first == at.segment)
        else {
            return Ok(None);
        };
        let start = if segment.first == at.segment { at.offset } else { 0 };
        let (file, left) = (segment_path(&self.dir, segment.first), segment.bytes - start);
        let mut batch = Batch::at(Position { segment: segment.first, offset: start });
        // Where the first window gives nothing, there is a record larger than that, or damage; the second tells which.
        for most in [MAX_BYTES, MAX_RECORD_BYTES] {
            let wanted = left.min(most);
            let bytes = self.window(&file, start, wanted)?;
            let cut_short = (bytes.len() as u64) < wanted;
            if start == 0 && is_newer(&bytes) || batch.fill(&bytes, at_most, cut_short || wanted == left) {
                batch.part.newer = batch.part.pass_by(segment);
            } else if cut_short && batch.part.end.offset == start + bytes.len() as u64 {
                batch.part.damaged += batch.part.pass_by(segment);
            }
            if batch.part.end != batch.part.begin {
                break;
            }
        }
        self.at = batch.part.end;
        Ok(Some(batch))
    }

    /// Up to `length` bytes; fewer where the file ends before that or is gone, or where it cannot be read.
    fn window(&self, file: &Path, start: u64, length: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = File::open(file).and_then(|mut file| {
            file.seek(SeekFrom::Start(start))?;
            file.take(length).read_to_end(&mut bytes)
        });
        match read {
            Err(error) if !self.lenient && error.kind() != ErrorKind::NotFound => Err(failed(file, error)),
            _ => Ok(bytes),
        }
    }
}

impl Batch {
    fn at(begin: Position) -> Self {
        Batch { records: Vec::new(), part: Part { begin, end: begin, records: 0, damaged: 0, newer: 0 } }
    }

    /// Takes whole records from `bytes`; whether a newer one stopped it. What is not whole counts as damage only where no
    /// larger window could make it whole: `bytes` are `all` there is, or would hold any record.
    fn fill(&mut self, mut bytes: &[u8], at_most: usize, all: bool) -> bool {
        while self.records.len() < at_most
            && let Some(Found { what, taken }) = read(bytes)
        {
            match what {
                What::Record(record, _) => {
                    self.records.push(record);
                    self.part.records += 1;
                }
                What::Newer => return true,
                What::Nothing if all || bytes.len() as u64 >= MAX_RECORD_BYTES => self.part.damaged += taken as u64,
                What::Nothing => return false,
            }
            self.part.end.offset += taken as u64;
            bytes = &bytes[taken..];
        }
        false
    }
}

impl Part {
    /// The rest of the segment is not read; how much that is.
    fn pass_by(&mut self, segment: &Segment) -> u64 {
        let rest = segment.bytes - self.end.offset;
        self.end.offset = segment.bytes;
        rest
    }
}

/// A number above those of all records of a segment.
pub(super) fn number_above(dir: &Path, segment: Segment) -> u64 {
    // Every record takes more than one byte.
    let above_any = segment.first + segment.bytes;
    let Ok(bytes) = fs::read(segment_path(dir, segment.first)) else { return above_any };
    let (mut rest, mut above) = (bytes.as_slice(), segment.first + 1);
    while let Some(Found { what, taken }) = read(rest) {
        match what {
            What::Record(_, number) => above = above.max(number.saturating_add(1)),
            What::Newer => return above_any,
            What::Nothing => {}
        }
        rest = &rest[taken..];
    }
    above
}
