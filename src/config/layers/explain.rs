//! What is wrong with a configuration, and where, without repeating a value that may be a secret.

use std::collections::BTreeMap;

use config::Value;

use crate::config::ConfigError;

/// The TOML parser's message with its place, without the line that it would show.
pub(super) fn syntax(name: &str, text: &str, error: &config::ConfigError) -> ConfigError {
    let error = match error {
        config::ConfigError::FileParse { cause, .. } => cause.downcast_ref::<toml::de::Error>(),
        _ => None,
    };
    let Some(error) = error else { return ConfigError(format!("{name}: not TOML that can be read")) };
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    ConfigError(format!("{name}, line {line}, column {column}: {}", error.message()))
}

/// serde's message with the key and the layer it came from.
pub(super) fn value(
    path: &str,
    error: &config::ConfigError,
    origins: &BTreeMap<String, (Value, String)>,
) -> ConfigError {
    let message = error.to_string();
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
    let key = match unknown {
        Some(field) if path == "." || path.is_empty() => field.to_owned(),
        Some(field) if !path.ends_with(field) => format!("{path}.{field}"),
        _ => path.to_owned(),
    };
    let from = origins
        .iter()
        .find(|(k, _)| **k == key || is_part(k, &key) || is_part(&key, k))
        .map(|(_, (_, from))| format!(" ({from})"))
        .unwrap_or_default();
    // Names are no secrets. Everything else that serde says may repeat the value.
    let message = if unknown.is_some() || matches!(error, config::ConfigError::NotFound(_)) {
        message
    } else if may_be_secret(&key) {
        "not of the right form".to_owned()
    } else {
        message
    };
    ConfigError(format!("{key}{from}: {message}"))
}

/// Whether `key` is `of.key` or `of[0]`.
pub(super) fn is_part(key: &str, of: &str) -> bool {
    key.strip_prefix(of).is_some_and(|rest| rest.starts_with(['.', '[']))
}

/// Tokens, URLs with passwords in them, and whatever stands where a whole section belongs. What is wrong with a start is said
/// without it.
fn may_be_secret(key: &str) -> bool {
    !key.contains('.')
        || !key.ends_with("].start") && ["apps", "admin", "handlers"].iter().any(|section| key.starts_with(section))
        || key.contains("url")
}
