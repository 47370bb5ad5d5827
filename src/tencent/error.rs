//! What can go wrong with a call. No variant ever holds the secret key, a UserSig or a URL.

use std::fmt;
use std::time::Duration;

use super::code::{Advice, advice, meaning};

/// A documented limit that a value does not keep. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {rule}")]
pub struct Limit {
    /// Which value, for people.
    pub what: String,
    /// What it must be.
    pub rule: String,
}

impl Limit {
    pub(super) fn new(what: impl Into<String>, rule: impl Into<String>) -> Self {
        Limit { what: what.into(), rule: rule.into() }
    }
}

/// Why a call, or an account's part of it, did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Refused before anything was sent.
    #[error(transparent)]
    Limit(#[from] Limit),
    /// The vendor said no.
    #[error("{command}: {}", Said { code: *code, info })]
    Refused {
        /// The API, such as `portrait_set`.
        command: &'static str,
        /// ErrorCode or ResultCode.
        code: i64,
        /// ErrorInfo or ResultInfo.
        info: String,
    },
    /// Not done in the time the call has.
    #[error("{command}: not done within {} s{}", after.as_secs_f32(), last.as_ref().map(|last| format!("; the last attempt: {last}")).unwrap_or_default())]
    Deadline {
        /// The API.
        command: &'static str,
        /// The time the call had.
        after: Duration,
        /// Why the last attempt failed, if one did.
        last: Option<Box<Error>>,
    },
    /// No answer, or one of the gateway's: a connection that failed, a time-out, HTTP 5xx or 429.
    #[error("{command}: {why}")]
    Transport {
        /// The API.
        command: &'static str,
        /// What happened.
        why: String,
    },
    /// An answer that is not the vendor's: not JSON, no ErrorCode, an account missing.
    #[error("{command}: what answered is not Tencent's API: {why}")]
    Answer {
        /// The API.
        command: &'static str,
        /// What it was.
        why: String,
    },
}

impl Error {
    /// The vendor's error code, also that of the last attempt.
    pub fn code(&self) -> Option<i64> {
        match self {
            Error::Refused { code, .. } => Some(*code),
            Error::Deadline { last, .. } => last.as_ref().and_then(|last| last.code()),
            Error::Limit(_) | Error::Transport { .. } | Error::Answer { .. } => None,
        }
    }

    /// Whether the same call may work later.
    pub fn is_retryable(&self) -> bool {
        self.advice() != Advice::Never
    }

    /// What to do about it.
    pub fn advice(&self) -> Advice {
        match self {
            Error::Refused { code, .. } => advice(*code),
            Error::Transport { .. } => Advice::BackOff,
            Error::Deadline { last, .. } => last.as_ref().map_or(Advice::BackOff, |last| last.advice()),
            Error::Limit(_) | Error::Answer { .. } => Advice::Never,
        }
    }
}

/// A code in the vendor's words and ours.
struct Said<'a> {
    code: i64,
    info: &'a str,
}

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(meaning) = meaning(self.code) {
            write!(f, ", {meaning}")?;
        }
        if !self.info.is_empty() {
            write!(f, " ({})", self.info)?;
        }
        Ok(())
    }
}
