//! The folder: its lock, the segments in it, and what is kept there for people.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Result, Segment, SpoolError};

pub(super) const SUFFIX: &str = ".spool";
pub(super) const LOCK: &str = "lock";
/// How long the lock is waited for: whoever looks into the folder has it for a moment.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);

/// Makes the folder if it is not there, and takes its lock.
pub(super) fn take(dir: &Path) -> Result<File> {
    make(dir).map_err(|error| failed(dir, error))?;
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
    let until = Instant::now() + PATIENCE;
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let _ = lock.read_to_string(&mut owner);
                return Err(SpoolError::Locked { dir: dir.display().to_string(), owner: owner.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(failed(&path, error)),
        }
    }
    // Only for people; a full disk is no reason not to start.
    let _ = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
    Ok(lock)
}

/// The folder and what is missing above it, for the owner alone; a power loss does not take it back.
fn make(dir: &Path) -> io::Result<()> {
    let Some(parent) = dir.parent().filter(|_| !dir.is_dir()) else { return Ok(()) };
    make(parent)?;
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists || !dir.is_dir() => Err(error),
        _ => sync(parent),
    }
}

/// Makes durable which files are in a folder.
pub(super) fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Fails if somebody removed or replaced the file that we have open.
pub(super) fn still_at(path: &Path, file: &File) -> io::Result<()> {
    let (ours, there) = (file.metadata()?, fs::metadata(path)?);
    match (ours.dev(), ours.ino()) == (there.dev(), there.ino()) {
        true => Ok(()),
        false => Err(io::Error::other("somebody replaced it")),
    }
}

/// Oldest first.
pub(super) fn segments(dir: &Path) -> Result<Vec<Segment>> {
    let mut found = Vec::new();
    for (name, first) in names(dir)? {
        if name != format!("{first:020}{SUFFIX}") {
            continue;
        }
        let path = dir.join(name);
        match fs::metadata(&path) {
            Ok(file) if file.len() > 0 => found.push(Segment { first, bytes: file.len() }),
            Ok(_) => {}
            // Whoever uses the folder has drained it meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&path, error)),
        }
    }
    found.sort_by_key(|segment| segment.first);
    Ok(found)
}

/// A number above those that any file in the folder is named after, also what is kept for people.
pub(super) fn number_above_names(dir: &Path) -> Result<u64> {
    Ok(names(dir)?.into_iter().map(|(_, number)| number.saturating_add(1)).max().unwrap_or(0))
}

/// What is named after a record's number.
fn names(dir: &Path) -> Result<Vec<(String, u64)>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| failed(dir, error))? {
        let Ok(name) = entry.map_err(|error| failed(dir, error))?.file_name().into_string() else { continue };
        let number = name.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok());
        names.extend(number.map(|number| (name, number)));
    }
    Ok(names)
}

pub(super) fn segment_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}{SUFFIX}"))
}

/// Gives a file another name, never one that is taken.
pub(super) fn keep_as(path: &Path, extension: &str) -> io::Result<PathBuf> {
    let mut kept = path.with_extension(extension);
    let mut times = 1;
    while kept.try_exists()? {
        times += 1;
        kept = path.with_extension(format!("{times}.{extension}"));
    }
    fs::rename(path, &kept).map(|()| kept)
}

/// Copies some bytes of a file into a new one, durably. One that is there already holds the same.
pub(super) fn copy(from: &Path, range: Range<u64>, to: &Path) -> io::Result<()> {
    let mut from = File::open(from)?;
    from.seek(SeekFrom::Start(range.start))?;
    let mut to_file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to)?;
    io::copy(&mut from.take(range.end - range.start), &mut to_file)?;
    to_file.sync_all()?;
    to.parent().map_or(Ok(()), sync)
}

pub(super) fn failed(path: &Path, error: io::Error) -> SpoolError {
    SpoolError::Io { path: path.display().to_string(), error }
}
