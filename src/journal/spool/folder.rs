//! The folder: its lock, and the segments in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{Result, Segment, SpoolError};

pub(super) const SUFFIX: &str = ".spool";
pub(super) const LOCK: &str = "lock";

pub(super) fn take_lock(dir: &Path) -> Result<File> {
    let path = dir.join(LOCK);
    let mut options = OpenOptions::new();
    let mut lock = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| failed(&path, error))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            let _ = lock.read_to_string(&mut owner);
            return Err(SpoolError::Locked { dir: dir.display().to_string(), owner: owner.trim().to_owned() });
        }
        Err(TryLockError::Error(error)) => return Err(failed(&path, error)),
    }
    // Only for people; a full disk is no reason not to start.
    let _ = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
    Ok(lock)
}

/// Oldest first.
pub(super) fn segments(dir: &Path) -> Result<Vec<Segment>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| failed(dir, error))? {
        let entry = entry.map_err(|error| failed(dir, error))?;
        let name = entry.file_name();
        let first = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).and_then(|number| number.parse().ok());
        let Some(first) = first else { continue };
        let bytes = entry.metadata().map_err(|error| failed(&entry.path(), error))?.len();
        if bytes > 0 {
            found.push(Segment { first, bytes });
        }
    }
    found.sort_by_key(|segment| segment.first);
    Ok(found)
}

pub(super) fn segment_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}{SUFFIX}"))
}

pub(super) fn failed(path: &Path, error: io::Error) -> SpoolError {
    SpoolError::Io { path: path.display().to_string(), error }
}
