//! Searching the log: pages of changes. Which way is taken depends on what is asked for: an account's entries and an
//! operator's have an index, and so have those of a kind other than callbacks; everything else walks along the log, a bounded
//! number of entries a page, and skips blocks that lie outside the times asked for. Entries are found first, and only their
//! items are read. So a page may be short, and says where to go on.

mod statements;

use super::blocks::{BLOCK, Times};
use super::model::Kind;
use super::query::{ChangeFilter, Direction, MAX_LIMIT, Page, Paging, Place};
use super::rows::Change;
use super::{Dialect, Result, Store, either};

/// Entries that the steps of a walk along the log look at: enough for the largest page where everything matches.
const STRIDES: [i64; 4] = [512, 1024, 2048, 2048];
/// Steps of a walk through an index.
const STEPS: usize = 6;
/// Entries found at a time.
const ENTRIES: std::ops::RangeInclusive<usize> = 16..=256;
/// The same where few of those found may have the tag.
const BEFORE_TAGS: usize = 1024;
/// Years 1970 and 9999: what is stored lies between.
const EVER: Times = (0, 253_402_300_800_000);

impl Store {
    /// A page of changes.
    pub async fn changes(&self, filter: &ChangeFilter, paging: Paging) -> Result<Page<Change>> {
        let (dialect, Paging { direction, after, .. }) = (self.dialect()?, paging);
        let limit = usize::try_from(paging.limit.clamp(1, MAX_LIMIT)).unwrap_or(usize::MAX);
        let mut walk = Walk { dialect, filter, direction, after, limit, items: Vec::new() };
        let next = match (&filter.account, &filter.operator, filter.kind) {
            (None, None, None | Some(Kind::Callback)) => walk.along_the_log().await?,
            _ => walk.through_an_index().await?,
        };
        Ok(Page { items: walk.items, next })
    }
}

struct Walk<'a> {
    dialect: &'a Dialect,
    filter: &'a ChangeFilter,
    direction: Direction,
    /// Nothing up to here is of interest.
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
        let count = match self.filter.tag.is_some() && self.filter.asks_of_the_entry() {
            true => BEFORE_TAGS,
            false => self.limit.clamp(*ENTRIES.start(), *ENTRIES.end()),
        };
        let mut at = match (self.direction, self.after) {
            (Direction::NewestFirst, after) => after.map_or(last, |place| place.seq.min(last)),
            (Direction::OldestFirst, after) => after.map_or(first, |place| place.seq.max(first)),
        };
        for stride in STRIDES {
            let Some(from) = self.skipped(at, newest_block).await? else { return Ok(None) };
            let (low, high) = match self.direction {
                Direction::NewestFirst => (from.saturating_sub(stride - 1).max(first), from),
                Direction::OldestFirst => (from, from.saturating_add(stride - 1).min(last)),
            };
            if low > high {
                return Ok(None);
            }
            let seqs =
                either!(self.dialect, store => store.within(self.filter, self.direction, (low, high), count).await)?;
            let is_searched = seqs.len() < count;
            let found = seqs.last().copied();
            if let Some(next) = self.take(seqs).await? {
                return Ok(Some(next));
            }
            at = match (self.direction, found.filter(|_| !is_searched)) {
                (Direction::NewestFirst, found) => found.unwrap_or(low) - 1,
                (Direction::OldestFirst, found) => found.unwrap_or(high) + 1,
            };
            if at < first || at > last {
                return Ok(None);
            }
        }
        Ok(Some(match self.direction {
            Direction::NewestFirst => Place { seq: at + 1, ordinal: 0 },
            Direction::OldestFirst => Place { seq: at - 1, ordinal: i32::MAX },
        }))
    }

    async fn through_an_index(&mut self) -> Result<Option<Place>> {
        let mut count = self.limit.clamp(*ENTRIES.start(), *ENTRIES.end());
        for _ in 0..STEPS {
            let seqs =
                either!(self.dialect, store => store.matching(self.filter, self.direction, self.after, count).await)?;
            let Some(last) = seqs.last().copied() else { return Ok(None) };
            let is_end = seqs.len() < count;
            if let Some(next) = self.take(seqs).await? {
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

    /// These entries' items. Where the next page goes on, if this one is full.
    async fn take(&mut self, seqs: Vec<i64>) -> Result<Option<Place>> {
        if !seqs.is_empty() {
            let limit = self.limit - self.items.len();
            let rows = either!(self.dialect, store => store.rows(self.filter, self.direction, self.after, &seqs, limit).await)?;
            self.items.extend(rows);
        }
        Ok(self.items.last().filter(|_| self.items.len() == self.limit).map(Change::place))
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

            async fn within(
                &self,
                filter: &ChangeFilter,
                direction: Direction,
                range: (i64, i64),
                count: usize,
            ) -> Result<Vec<i64>> {
                let mut query = statements::within::<$db>(filter, direction, range, count);
                Ok(query.build_query_scalar().fetch_all(self.readers()).await?)
            }

            async fn rows(
                &self,
                filter: &ChangeFilter,
                direction: Direction,
                after: Option<Place>,
                seqs: &[i64],
                limit: usize,
            ) -> Result<Vec<Change>> {
                let mut query = statements::rows::<$db>(filter, direction, after, seqs, limit);
                Ok(query.build_query_as().fetch_all(self.readers()).await?)
            }
        }
    };
}

searches!(super::postgres::Postgres, sqlx::Postgres);
searches!(super::sqlite::Sqlite, sqlx::Sqlite);
