//! What the log's erasures say, all of them at once: an erasure comes after what it names.

use std::collections::HashMap;

use crate::store::chain::{self, Hash, Personal};
use crate::store::erasure::Record;
use crate::store::{Store, StoreError};

/// Erasures read at a time.
const AT_ONCE: u32 = 100;

pub(super) struct Erasures {
    /// The newest of them; 0 when there is none.
    pub newest: i64,
    remains: HashMap<i64, Hash>,
}

impl Erasures {
    /// Reads them. One that does not hold by itself counts for nothing, and is named when its turn comes.
    pub async fn read(store: &Store) -> Result<Self, StoreError> {
        let mut erasures = Erasures { newest: 0, remains: HashMap::new() };
        loop {
            let entries = store.erasures(erasures.newest, AT_ONCE).await?;
            let Some(last) = entries.last() else { return Ok(erasures) };
            erasures.newest = last.seq;
            for entry in &entries {
                let Some(body) = &entry.body else { continue };
                let personal = Personal { salt: entry.salt.as_deref(), body: Some(body), ..Personal::default() };
                if chain::digest(&personal)[..] == entry.digest[..]
                    && let Ok(record) = Record::of(entry.seq, body)
                {
                    erasures.remains.extend(record.erased.into_iter().map(|named| (named.seq, named.remains)));
                }
            }
        }
    }

    /// What is to be left of this entry; none if it was not erased.
    pub fn remains_of(&self, seq: i64) -> Option<&Hash> {
        self.remains.get(&seq)
    }
}
