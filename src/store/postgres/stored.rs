//! Entries and item rows of a range of sequences, by COPY in its binary form.

use futures_util::TryStreamExt;
use sqlx::PgPool;

use super::Postgres;
use crate::store::stored::{Fields, Format, Stored};
use crate::store::{Result, Stamp};

const ENTRY: &str = "seq, received_at, event_time, effective_time, sdk_app_id, kind, auth, account, operator, client_ip, \
                     platform, receipt_id, salt, digest, chain, body";

/// What a COPY begins with: its signature, flags, and the length of an extension that is not there.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

impl Postgres {
    /// Entries and item rows of these sequences, in order.
    pub(in crate::store) async fn stored(&self, from: i64, to: i64) -> Result<Stored> {
        let range = format!("seq BETWEEN {from} AND {to} ORDER BY seq");
        let entries = format!("SELECT {ENTRY} FROM callbacks WHERE {range}");
        let items = format!("SELECT seq, ordinal, tag, value FROM profile_changes WHERE {range}, ordinal");
        let (entries, items) = (copy(self.readers(), entries).await?, copy(self.readers(), items).await?);
        Ok(Stored { entries, items, format: Format::Copied })
    }
}

/// Runs it to its end even if nobody waits any more: what is left of a COPY would be taken for the next one's answer.
async fn copy(pool: &PgPool, select: String) -> Result<Vec<u8>> {
    let mut connection = pool.acquire().await?;
    let copying = tokio::spawn(async move {
        let statement = format!("COPY ({select}) TO STDOUT (FORMAT binary)");
        let copied = async {
            let (mut stream, mut all) = (connection.copy_out_raw(&statement).await?, Vec::new());
            while let Some(part) = stream.try_next().await? {
                all.extend_from_slice(&part);
            }
            Ok(all)
        };
        let copied: sqlx::Result<Vec<u8>> = copied.await;
        if copied.is_err() {
            drop(connection.detach());
        }
        Ok(copied?)
    });
    copying.await.map_err(|_| sqlx::Error::WorkerCrashed)?
}

/// Rows of a COPY.
#[derive(Clone, Copy)]
pub(in crate::store) struct Copied<'a>(&'a [u8]);

impl<'a> Copied<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Copied(bytes.strip_prefix(HEADER).unwrap_or(bytes))
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}

impl<'a> Fields<'a> for Copied<'a> {
    /// Before a row stands how many fields it has; after the last row stands -1.
    fn begins_a_row(&mut self) -> bool {
        self.take().is_some_and(|fields| i16::from_be_bytes(fields) > 0)
    }

    fn number(&mut self) -> Option<Option<i64>> {
        match self.bytes()? {
            Some(field) if field.len() == 4 => Some(Some(i32::from_be_bytes(field.try_into().ok()?).into())),
            Some(field) => Some(Some(i64::from_be_bytes(field.try_into().ok()?))),
            None => Some(None),
        }
    }

    /// In microseconds, and always whole milliseconds.
    fn time(&mut self) -> Option<Option<Stamp>> {
        match self.number()? {
            Some(micros) if micros % 1000 == 0 => Some(Some(Stamp::from_postgres(micros))),
            Some(_) => None,
            None => Some(None),
        }
    }

    fn bytes(&mut self) -> Option<Option<&'a [u8]>> {
        let Ok(length) = usize::try_from(i32::from_be_bytes(self.take()?)) else { return Some(None) };
        let (field, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Some(field))
    }
}
