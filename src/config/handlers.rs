//! `[dispatch]` and `[[handlers]]`: how handlers are run, and those that come with the program.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::PathBuf;

use chrono::DateTime;
use secrecy::SecretString;
use serde::Deserialize;

use super::attributes::{self, Attribute};
use super::secret::secrets;
use super::{Config, ConfigError};

/// How handlers are run, unless one says otherwise for itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Dispatch {
    pub start: StartAt,
    pub retry_secs: Vec<u32>,
    pub concurrency: usize,
    pub timeout_secs: u32,
}

/// A handler that comes with the program. Which keys it may have depends on its kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Handler {
    pub name: String,
    pub kind: HandlerKind,
    pub start: Option<StartAt>,
    pub tags: Option<Vec<String>>,
    pub apps: Option<Vec<u64>>,
    pub previous: Option<bool>,
    pub retry_secs: Option<Vec<u32>>,
    pub concurrency: Option<usize>,
    pub timeout_secs: Option<u32>,
    pub url: Option<SecretString>,
    pub format: Option<ForwardFormat>,
    #[serde(default, deserialize_with = "secrets")]
    pub secrets: Vec<SecretString>,
    pub allow_private: Option<bool>,
    pub subject: Option<String>,
    pub credentials: Option<PathBuf>,
    pub command: Option<Vec<String>>,
    pub values: Option<bool>,
    pub attributes: Option<BTreeMap<String, Attribute>>,
}

/// What a handler does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum HandlerKind {
    Forward,
    Jetstream,
    Exec,
    Log,
    PushAttributes,
}

impl fmt::Display for HandlerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HandlerKind::Forward => "forward",
            HandlerKind::Jetstream => "jetstream",
            HandlerKind::Exec => "exec",
            HandlerKind::Log => "log",
            HandlerKind::PushAttributes => "push-attributes",
        })
    }
}

/// What `forward` sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum ForwardFormat {
    Json,
    Raw,
}

/// Where a handler begins that the store does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum StartAt {
    /// With the oldest entry.
    Beginning,
    /// With what is recorded from now on.
    Now,
    /// With what was received from this time on. Unix milliseconds.
    Time(i64),
}

impl TryFrom<String> for StartAt {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "beginning" => Ok(StartAt::Beginning),
            "now" => Ok(StartAt::Now),
            time => DateTime::parse_from_rfc3339(time)
                .map(|time| StartAt::Time(time.timestamp_millis()))
                .map_err(|_| "must be \"beginning\", \"now\" or a time such as \"2026-01-31T12:00:00Z\""),
        }
    }
}

/// A name is part of commands, paths and metrics: no flag, no way up.
pub fn is_handler_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// What a name has to be.
pub const HANDLER_NAME: &str = "1 to 64 of a-z, A-Z, 0-9, -, _ and ., beginning with a letter or a digit";

pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    run(
        "dispatch",
        Some(&config.dispatch.retry_secs),
        Some(config.dispatch.concurrency),
        Some(config.dispatch.timeout_secs),
    )?;
    let mut names = HashSet::new();
    for handler in &config.handlers {
        let name = &handler.name;
        if !is_handler_name(name) {
            return refuse(format!("handlers: the name {name:?} must be {HANDLER_NAME}"));
        }
        if !names.insert(name) {
            return refuse(format!("handlers: two are named {name:?}"));
        }
        run(&format!("handlers: {name:?}"), handler.retry_secs.as_ref(), handler.concurrency, handler.timeout_secs)?;
        kind(handler)?;
    }
    Ok(())
}

fn run(
    of: &str,
    retry: Option<&Vec<u32>>,
    concurrency: Option<usize>,
    timeout: Option<u32>,
) -> Result<(), ConfigError> {
    if concurrency.is_some_and(|n| !(1..=1024).contains(&n)) {
        return refuse(format!("{of}: concurrency must be 1 to 1024"));
    }
    if timeout == Some(0) {
        return refuse(format!("{of}: timeout_secs must be more than 0"));
    }
    if retry.is_some_and(|list| list.len() > 100 || list.iter().any(|secs| *secs > 7 * 24 * 3600)) {
        return refuse(format!("{of}: retry_secs may have 100 entries of up to a week"));
    }
    Ok(())
}

/// Each kind has keys that it needs, and keys that only it may have.
fn kind(handler: &Handler) -> Result<(), ConfigError> {
    use HandlerKind::{Exec, Forward, Jetstream, Log, PushAttributes};
    const GIVEN_ALL: [HandlerKind; 4] = [Forward, Jetstream, Exec, Log];
    let name = &handler.name;
    let keys: [(&str, bool, &[HandlerKind], bool); 11] = [
        ("tags", handler.tags.is_some(), &GIVEN_ALL, false),
        ("previous", handler.previous.is_some(), &GIVEN_ALL, false),
        ("url", handler.url.is_some(), &[Forward, Jetstream], true),
        ("command", handler.command.is_some(), &[Exec], true),
        ("format", handler.format.is_some(), &[Forward], false),
        ("secrets", !handler.secrets.is_empty(), &[Forward], false),
        ("allow_private", handler.allow_private.is_some(), &[Forward], false),
        ("subject", handler.subject.is_some(), &[Jetstream], false),
        ("credentials", handler.credentials.is_some(), &[Jetstream], false),
        ("values", handler.values.is_some(), &[Log], false),
        ("attributes", handler.attributes.is_some(), &[PushAttributes], true),
    ];
    for (key, is_given, kinds, is_needed) in keys {
        let is_its = kinds.contains(&handler.kind);
        if is_given && !is_its {
            return refuse(format!("handlers: {name:?}: {key} means nothing to kind = \"{}\"", handler.kind));
        }
        if is_needed && is_its && !is_given {
            return refuse(format!("handlers: {name:?}: kind = \"{}\" needs {key}", handler.kind));
        }
    }
    if handler.command.as_ref().is_some_and(|command| command.first().is_none_or(String::is_empty)) {
        return refuse(format!("handlers: {name:?}: command must name a program"));
    }
    match &handler.attributes {
        Some(attributes) => attributes::check(attributes).or_else(|why| refuse(format!("handlers: {name:?}: {why}"))),
        None => Ok(()),
    }
}

fn refuse<T>(message: String) -> Result<T, ConfigError> {
    Err(ConfigError(message))
}

#[cfg(test)]
mod tests;
