//! The whole log as NDJSON, one line an entry, for a verifier outside: up to where the log ended when it began, a bounded part
//! at a time.

use std::collections::HashSet;
use std::sync::Arc;

use super::entry::Entry;
use crate::store::erasure::named;
use crate::store::{Store, StoreError, StoredEntry, StoredItem};

/// Entries of a part at most.
const AT_ONCE: i64 = 256;
/// Erasures read at a time.
const ERASURES: u32 = 100;

/// Why an export cannot be whole.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The store does not give it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is left of it is for a longer log.
    #[error("entry {0} was erased since the export began, which is not whole without it; run it again")]
    Erased(i64),
}

/// An export under way.
pub struct Export {
    store: Arc<Store>,
    head: i64,
    at: i64,
    entries: u64,
    /// The newest erasure that was looked at, and what was erased since it began.
    erasure: i64,
    erased: HashSet<i64>,
}

impl Export {
    /// Up to the log's end as it is now.
    pub async fn new(store: Arc<Store>) -> Result<Self, StoreError> {
        let head = store.head().await?.seq;
        let first = store.span().await?.map_or(1, |(first, _)| first.max(1));
        Ok(Export { store, head, at: first - 1, entries: 0, erasure: head, erased: HashSet::new() })
    }

    /// The next part; none when it is whole.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        if self.at >= self.head {
            return Ok(None);
        }
        let low = self.at + 1;
        let high = self.store.fitting(low, self.head.min(self.at + AT_ONCE)).await?;
        let (mut entries, mut items) = self.store.stored(low, high).await?;
        if is_torn(&entries, &items) {
            (entries, items) = self.store.stored(low, high).await?;
        }
        self.refuse_erased(&entries).await?;
        self.at = high;
        self.entries += entries.len() as u64;
        let (mut part, mut items) = (Vec::new(), &items[..]);
        for entry in entries {
            items = &items[items.partition_point(|item| item.seq < entry.seq)..];
            let (own, others) = items.split_at(items.partition_point(|item| item.seq == entry.seq));
            items = others;
            // Text and numbers can always be written as JSON.
            let _ = serde_json::to_writer(&mut part, &Entry::new(entry, own));
            part.push(b'\n');
        }
        Ok(Some(part))
    }

    /// What was erased meanwhile is named beyond the end: a verifier could not tell it from what was tampered with.
    async fn refuse_erased(&mut self, entries: &[StoredEntry]) -> Result<(), Broken> {
        if entries.iter().all(|entry| entry.body.is_some()) {
            return Ok(());
        }
        loop {
            let erasures = self.store.erasures(self.erasure, ERASURES).await?;
            let Some(newest) = erasures.last() else { break };
            self.erasure = newest.seq;
            self.erased.extend(erasures.iter().flat_map(named));
        }
        match entries.iter().find(|entry| entry.body.is_none() && self.erased.contains(&entry.seq)) {
            Some(entry) => Err(Broken::Erased(entry.seq)),
            None => Ok(()),
        }
    }

    /// Entries written so far.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// The last entry of the log that belongs to it.
    pub fn head(&self) -> i64 {
        self.head
    }

    /// How far along the log it is.
    pub fn at(&self) -> i64 {
        self.at
    }
}

/// Whether an entry was erased after it was read and before its items were.
fn is_torn(entries: &[StoredEntry], items: &[StoredItem]) -> bool {
    let mut erased = items.iter().filter(|item| item.value.is_none()).map(|item| item.seq);
    erased.any(|seq| entries.binary_search_by_key(&seq, |entry| entry.seq).is_ok_and(|at| entries[at].body.is_some()))
}
