//! Entries and item rows of a range as both dialects hand them over: all rows in one piece of bytes, because rows one by one
//! cost several times as much. What is read may borrow from it.

use std::iter;

use super::postgres::Copied;
use super::sqlite::Joined;
use super::{Stamp, StoreError, StoredEntry, StoredItem};

/// A range of the log in the bytes it came in.
pub(super) struct Stored {
    pub entries: Vec<u8>,
    pub items: Vec<u8>,
    pub format: Format,
}

/// How a dialect writes rows.
#[derive(Clone, Copy)]
pub(super) enum Format {
    Copied,
    Joined,
}

impl Stored {
    /// In order, up to the first one that is misshapen.
    pub fn entries<'a, Row: Read<'a>>(&'a self) -> impl Iterator<Item = Result<Row, Misshapen>> {
        self.format.rows(&self.entries)
    }

    /// In order, up to the first one that is misshapen.
    pub fn items<'a, Row: Read<'a>>(&'a self) -> impl Iterator<Item = Result<Row, Misshapen>> {
        self.format.rows(&self.items)
    }
}

impl Format {
    fn rows<'a, Row: Read<'a>>(self, bytes: &'a [u8]) -> impl Iterator<Item = Result<Row, Misshapen>> {
        let (mut copied, mut joined) = (Copied::new(bytes), Joined(bytes));
        iter::from_fn(move || match self {
            Format::Copied => next(&mut copied),
            Format::Joined => next(&mut joined),
        })
    }
}

fn next<'a, Row: Read<'a>>(fields: &mut impl Fields<'a>) -> Option<Result<Row, Misshapen>> {
    fields.begins_a_row().then(|| {
        let mut begun = *fields;
        Row::read(fields).ok_or_else(|| Misshapen { seq: begun.number().flatten().unwrap_or_default() })
    })
}

/// A row with a field that was never written like this.
pub(super) struct Misshapen {
    pub seq: i64,
}

impl From<Misshapen> for StoreError {
    fn from(row: Misshapen) -> Self {
        StoreError::Altered { seq: row.seq }
    }
}

/// What is not read yet. Each verb reads the next field; it says None where there is none or it is never written like this.
pub(super) trait Fields<'a>: Copy {
    /// Whether another row follows.
    fn begins_a_row(&mut self) -> bool;

    fn number(&mut self) -> Option<Option<i64>>;

    fn time(&mut self) -> Option<Option<Stamp>>;

    fn bytes(&mut self) -> Option<Option<&'a [u8]>>;

    fn text(&mut self) -> Option<Option<&'a str>> {
        match self.bytes()? {
            Some(bytes) => str::from_utf8(bytes).ok().map(Some),
            None => Some(None),
        }
    }
}

/// A row that can be read from its fields.
pub(super) trait Read<'a>: Sized {
    /// Reads all of them, in the statements' order, the sequence first.
    fn read(row: &mut impl Fields<'a>) -> Option<Self>;
}

impl<'a, Text: From<&'a str>, Blob: From<&'a [u8]>> Read<'a> for StoredEntry<Text, Blob> {
    fn read(row: &mut impl Fields<'a>) -> Option<Self> {
        Some(StoredEntry {
            seq: row.number()??,
            received_at: row.time()??,
            event_time: row.time()?,
            effective_time: row.time()??,
            sdk_app_id: row.number()??,
            kind: row.text()??.into(),
            auth: row.text()??.into(),
            account: row.text()?.map(Text::from),
            operator: row.text()?.map(Text::from),
            client_ip: row.text()?.map(Text::from),
            platform: row.text()?.map(Text::from),
            receipt_id: row.bytes()??.into(),
            salt: row.bytes()?.map(Blob::from),
            digest: row.bytes()??.into(),
            chain: row.bytes()??.into(),
            body: row.bytes()?.map(Blob::from),
        })
    }
}

impl<'a, Text: From<&'a str>> Read<'a> for StoredItem<Text> {
    fn read(row: &mut impl Fields<'a>) -> Option<Self> {
        Some(StoredItem {
            seq: row.number()??,
            ordinal: i32::try_from(row.number()??).ok()?,
            tag: row.text()??.into(),
            value: row.text()?.map(Text::from),
        })
    }
}
