//! Searching the log: pages of changes. Which way is taken depends on what is asked for: an account's entries and an
//! operator's have an index; everything else walks along the log, a bounded number of entries a page, and skips blocks that
//! lie outside the times asked for. So a page may be short, and says where to go on.

mod statements;

use super::blocks::{BLOCK, Times};
use super::query::{ChangeFilter, Direction, MAX_LIMIT, Page, Paging, Place};
use super::rows::Change;
use super::{Dialect, Result, Store, either};
use statements::Among;

/// Entries a walk along the log looks at first, and at most at a time. Four times as many each time.
const FIRST_STEP: i64 = 256;
/// Steps of a page.
const STEPS: usize = 6;
/// An account's or operator's entries at a time.
const ENTRIES: std::ops::RangeInclusive<usize> = 16..=256;
/// Years 1970 and 9999: what is stored lies between.
const EVER: Times = (0, 253_402_300_800_000);

impl Store {
    /// A page of changes.
    pub async fn changes(&self, filter: &ChangeFilter, paging: Paging) -> Result<Page<Change>> {
        let (dialect, Paging { direction, after, .. }) = (self.dialect()?, paging);
        let limit = usize::try_from(paging.limit.clamp(1, MAX_LIMIT)).unwrap_or(usize::MAX);
        let mut walk = Walk { dialect, filter, direction, after, limit, items: Vec::new() };
        let next = match (&filter.account, &filter.operator) {
            (None, None) => walk.along_the_log().await?,
            _ => walk.through_an_index().await?,
        };
        Ok(Page { items: walk.items, next })
    }
}

struct Walk<'a> {
    dialect: &'a Dialect,
    filter: &'a ChangeFilter,
    direction: Direction,
    /// Nothing up to here is of interest any more.
    after: Option<Place>,
    limit: usize,
    items: Vec<Change>,
}

impl Walk<'_> {
    async fn along_the_log(&mut self) -> Result<Option<Place>> {
        let Some((first, last)) = either!(self.dialect, store => store.ends().await)? else { return Ok(None) };
        let newest_block = match self.times() {
            EVER => None,
            _ => either!(self.dialect, store => store.newest_block().await)?,
        };
        let mut step = FIRST_STEP;
        for _ in 0..STEPS {
            let at = match (self.direction, self.after) {
                (Direction::NewestFirst, after) => after.map_or(last, |place| place.seq.min(last)),
                (Direction::OldestFirst, after) => after.map_or(first, |place| place.seq.max(first)),
            };
            let Some(at) = self.skipped(at, newest_block).await? else { return Ok(None) };
            let (low, high) = match self.direction {
                Direction::NewestFirst => (at.saturating_sub(step - 1).max(first), at),
                Direction::OldestFirst => (at, at.saturating_add(step - 1).min(last)),
            };
            if low > high {
                return Ok(None);
            }
            let rows = self.rows(&Among::Range(low, high)).await?;
            if let Some(next) = self.take(rows) {
                return Ok(Some(next));
            }
            let (is_end, next) = match self.direction {
                Direction::NewestFirst => (low == first, Place { seq: low, ordinal: 0 }),
                Direction::OldestFirst => (high == last, Place { seq: high, ordinal: i32::MAX }),
            };
            if is_end {
                return Ok(None);
            }
            // The next entry, so that skipping looks at its block and not at this one's again.
            self.after = Some(match self.direction {
                Direction::NewestFirst => Place { seq: next.seq - 1, ordinal: i32::MAX },
                Direction::OldestFirst => Place { seq: next.seq + 1, ordinal: -1 },
            });
            step = (step * 4).min(BLOCK);
        }
        Ok(self.after.map(|place| match self.direction {
            Direction::NewestFirst => Place { seq: place.seq + 1, ordinal: 0 },
            Direction::OldestFirst => Place { seq: place.seq - 1, ordinal: i32::MAX },
        }))
    }

    async fn through_an_index(&mut self) -> Result<Option<Place>> {
        let mut count = self.limit.clamp(*ENTRIES.start(), *ENTRIES.end());
        for _ in 0..STEPS {
            let seqs =
                either!(self.dialect, store => store.matching(self.filter, self.direction, self.after, count).await)?;
            let Some(last) = seqs.last().copied() else { return Ok(None) };
            let is_end = seqs.len() < count;
            let rows = self.rows(&Among::These(seqs)).await?;
            if let Some(next) = self.take(rows) {
                return Ok(Some(next));
            }
            if is_end {
                return Ok(None);
            }
            let ordinal = if self.direction == Direction::NewestFirst { 0 } else { i32::MAX };
            self.after = Some(Place { seq: last, ordinal });
            count = *ENTRIES.end();
        }
        Ok(self.after)
    }

    async fn rows(&self, among: &Among) -> Result<Vec<Change>> {
        let limit = self.limit - self.items.len();
        either!(self.dialect, store => store.rows(self.filter, self.direction, self.after, among, limit).await)
    }

    /// Where the next page goes on, if this one is full.
    fn take(&mut self, rows: Vec<Change>) -> Option<Place> {
        self.items.extend(rows);
        let last = self.items.last().filter(|_| self.items.len() == self.limit)?;
        Some(Place { seq: last.seq, ordinal: last.ordinal })
    }

    fn times(&self) -> Times {
        (self.filter.since.unwrap_or(EVER.0), self.filter.until.unwrap_or(EVER.1))
    }

    /// The first sequence, from this one on, whose block may hold something received at the times asked for. Blocks that are
    /// not full yet always may.
    async fn skipped(&self, at: i64, newest_block: Option<i64>) -> Result<Option<i64>> {
        let (block, times) = (at / BLOCK, self.times());
        let Some(newest) = newest_block.filter(|newest| block <= *newest && times != EVER) else { return Ok(Some(at)) };
        Ok(match self.direction {
            Direction::NewestFirst => either!(self.dialect, store => store.block_before(block, times).await)?
                .map(|found| at.min(found * BLOCK + BLOCK - 1)),
            Direction::OldestFirst => {
                Some(match either!(self.dialect, store => store.block_after(block, times).await)? {
                    Some(found) => at.max(found * BLOCK),
                    None => (newest + 1) * BLOCK,
                })
            }
        })
    }
}

const ENDS: &str = "-- ends
SELECT min(seq), max(seq) FROM callbacks";

macro_rules! searches {
    ($store:ty, $db:ty) => {
        impl $store {
            pub(super) async fn ends(&self) -> Result<Option<(i64, i64)>> {
                let (first, last): (Option<i64>, Option<i64>) = sqlx::query_as(ENDS).fetch_one(self.readers()).await?;
                Ok(first.zip(last))
            }

            async fn matching(
                &self,
                filter: &ChangeFilter,
                direction: Direction,
                after: Option<Place>,
                count: usize,
            ) -> Result<Vec<i64>> {
                let mut query = statements::matching::<$db>(filter, direction, after, count);
                Ok(query.build_query_scalar().fetch_all(self.readers()).await?)
            }

            async fn rows(
                &self,
                filter: &ChangeFilter,
                direction: Direction,
                after: Option<Place>,
                among: &Among,
                limit: usize,
            ) -> Result<Vec<Change>> {
                let mut query = statements::rows::<$db>(filter, direction, after, among, limit);
                let is_common = matches!(among, Among::Range(..));
                Ok(query.build_query_as().persistent(is_common).fetch_all(self.readers()).await?)
            }
        }
    };
}

searches!(super::postgres::Postgres, sqlx::Postgres);
searches!(super::sqlite::Sqlite, sqlx::Sqlite);
