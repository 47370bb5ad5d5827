//! Entries and item rows of a range of sequences, all in one value. Each field is its length in bytes, a colon and its bytes;
//! null has no length.

use super::Sqlite;
use crate::store::stored::{Fields, Row};
use crate::store::{Result, Stamp, StoredEntry, StoredItem};

macro_rules! rows {
    ($table:literal, $order:literal, $first:literal $(, $field:literal)*) => {
        concat!(
            "-- stored\nSELECT CAST(group_concat(concat(octet_length(", $first, "), ':', ", $first,
            $(", octet_length(", $field, "), ':', ", $field,)*
            "), '') AS BLOB)\n  FROM (SELECT * FROM ", $table, " WHERE seq BETWEEN $1 AND $2 ORDER BY ", $order, ")"
        )
    };
}

#[rustfmt::skip]
const ENTRIES: &str = rows!("callbacks", "seq", "seq", "received_at", "event_time", "effective_time", "sdk_app_id", "kind", "auth",
    "account", "operator", "client_ip", "platform", "receipt_id", "salt", "digest", "chain", "body");
const ITEMS: &str = rows!("profile_changes", "seq, ordinal", "seq", "ordinal", "tag", "value");

impl Sqlite {
    /// Entries and item rows of these sequences, in order.
    pub(in crate::store) async fn stored(&self, from: i64, to: i64) -> Result<(Vec<StoredEntry>, Vec<StoredItem>)> {
        Ok((self.all(ENTRIES, from, to).await?, self.all(ITEMS, from, to).await?))
    }

    async fn all<T: Row>(&self, statement: &'static str, from: i64, to: i64) -> Result<Vec<T>> {
        let all: Option<Vec<u8>> = sqlx::query_scalar(statement).bind(from).bind(to).fetch_one(self.readers()).await?;
        let (mut rest, mut rows) = (Rest(all.as_deref().unwrap_or_default()), Vec::new());
        while !rest.0.is_empty() {
            rows.push(T::read(&mut rest).ok_or_else(|| sqlx::Error::Decode("a column is of another type".into()))?);
        }
        Ok(rows)
    }
}

struct Rest<'a>(&'a [u8]);

impl Fields for Rest<'_> {
    fn field(&mut self) -> Option<Option<&[u8]>> {
        let colon = self.0.iter().position(|byte| *byte == b':')?;
        let (length, rest) = (&self.0[..colon], &self.0[colon + 1..]);
        if length.is_empty() {
            self.0 = rest;
            return Some(None);
        }
        let (field, rest) = rest.split_at_checked(Self::number(length)?.try_into().ok()?)?;
        self.0 = rest;
        Some(Some(field))
    }

    fn number(field: &[u8]) -> Option<i64> {
        str::from_utf8(field).ok()?.parse().ok()
    }

    fn time(field: &[u8]) -> Option<Stamp> {
        Self::number(field).map(Stamp)
    }
}
