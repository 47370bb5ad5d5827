//! The spool: callbacks on this machine's disk while the store is away. Fsynced, checksummed, bounded, for one process.
//!
//! A folder of segments, each named after the number of its first record. Records are appended to the newest, read from the
//! oldest, and a segment goes when all of it is in the store. How far the reading has come is not written down: after a
//! restart the oldest segment is read from its beginning, and the store is asked which receipts it holds already.
//! (Blocking: call it where blocking is allowed.)

mod folder;
mod read;
pub mod record;
mod status;

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use folder::{LOCK, failed, segment_path, segments, still_at};
pub(super) use read::{Batch, MAX_RECORDS, Part, Reader};
pub use record::Record;
pub use status::{Status, look};

/// A segment goes as a whole; smaller ones free their space sooner.
const SEGMENT_BYTES: u64 = 8 << 20;
const SEGMENTS: u64 = 8;
/// Unreadable bodies may take so little of the whole: whoever sends them uses up nothing that callbacks need.
const UNREADABLE_PART: u64 = 8;

/// Why the spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Another process has it.
    #[error("spool.dir: {dir} is in use by process {owner}; each process needs a folder of its own")]
    Locked {
        /// The folder.
        dir: String,
        /// Whoever locked it says so.
        owner: String,
    },
    /// The bound is reached.
    #[error("the spool is full: spool.max_bytes = {max_bytes}")]
    Full {
        /// The bound.
        max_bytes: u64,
    },
    /// Unreadable bodies have taken their part.
    #[error("unreadable bodies have taken their part of the spool: an eighth of spool.max_bytes = {max_bytes}")]
    UnreadableFull {
        /// The bound of the whole.
        max_bytes: u64,
    },
    /// The disk, or the rights on it.
    #[error("{path}: {error}")]
    Io {
        /// Which file.
        path: String,
        /// What the system said.
        error: io::Error,
    },
}

type Result<T> = std::result::Result<T, SpoolError>;

/// Where in the spool, between two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    segment: u64,
    offset: u64,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    first: u64,
    bytes: u64,
}

/// Why a segment's file does not go when all that could be read of it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stays {
    /// Something in it could not be read: under another name.
    Damaged,
    /// A newer program wrote it, and will read it.
    Newer,
}

/// The spool of this process.
pub struct Spool {
    dir: PathBuf,
    max_bytes: u64,
    segments: VecDeque<Segment>,
    /// The newest segment, while it is written to.
    current: Option<File>,
    /// The number of the next record.
    next: u64,
    staying: BTreeMap<u64, Stays>,
    /// Up to here everything is in the store, and so are this many records.
    drained: Position,
    first: u64,
    /// Bytes of unreadable bodies since it was last empty.
    unreadable: u64,
    lock: File,
}

impl Spool {
    /// Opens the folder, makes it if it is not there, and takes its lock.
    pub fn open(dir: &Path, max_bytes: u64) -> Result<Self> {
        let dir = std::path::absolute(dir).map_err(|error| failed(dir, error))?;
        let lock = folder::take(&dir)?;
        let segments = VecDeque::from(segments(&dir)?);
        let above_newest = segments.back().map_or(0, |newest| read::number_above(&dir, *newest));
        let next = folder::number_above_names(&dir)?.max(above_newest);
        let first = segments.front().map_or(next, |segment| segment.first);
        let drained = Position { segment: first, offset: 0 };
        let (current, staying) = (None, BTreeMap::new());
        Ok(Spool { dir, max_bytes, segments, current, next, staying, drained, first, unreadable: 0, lock })
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Records that wait, at most: what was drained before a restart counts until it is seen again.
    pub fn records(&self) -> u64 {
        self.next.saturating_sub(self.first)
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Bytes that wait to be drained.
    pub fn left(&self) -> u64 {
        self.bytes() - self.drained.offset
    }

    /// The folder.
    pub fn location(&self) -> String {
        self.dir.display().to_string()
    }

    /// The number that the next record must carry.
    pub(super) fn next_number(&self) -> u64 {
        self.next
    }

    /// Appends records that are numbered from [`Spool::next_number`]. When it returns they are on disk, or, after an error,
    /// not known to be; then the next record goes to another file.
    pub(super) fn append(&mut self, records: &[u8], count: u64) -> Result<()> {
        let length = records.len() as u64;
        if self.bytes() + length > self.max_bytes {
            return Err(SpoolError::Full { max_bytes: self.max_bytes });
        }
        let limit = SEGMENT_BYTES.min(self.max_bytes / SEGMENTS);
        if self.segments.back().is_some_and(|segment| segment.bytes >= limit) {
            self.current = None;
        }
        let mut file = match self.current.take() {
            Some(file) => file,
            None => self.begin_segment()?,
        };
        let Some(segment) = self.segments.back_mut() else { return Ok(()) };
        let path = segment_path(&self.dir, segment.first);
        let written = file.write_all(records).and_then(|()| file.sync_data()).and_then(|()| still_at(&path, &file));
        if let Err(error) = written {
            let _ = file.set_len(segment.bytes);
            if segment.bytes == 0 {
                let _ = fs::remove_file(&path);
                self.segments.pop_back();
            }
            self.next += count;
            return Err(failed(&path, error));
        }
        segment.bytes += length;
        self.next += count;
        self.current = Some(file);
        Ok(())
    }

    /// The same for unreadable bodies, which may take a part of it only.
    pub(super) fn append_unreadable(&mut self, records: &[u8], count: u64) -> Result<()> {
        let unreadable = self.unreadable + records.len() as u64;
        if unreadable > self.max_bytes / UNREADABLE_PART {
            return Err(SpoolError::UnreadableFull { max_bytes: self.max_bytes });
        }
        self.append(records, count)?;
        self.unreadable = unreadable;
        Ok(())
    }

    fn begin_segment(&mut self) -> Result<File> {
        if still_at(&self.dir.join(LOCK), &self.lock).is_err() {
            // Without it another process may take the folder.
            self.lock = folder::take(&self.dir)?;
        }
        loop {
            let path = segment_path(&self.dir, self.next);
            match OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => {
                    if let Err(error) = folder::sync(&self.dir) {
                        let _ = fs::remove_file(&path);
                        return Err(failed(&self.dir, error));
                    }
                    if self.segments.is_empty() {
                        self.first = self.next;
                        self.drained = Position { segment: self.next, offset: 0 };
                    }
                    self.segments.push_back(Segment { first: self.next, bytes: 0 });
                    return Ok(file);
                }
                // Left behind by a process that ended before its first record was whole.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.next += 1,
                Err(error) => return Err(failed(&path, error)),
            }
        }
    }

    /// A reader of what waits now, from the oldest. A lenient one takes for damage what the disk does not give.
    pub(super) fn reader(&self, lenient: bool) -> Reader {
        Reader::new(self.dir.clone(), self.segments.iter().copied().collect(), self.drained, lenient)
    }

    /// Copies a part into a file of its own, which a later [`Spool::open`] reads if it is renamed to a segment.
    pub(super) fn set_aside(&self, part: &Part) -> Result<PathBuf> {
        let from = segment_path(&self.dir, part.begin.segment);
        let to = self.dir.join(format!("{:020}.{}.aside", part.begin.segment, part.begin.offset));
        folder::copy(&from, part.begin.offset..part.end.offset, &to).map_err(|error| failed(&to, error))?;
        Ok(to)
    }

    /// What could be read of a part is in the store or aside. Segments of which all is there go.
    pub(super) fn drained(&mut self, part: &Part) -> Result<()> {
        let position = part.end;
        self.drained = position;
        self.first = (self.first + part.records).min(self.next);
        if part.damaged > 0 {
            self.staying.insert(position.segment, Stays::Damaged);
        }
        if part.newer > 0 {
            self.staying.insert(position.segment, Stays::Newer);
        }
        let newest = self.segments.back().map(|newest| (newest.first, newest.bytes));
        let empty = newest.is_none_or(|newest| newest == (position.segment, position.offset));
        let mut done = Ok(());
        while let Some(oldest) = self.segments.pop_front_if(|oldest| empty || oldest.first < position.segment) {
            let path = segment_path(&self.dir, oldest.first);
            let gone = match self.staying.remove(&oldest.first) {
                Some(Stays::Newer) => Ok(()),
                Some(Stays::Damaged) => folder::keep_as(&path, "damaged").map(drop),
                None => fs::remove_file(&path),
            };
            if let Err(error) = gone
                && error.kind() != io::ErrorKind::NotFound
            {
                done = Err(failed(&path, error));
            }
        }
        if let Some(oldest) = self.segments.front() {
            self.first = self.first.max(oldest.first);
        } else {
            self.current = None;
            self.first = self.next;
            self.unreadable = 0;
            self.drained = Position { segment: self.next, offset: 0 };
        }
        done
    }
}

#[cfg(test)]
mod tests;
