//! Times on the command line.

use chrono::{DateTime, NaiveDate};

use crate::protocol::time::Millis;

/// RFC 3339, or a date, which is its beginning in UTC.
pub(super) fn time(text: &str) -> Result<Millis, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.timestamp_millis());
    }
    let date: NaiveDate =
        text.parse().map_err(|_| "not a time such as 2026-01-31T12:00:00Z or 2026-01-31".to_owned())?;
    Ok(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis())
}
