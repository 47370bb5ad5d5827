//! Following the log: what matches, as it is recorded.

use super::query::{ChangeFilter, Paging, Place};
use super::rows::Change;
use super::{Result, Store};

/// A reader that goes along with the log.
#[derive(Debug)]
pub struct Tail {
    filter: ChangeFilter,
    after: Place,
}

impl Tail {
    /// What matches beyond this place.
    pub fn new(filter: ChangeFilter, after: Place) -> Self {
        Tail { filter, after }
    }

    /// The next that match, so many at most; none when there are no more so far.
    pub async fn next(&mut self, store: &Store, limit: u32) -> Result<Vec<Change>> {
        loop {
            let end = store.end().await?;
            if end <= self.after {
                return Ok(Vec::new());
            }
            let page = store.changes(&self.filter, Paging::oldest(Some(self.after), limit)).await?;
            // Nothing is ever recorded before the end: a search that found nothing up to there need not look again.
            let searched = page.items.last().map_or(end, |change| change.place().max(end));
            self.after = page.next.unwrap_or(searched);
            if !page.items.is_empty() || page.next.is_none() {
                return Ok(page.items);
            }
        }
    }
}

impl Store {
    /// Where the log ends now: what is recorded from now on is beyond.
    pub async fn end(&self) -> Result<Place> {
        Ok(Place { seq: self.head().await?.seq, ordinal: i32::MAX })
    }
}
