//! A folder that is gone when this is dropped.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// What may still be written while it is removed is removed with the next try.
const TRIES: usize = 5;

pub(super) struct Folder {
    path: PathBuf,
    token: String,
}

impl Folder {
    /// A new one, for nobody else.
    pub fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("portraitd-demo-{:016x}", rand::random::<u64>()));
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("cannot make {}: set TMPDIR to a folder that can be written", path.display()))?;
        Ok(Folder { path, token: format!("{:032x}", rand::random::<u128>()) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The callbacks' token for as long as the folder is there.
    pub fn token(&self) -> &str {
        &self.token
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !(0..TRIES).any(|_| std::fs::remove_dir_all(&self.path).is_ok()) {
            eprintln!("portraitd: {} could not be removed", self.path.display());
        }
    }
}
