//! Times on the command line.

use crate::protocol::time::{self, Millis};

/// RFC 3339, or a date, which is its beginning in UTC.
pub(super) fn time(text: &str) -> Result<Millis, String> {
    time::parse(text).ok_or_else(|| "not a time such as 2026-01-31T12:00:00Z or 2026-01-31".to_owned())
}
