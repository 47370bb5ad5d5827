//! A model in a file: JSON, replaced whole after every change, so that what is there is always a whole model.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;

use super::Model;

/// Where a model is kept.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    writing: Mutex<()>,
}

impl File {
    /// Nothing is read or made yet.
    pub fn new(path: PathBuf) -> Self {
        File { path, writing: Mutex::new(()) }
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

    /// Replaces it. What is written is read under the lock, so that an older model never replaces a newer one.
    pub fn save(&self, model: &Mutex<Model>) -> anyhow::Result<()> {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let text = serde_json::to_vec_pretty(&*model.lock().unwrap_or_else(PoisonError::into_inner))?;
        let mut beside = self.path.clone().into_os_string();
        beside.push(".new");
        let write = || {
            let mut file = fs::File::create(&beside)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&beside, &self.path)
        };
        write().with_context(|| format!("--file: cannot write {}", self.path.display()))
    }
}
