//! Lists that may arrive as one comma-separated variable, values that may arrive as a file, and who may read files.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use super::ConfigError;

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// A list of words, or one string with commas between them.
pub(super) fn words<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(match OneOrMany::deserialize(from)? {
        OneOrMany::One(text) => split(&text),
        OneOrMany::Many(list) => list,
    })
}

/// [`words`] that do not print.
pub(super) fn secrets<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<SecretString>, D::Error> {
    Ok(words(from)?.into_iter().map(SecretString::from).collect())
}

pub(super) fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// What everybody on the machine may do with a file.
const OTHERS: u32 = 0o007;

/// Whether a file is there and others than its owner and group may use it.
pub(super) fn is_open_to_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.mode() & OTHERS != 0)
}

/// A secret's file without its last line break. One that others may use is refused.
pub(crate) fn read_file(name: &str, path: &Path) -> Result<String, ConfigError> {
    let shown = path.display();
    let unreadable = |e: std::io::Error| ConfigError(format!("{name}: cannot read {shown}: {e}"));
    let mut file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.mode();
    if mode & OTHERS != 0 {
        return Err(ConfigError(format!(
            "{name}: {shown} is open to everybody on this machine (mode {:04o}): chmod o= {shown}, \
             or mode 0440 for the secret in compose or Kubernetes, with a group this process is in",
            mode & 0o7777
        )));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(unreadable)?;
    let text = text.strip_suffix('\n').map(|t| t.strip_suffix('\r').unwrap_or(t)).unwrap_or(&text);
    if text.is_empty() {
        return Err(ConfigError(format!("{name}: {shown} is empty")));
    }
    Ok(text.to_owned())
}
