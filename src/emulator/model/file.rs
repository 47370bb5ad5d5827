//! A model in a file: JSON, replaced whole after every change, so that what is there is always a whole model.

use std::ffi::OsString;
use std::fs::{self, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::Model;

/// How long the emulator before this one may take to end.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);

/// Where a model is kept.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    /// What it holds.
    written: Mutex<Vec<u8>>,
    /// Two emulators on one file would undo each other's changes.
    _lock: fs::File,
}

impl File {
    /// For this emulator alone. Nothing is read yet; beside it is its lock.
    pub async fn take(path: PathBuf) -> anyhow::Result<Self> {
        let shown = path.display();
        let lock = fs::File::create(beside(&path, ".lock"));
        let lock = lock.with_context(|| format!("--file: cannot write beside {shown}"))?;
        let until = Instant::now() + PATIENCE;
        while let Err(error) = lock.try_lock() {
            match error {
                TryLockError::WouldBlock if Instant::now() < until => tokio::time::sleep(PAUSE).await,
                TryLockError::WouldBlock => bail!("--file: another emulator keeps its model in {shown}"),
                TryLockError::Error(error) => {
                    return Err(error).with_context(|| format!("--file: cannot lock {shown}"));
                }
            }
        }
        Ok(File { written: Mutex::default(), _lock: lock, path })
    }

    /// The model it holds, if it is there.
    pub fn load(&self) -> anyhow::Result<Option<Model>> {
        let shown = self.path.display();
        match fs::read(&self.path) {
            Ok(bytes) => {
                let model = serde_json::from_slice(&bytes);
                model.map(Some).with_context(|| format!("--file: {shown} does not hold a model"))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("--file: cannot read {shown}")),
        }
    }

    /// Replaces it where something has changed. What is written is read under the lock, so that an older model never replaces a newer one.
    pub fn save(&self, model: &Mutex<Model>) -> anyhow::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let text = serde_json::to_vec_pretty(&*model.lock().unwrap_or_else(PoisonError::into_inner))?;
        if *written == text {
            return Ok(());
        }
        let beside = beside(&self.path, ".new");
        let write = || {
            let mut file = fs::File::create(&beside)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&beside, &self.path)
        };
        write().with_context(|| format!("--file: cannot write {}", self.path.display()))?;
        *written = text;
        Ok(())
    }
}

fn beside(path: &Path, ending: &str) -> OsString {
    let mut beside = path.as_os_str().to_owned();
    beside.push(ending);
    beside
}
