//! What a reader asks for, and a page of what there is.

use std::fmt;
use std::str::FromStr;

use super::model::Kind;
use crate::protocol::time::Millis;

/// Most items one page may hold.
pub const MAX_LIMIT: u32 = 1000;

/// Changes that match everything given.
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
    /// OptPlatform
    pub platform: Option<String>,
    /// What the entry is.
    pub kind: Option<Kind>,
    /// Received at or after.
    pub since: Option<Millis>,
    /// Received before.
    pub until: Option<Millis>,
    /// EventTime at or after.
    pub event_since: Option<Millis>,
    /// EventTime before.
    pub event_until: Option<Millis>,
}

impl ChangeFilter {
    /// Anything besides the tag.
    pub(super) fn asks_of_the_entry(&self) -> bool {
        let texts = [&self.account, &self.operator, &self.platform];
        let times = [self.since, self.until, self.event_since, self.event_until];
        self.app.is_some()
            || self.kind.is_some()
            || texts.iter().any(|text| text.is_some())
            || times.iter().any(Option::is_some)
    }
}

/// Which part of what matches.
#[derive(Debug, Clone, Copy)]
pub struct Paging {
    /// By (seq, ordinal).
    pub direction: Direction,
    /// Beyond this place.
    pub after: Option<Place>,
    /// At most so many; [`MAX_LIMIT`] bounds it.
    pub limit: u32,
}

impl Paging {
    /// The newest so many.
    pub fn newest(limit: u32) -> Self {
        Paging { direction: Direction::NewestFirst, after: None, limit }
    }

    /// The first so many after a place; from the log's beginning without one.
    pub fn oldest(after: Option<Place>, limit: u32) -> Self {
        Paging { direction: Direction::OldestFirst, after, limit }
    }
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Direction {
    NewestFirst,
    OldestFirst,
}

/// A place in the log: an item, there or not. As text it is a cursor, `1234.0`, which stays right while rows arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The entry.
    pub seq: i64,
    /// Position in ProfileItem, from 0.
    pub ordinal: i32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.seq, self.ordinal)
    }
}

impl FromStr for Place {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let (seq, ordinal) = text.split_once('.').ok_or(NotAPlace)?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(seq) || !is_number(ordinal) {
            return Err(NotAPlace);
        }
        Ok(Place { seq: seq.parse().map_err(|_| NotAPlace)?, ordinal: ordinal.parse().map_err(|_| NotAPlace)? })
    }
}

/// It is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no place in the log, such as 1234.0")]
pub struct NotAPlace;

/// A page of a list. It may be short, or empty, and have more behind it: a page looks at a bounded part of the log.
#[derive(Debug)]
pub struct Page<T> {
    /// In the order asked for.
    pub items: Vec<T>,
    /// Where the next page goes on; none when there is nothing beyond.
    pub next: Option<Place>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written_and_nothing_else_is() {
        for place in [Place { seq: 0, ordinal: 0 }, Place { seq: i64::MAX, ordinal: i32::MAX }] {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        for text in ["", ".", "1", "1.", ".1", "+1.0", "1.-0", " 1.0", "1.0.0", "9223372036854775808.0", "1.2147483648"]
        {
            assert_eq!(text.parse::<Place>(), Err(NotAPlace), "{text:?}");
        }
    }
}
