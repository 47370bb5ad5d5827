//! The process environment, as far as it is text.

use std::collections::HashMap;
use std::ffi::OsString;

use super::ConfigError;

/// All variables that are UTF-8. One of ours that is not is refused; the others are not our business.
pub fn environment(
    all: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<HashMap<String, String>, ConfigError> {
    all.into_iter()
        .filter_map(|(name, value)| {
            let shown = name.to_string_lossy().into_owned();
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => Some(Ok((name, value))),
                _ if ["PORTRAITD", "DATABASE_URL"].iter().any(|ours| shown.starts_with(ours)) => {
                    Some(Err(ConfigError(format!("{shown}: not UTF-8"))))
                }
                _ => None,
            }
        })
        .collect()
}
