//! The spool's folder: whether it is there, may be written to, has room, and outlives a restart.

use std::path::{Path, PathBuf};

use super::findings::Findings;
use crate::config::Spool;
use crate::journal::spool::look as look_inside;

/// What Linux calls a filesystem in memory.
const TMPFS: i64 = 0x0102_1994;

pub(super) fn look(spool: &Spool, store_url: &str, findings: &mut Findings) {
    let dir = std::path::absolute(&spool.dir).unwrap_or_else(|_| spool.dir.clone());
    let shown = dir.display();
    let Some(there) = nearest(&dir) else {
        return findings.fail(format!("{shown}"), "no part of its path exists; set spool.dir");
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
    room(&there, spool.max_bytes, findings);
    if let Some(file) = store_url.strip_prefix("sqlite://").and_then(|path| nearest(Path::new(path.split('?').next()?)))
        && device(&file).is_some_and(|one| Some(one) == device(&there))
    {
        let why = "when that disk is full or fails, callbacks are answered 503; put one of them elsewhere";
        findings.warn("the spool and the SQLite file are on the same disk", why);
    }
}

fn room(there: &Path, wanted: u64, findings: &mut Findings) {
    if let Ok(system) = rustix::fs::statfs(there)
        && system.f_type == TMPFS
    {
        findings.warn("it is in memory (tmpfs)", "a reboot loses what waits in it; put it on a disk that stays");
    }
    let Ok(system) = rustix::fs::statvfs(there) else { return };
    let (free, wanted) = ((system.f_bavail * system.f_frsize) >> 20, wanted >> 20);
    let what = format!("{free} MiB are free, spool.max_bytes is {wanted} MiB");
    match free < wanted {
        true => findings.warn(what, "the disk is full before the spool is; make room or lower spool.max_bytes"),
        false => findings.ok(what),
    }
}

/// The folder itself, or the part of its path that is there.
fn nearest(dir: &Path) -> Option<PathBuf> {
    let dir = std::path::absolute(dir).ok()?;
    dir.ancestors().find(|part| part.is_dir()).map(Path::to_owned)
}

/// Whether something can be made there. It goes at once.
fn tempfile_in(dir: &Path) -> std::io::Result<()> {
    let probe = dir.join(format!(".portraitd-doctor-{}", std::process::id()));
    std::fs::OpenOptions::new().write(true).create_new(true).open(&probe)?.sync_all()?;
    std::fs::remove_file(probe)
}

fn device(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|metadata| metadata.dev())
}
