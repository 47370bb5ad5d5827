//! Whether a program is there to be run: a wrong path is found out at the start.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use rustix::fs::{Access, access};

/// Where a name without a slash is looked for when PATH is not set.
const USUAL: &str = "/bin:/usr/bin";

pub(super) fn check(program: &str) -> io::Result<()> {
    if program.contains('/') {
        return runs(Path::new(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from(USUAL));
    if std::env::split_paths(&path).any(|folder| runs(&folder.join(program)).is_ok()) {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "it is in no folder of PATH"))
}

fn runs(file: &Path) -> io::Result<()> {
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(access(file, Access::EXEC_OK)?)
}
