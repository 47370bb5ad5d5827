//! Lists that may arrive as one comma-separated variable, and values that may arrive as a file.

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

/// A secret's file without its last line break.
pub(super) fn read_file(name: &str, path: &Path) -> Result<String, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| ConfigError(format!("{name}: cannot read {}: {e}", path.display())))?;
    let text = text.strip_suffix('\n').map(|t| t.strip_suffix('\r').unwrap_or(t)).unwrap_or(&text);
    if text.is_empty() {
        return Err(ConfigError(format!("{name}: {} is empty", path.display())));
    }
    Ok(text.to_owned())
}
