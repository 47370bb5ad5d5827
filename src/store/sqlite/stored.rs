//! Entries and item rows of a range of sequences, all in one value. A number is its digits and a colon; text and bytes are
//! their length, a colon and themselves. Null has neither digits nor length.

use super::Sqlite;
use crate::store::stored::{Fields, Format, Stored};
use crate::store::{Result, Stamp};

macro_rules! rows {
    ($table:literal, $order:literal, numbers: $($number:literal),+; bytes: $($bytes:literal),+) => {
        concat!(
            "-- stored\nSELECT CAST(group_concat(line, '') AS BLOB) FROM (SELECT concat(",
            $($number, ", ':', ",)+
            $("octet_length(", $bytes, "), ':', ", $bytes, ", ",)+
            "'') AS line\n  FROM ", $table, " WHERE seq BETWEEN $1 AND $2 ORDER BY ", $order, ")"
        )
    };
}

#[rustfmt::skip]
const ENTRIES: &str = rows!("callbacks", "seq",
    numbers: "seq", "received_at", "event_time", "effective_time", "sdk_app_id";
    bytes: "kind", "auth", "account", "operator", "client_ip", "platform", "receipt_id", "salt", "digest", "chain", "body");
const ITEMS: &str = rows!("profile_changes", "seq, ordinal", numbers: "seq", "ordinal"; bytes: "tag", "value");

impl Sqlite {
    /// Entries and item rows of these sequences, in order.
    pub(in crate::store) async fn stored(&self, from: i64, to: i64) -> Result<Stored> {
        let (entries, items) = (self.joined(ENTRIES, from, to).await?, self.joined(ITEMS, from, to).await?);
        Ok(Stored { entries, items, format: Format::Joined })
    }

    async fn joined(&self, statement: &'static str, from: i64, to: i64) -> Result<Vec<u8>> {
        let all: Option<Vec<u8>> = sqlx::query_scalar(statement).bind(from).bind(to).fetch_one(self.readers()).await?;
        Ok(all.unwrap_or_default())
    }
}

/// Rows of one of these values.
#[derive(Clone, Copy)]
pub(in crate::store) struct Joined<'a>(pub &'a [u8]);

impl<'a> Fields<'a> for Joined<'a> {
    fn begins_a_row(&mut self) -> bool {
        !self.0.is_empty()
    }

    fn number(&mut self) -> Option<Option<i64>> {
        let colon = self.0.iter().position(|byte| *byte == b':')?;
        let (digits, rest) = (&self.0[..colon], &self.0[colon + 1..]);
        self.0 = rest;
        match digits {
            [] => Some(None),
            digits => str::from_utf8(digits).ok()?.parse().ok().map(Some),
        }
    }

    fn time(&mut self) -> Option<Option<Stamp>> {
        Some(self.number()?.map(Stamp))
    }

    fn bytes(&mut self) -> Option<Option<&'a [u8]>> {
        let Some(length) = self.number()? else { return Some(None) };
        let (field, rest) = self.0.split_at_checked(length.try_into().ok()?)?;
        self.0 = rest;
        Some(Some(field))
    }
}
