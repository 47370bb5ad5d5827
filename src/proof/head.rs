//! A head as it is noted outside: one JSON object.

use serde::{Deserialize, Serialize};

use crate::protocol::time::{Millis, rfc3339};
use crate::store::Head;

/// The newest entry's sequence and chain, and when that was so.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Noted {
    pub seq: i64,
    #[serde(with = "hex::serde")]
    pub chain: [u8; 32],
    pub at: String,
}

impl Noted {
    /// As it is now.
    pub fn new(Head { seq, chain }: Head, now: Millis) -> Self {
        Noted { seq, chain, at: rfc3339(now) }
    }

    /// What was noted, without when.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, chain: self.chain }
    }

    /// The one of this line.
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// Without a line break.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
