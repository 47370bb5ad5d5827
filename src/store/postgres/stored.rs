//! Entries and item rows of a range of sequences, by COPY in its binary form.

use futures_util::TryStreamExt;
use sqlx::PgPool;

use super::Postgres;
use crate::store::read::COLUMNS;
use crate::store::stored::{Fields, Row};
use crate::store::{Result, Stamp, StoreError, StoredEntry, StoredItem};

/// What a COPY begins with: its signature, flags, and the length of an extension that is not there.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

impl Postgres {
    /// Entries and item rows of these sequences, in order.
    pub(in crate::store) async fn stored(&self, from: i64, to: i64) -> Result<(Vec<StoredEntry>, Vec<StoredItem>)> {
        let range = format!("seq BETWEEN {from} AND {to} ORDER BY seq");
        let entries = format!("SELECT {COLUMNS} FROM callbacks WHERE {range}");
        let items = format!("SELECT seq, ordinal, tag, value FROM profile_changes WHERE {range}, ordinal");
        Ok((copy(self.readers(), entries).await?, copy(self.readers(), items).await?))
    }
}

/// Runs it to its end even if nobody waits any more: what is left of a COPY would be taken for the next one's answer.
async fn copy<T: Row>(pool: &PgPool, select: String) -> Result<Vec<T>> {
    let mut connection = pool.acquire().await?;
    let copying = tokio::spawn(async move {
        let statement = format!("COPY ({select}) TO STDOUT (FORMAT binary)");
        let copied = async {
            let (mut stream, mut rows) = (connection.copy_out_raw(&statement).await?, Vec::new());
            while let Some(part) = stream.try_next().await? {
                let mut part = Part(part.strip_prefix(HEADER).unwrap_or(&part));
                while part.begins_a_row() {
                    rows.push(
                        T::read(&mut part).ok_or_else(|| sqlx::Error::Decode("a column is of another type".into()))?,
                    );
                }
            }
            Ok(rows)
        };
        let copied: sqlx::Result<Vec<T>> = copied.await;
        if copied.is_err() {
            drop(connection.detach());
        }
        Ok(copied?)
    });
    copying.await.map_err(|error| StoreError::Unsuitable(format!("reading ended: {error}")))?
}

/// A part of a COPY, which holds whole rows.
struct Part<'a>(&'a [u8]);

impl Part<'_> {
    /// Before a row stands how many fields it has; after the last row stands -1.
    fn begins_a_row(&mut self) -> bool {
        self.take().is_some_and(|fields| i16::from_be_bytes(fields) > 0)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}

impl Fields for Part<'_> {
    fn field(&mut self) -> Option<Option<&[u8]>> {
        let Ok(length) = usize::try_from(i32::from_be_bytes(self.take()?)) else { return Some(None) };
        let (field, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Some(field))
    }

    fn number(field: &[u8]) -> Option<i64> {
        match field.len() {
            4 => Some(i32::from_be_bytes(field.try_into().ok()?).into()),
            _ => Some(i64::from_be_bytes(field.try_into().ok()?)),
        }
    }

    fn time(field: &[u8]) -> Option<Stamp> {
        Self::number(field).map(Stamp::from_postgres)
    }
}
