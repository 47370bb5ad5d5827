//! Time on the wire: Unix milliseconds, shown as RFC 3339 in UTC.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};

/// Unix time in milliseconds.
pub type Millis = i64;

/// The first millisecond of the year 10000: nothing at or past it is a time.
const END: Millis = 253_402_300_800_000;

/// The last time there is.
pub const MAX: Millis = END - 1;

/// An EventTime at most this far ahead of the receipt is believed.
const TOLERATED_LEAD: Millis = 5 * 60 * 1000;
/// How far apart the clocks of replicas may be.
const TOLERATED_SKEW: Millis = 5 * 60 * 1000;

/// A duration in milliseconds, as far as there are numbers.
pub fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

/// Whether `millis` lies in the years 1970 to 9999.
pub fn plausible(millis: Millis) -> bool {
    (0..END).contains(&millis)
}

/// When the change took effect: EventTime, unless it is missing or more than 5 minutes after the receipt.
pub fn effective(event_time: Option<Millis>, received_at: Millis) -> Millis {
    event_time.filter(|t| *t <= received_at + TOLERATED_LEAD).unwrap_or(received_at)
}

/// No entry that was received by now takes effect later, whichever replica's clock told when it was received.
pub fn latest_effective(now: Millis) -> Millis {
    now + TOLERATED_LEAD + TOLERATED_SKEW
}

/// `millis` as a `chrono` time. Times outside `chrono`'s range do not get past [`plausible`].
pub fn utc(millis: Millis) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

/// RFC 3339, UTC, milliseconds: `2022-07-04T07:50:52.497Z`.
pub fn rfc3339(millis: Millis) -> String {
    utc(millis).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A time as people write it: RFC 3339, or a date, which is its beginning in UTC.
pub fn parse(text: &str) -> Option<Millis> {
    let millis = match DateTime::parse_from_rfc3339(text) {
        Ok(time) => time.timestamp_millis(),
        Err(_) => text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc().timestamp_millis(),
    };
    plausible(millis).then_some(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_time_far_ahead_of_the_receipt_is_not_believed() {
        assert_eq!(effective(Some(1_000), 2_000), 1_000);
        assert_eq!(effective(Some(302_000), 2_000), 302_000);
        assert_eq!(effective(Some(302_001), 2_000), 2_000);
        assert_eq!(effective(None, 2_000), 2_000);
    }

    #[test]
    fn the_last_plausible_millisecond_is_in_the_year_9999() {
        assert!(plausible(END - 1) && !plausible(END) && plausible(0) && !plausible(-1));
        assert_eq!(rfc3339(END - 1), "9999-12-31T23:59:59.999Z");
    }
}
