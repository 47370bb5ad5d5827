//! A disk so small that it can be filled: a tmpfs of its own. Mounting takes root.

use std::ffi::CString;
use std::io::{ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::ensure;
use tempfile::TempDir;

/// From here on mounts are this process's own and go with it, however it ends. Where that is not allowed, mounting is not either.
pub fn own_mounts() {
    let root = c"/".as_ptr();
    // SAFETY: all arguments are NUL-terminated constants, or null where the call takes nothing.
    unsafe {
        if libc::unshare(libc::CLONE_NEWNS) == 0 {
            libc::mount(c"none".as_ptr(), root, std::ptr::null(), libc::MS_REC | libc::MS_PRIVATE, std::ptr::null());
        }
    }
}

pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    pub fn is_possible() -> bool {
        SmallDisk::mount().is_ok()
    }

    pub fn mount() -> anyhow::Result<Self> {
        let disk = SmallDisk { folder: tempfile::tempdir()? };
        let path = disk.c_path()?;
        // SAFETY: all arguments are NUL-terminated strings that outlive the call.
        let done = unsafe {
            libc::mount(
                c"tmpfs".as_ptr(),
                path.as_ptr(),
                c"tmpfs".as_ptr(),
                libc::MS_NOSUID | libc::MS_NODEV,
                c"size=512m,mode=0755".as_ptr().cast(),
            )
        };
        ensure!(done == 0, "mounting a tmpfs: {}", std::io::Error::last_os_error());
        Ok(disk)
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes every byte that is left.
    pub fn fill(&self) -> anyhow::Result<()> {
        let mut ballast = std::fs::File::create(self.path().join("ballast"))?;
        for size in [1 << 20, 4096, 1] {
            let bytes = vec![0; size];
            loop {
                match ballast.write_all(&bytes) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    pub fn empty(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.path().join("ballast"))?)
    }

    fn c_path(&self) -> anyhow::Result<CString> {
        Ok(CString::new(self.path().as_os_str().as_bytes())?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Ok(path) = self.c_path() {
            // SAFETY: a NUL-terminated string that outlives the call.
            unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) };
        }
    }
}
