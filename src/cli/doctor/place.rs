//! Places on disk, the spool's folder and the SQLite file's: whether they are there, may be written to, have room, and
//! outlive a restart.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::findings::Findings;
use crate::config::Spool;
use crate::journal::spool::look as look_inside;
use crate::store::Store;

/// What Linux calls a filesystem in memory.
const TMPFS: i64 = 0x0102_1994;
/// A log deserves that much room. MiB.
const LITTLE: u64 = 1024;

pub(super) fn look_at_spool(spool: &Spool, store_url: &str, findings: &mut Findings) {
    let dir = absolute(&spool.dir);
    let shown = dir.display();
    let there = match nearest(&dir) {
        Ok(there) => there,
        Err(why) => return findings.fail(format!("{shown} cannot be made"), &format!("{why}; set spool.dir")),
    };
    if let Err(error) = tempfile_in(&there) {
        return findings
            .fail(format!("{shown} cannot be written to"), &format!("{error}; set spool.dir or correct its rights"));
    }
    if there != dir {
        findings.ok(format!("{shown} can be made"));
    } else {
        match look_inside(&dir) {
            Ok(status) => {
                let user = status.owner.map_or_else(|| "nobody".to_owned(), |pid| format!("process {pid}"));
                let waiting = status.callbacks + status.unreadable;
                findings.ok(format!("{shown}: {waiting} callbacks wait in it, used by {user}"));
                if status.damaged > 0 {
                    findings.warn(format!("{} bytes of it are not whole", status.damaged), "docs/runbook.md#the-spool");
                }
            }
            Err(error) => findings.fail(format!("{shown} cannot be read"), &error.to_string()),
        }
    }
    let wanted = spool.max_bytes >> 20;
    let why = "the disk is full before the spool is; make room or lower spool.max_bytes";
    room(&there, wanted, &format!(", spool.max_bytes is {wanted} MiB"), why, findings);
    if sqlite_file(store_url)
        .is_some_and(|file| device(&folder_of(&file)).is_some_and(|one| Some(one) == device(&there)))
    {
        let why = "when that disk is full or fails, callbacks are answered 503; put one of them elsewhere";
        findings.warn("the spool and the SQLite file are on the same disk", why);
    }
}

/// Whether it can be written to: SQLite opens what it may only read without a word, and fails with the first append.
pub(super) fn look_at_sqlite(file: &Path, findings: &mut Findings) -> bool {
    for suffix in ["", "-wal", "-shm"] {
        let mut part = file.as_os_str().to_owned();
        part.push(suffix);
        let shown = Path::new(&part).display();
        match OpenOptions::new().write(true).open(&part) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                findings.fail(format!("{shown} cannot be written to"), &format!("{error}; correct its rights"));
                return false;
            }
            _ => {}
        }
    }
    let folder = folder_of(file);
    let shown = folder.display();
    if let Err(error) = tempfile_in(&folder) {
        let why = format!("{error}; SQLite makes files beside its own: correct the rights");
        findings.fail(format!("{shown} cannot be written to"), &why);
        return false;
    }
    findings.ok(format!("{shown} can be written to"));
    room(&folder, LITTLE, "", "the log only grows; make room", findings);
    true
}

/// The file of a SQLite store, where it really is.
pub(super) fn sqlite_file(store_url: &str) -> Option<PathBuf> {
    let path = Store::sqlite_path(store_url)?;
    Some(fs::canonicalize(&path).unwrap_or(path))
}

fn room(there: &Path, wanted: u64, beside: &str, why: &str, findings: &mut Findings) {
    if let Ok(system) = rustix::fs::statfs(there)
        && system.f_type == TMPFS
    {
        findings.warn("it is in memory (tmpfs)", "a reboot loses what is in it; put it on a disk that stays");
    }
    let Ok(system) = rustix::fs::statvfs(there) else { return };
    let free = (system.f_bavail * system.f_frsize) >> 20;
    let what = format!("{free} MiB are free{beside}");
    match free < wanted {
        true => findings.warn(what, why),
        false => findings.ok(what),
    }
}

/// The folder itself, or the part of its path that is there, if the rest can be made below it.
fn nearest(dir: &Path) -> Result<PathBuf, String> {
    for part in dir.ancestors() {
        let shown = part.display();
        match fs::metadata(part) {
            Ok(metadata) if metadata.is_dir() => return Ok(part.to_owned()),
            Ok(_) => return Err(format!("{shown} is not a folder")),
            Err(_) if part.is_symlink() => return Err(format!("{shown} is a link that leads nowhere")),
            // Of what is below a file or below nothing, its ancestors will tell.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(format!("{shown}: {error}")),
        }
    }
    Err("no part of its path exists".to_owned())
}

/// Whether something can be made there. It goes at once.
fn tempfile_in(dir: &Path) -> std::io::Result<()> {
    let probe = dir.join(format!(".portraitd-doctor-{}", std::process::id()));
    OpenOptions::new().write(true).create_new(true).open(&probe)?.sync_all()?;
    fs::remove_file(probe)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().unwrap_or(file).to_owned()
}

fn device(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|metadata| metadata.dev())
}
