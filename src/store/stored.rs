//! An entry and an item row from their columns, as both dialects hand a range of them over in few pieces: rows one by one cost
//! several times as much.

use super::{Stamp, StoredEntry, StoredItem};

/// What is not read yet of a piece. Each verb reads the next field; it says None where there is none or it is of another type.
pub(super) trait Fields {
    /// Its bytes, or null.
    fn field(&mut self) -> Option<Option<&[u8]>>;

    /// An integer as this dialect writes it.
    fn number(field: &[u8]) -> Option<i64>;

    /// A time as this dialect writes it.
    fn time(field: &[u8]) -> Option<Stamp>;

    /// The next field, read like this.
    fn next<T>(&mut self, read: impl FnOnce(&[u8]) -> Option<T>) -> Option<Option<T>> {
        match self.field()? {
            Some(field) => read(field).map(Some),
            None => Some(None),
        }
    }
}

/// A row that can be read from its fields.
pub(super) trait Row: Sized + Send + 'static {
    /// Reads all of them, in the statements' order.
    fn read<F: Fields>(row: &mut F) -> Option<Self>;
}

impl Row for StoredEntry {
    fn read<F: Fields>(row: &mut F) -> Option<Self> {
        Some(StoredEntry {
            seq: row.next(F::number)??,
            received_at: row.next(F::time)??,
            event_time: row.next(F::time)?,
            effective_time: row.next(F::time)??,
            sdk_app_id: row.next(F::number)??,
            kind: row.next(text)??,
            auth: row.next(text)??,
            account: row.next(text)?,
            operator: row.next(text)?,
            client_ip: row.next(text)?,
            platform: row.next(text)?,
            receipt_id: row.next(bytes)??,
            salt: row.next(bytes)?,
            digest: row.next(bytes)??,
            chain: row.next(bytes)??,
            body: row.next(bytes)?,
        })
    }
}

impl Row for StoredItem {
    fn read<F: Fields>(row: &mut F) -> Option<Self> {
        let (seq, ordinal) = (row.next(F::number)??, row.next(F::number)??);
        Some(StoredItem { seq, ordinal: i32::try_from(ordinal).ok()?, tag: row.next(text)??, value: row.next(text)? })
    }
}

fn text(field: &[u8]) -> Option<String> {
    Some(str::from_utf8(field).ok()?.to_owned())
}

fn bytes(field: &[u8]) -> Option<Vec<u8>> {
    Some(field.to_vec())
}
