//! What a reader asks for.

use crate::protocol::time::Millis;

/// Most items one page may hold.
pub const MAX_LIMIT: u32 = 1000;

/// Changes that match everything given, newest first by (seq, ordinal).
#[derive(Debug, Clone, Default)]
pub struct ChangeFilter {
    /// SDKAppID
    pub app: Option<i64>,
    /// From_Account
    pub account: Option<String>,
    /// Operator_Account
    pub operator: Option<String>,
    /// Tag
    pub tag: Option<String>,
    /// Received at or after.
    pub since: Option<Millis>,
    /// Received before.
    pub until: Option<Millis>,
    /// At most so many; [`MAX_LIMIT`] bounds it.
    pub limit: u32,
}
