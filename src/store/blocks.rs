//! Blocks: when the entries of each 4,096 sequences were received, so that a search by time skips what lies outside, exactly,
//! although what waited in a spool is recorded late. The statements are the same text in both dialects.

use super::stamp::Stamp;
use super::{Dialect, Result, Store, either, postgres, sqlite};
use crate::protocol::time::Millis;

/// Sequences in a block.
pub(super) const BLOCK: i64 = 4096;
/// Blocks one call adds at most.
const AT_ONCE: i64 = 64;

const BOUNDS: &str = "-- blocks
SELECT (SELECT max(block) + 1 FROM blocks), (SELECT min(seq) FROM callbacks), (SELECT max(seq) FROM callbacks)";

const ADD: &str = "-- blocks
INSERT INTO blocks (block, earliest, latest)
SELECT $1, min(received_at), max(received_at) FROM callbacks WHERE seq >= $2 AND seq < $3 HAVING count(*) > 0
ON CONFLICT (block) DO NOTHING";

const NEWEST: &str = "-- blocks
SELECT max(block) FROM blocks";

const BEFORE: &str = "-- blocks
SELECT block FROM blocks WHERE block <= $1 AND latest >= $2 AND earliest < $3 ORDER BY block DESC LIMIT 1";

const AFTER: &str = "-- blocks
SELECT block FROM blocks WHERE block >= $1 AND latest >= $2 AND earliest < $3 ORDER BY block LIMIT 1";

const SINCE: &str = "-- blocks
SELECT block, earliest, latest FROM blocks WHERE latest >= $1 ORDER BY block";

const RECEIVED: &str = "-- blocks
SELECT received_at FROM callbacks WHERE seq >= $1 AND seq < $2 AND received_at >= $3";

/// A time from which on, and one before which.
pub(super) type Times = (Millis, Millis);

/// A full block.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub(super) struct Block {
    pub block: i64,
    pub earliest: Stamp,
    pub latest: Stamp,
}

/// Milliseconds.
const HOUR: i64 = 3_600_000;

impl Store {
    /// Adds to the index over time what has filled up since. Returns how many blocks.
    pub async fn add_blocks(&self) -> Result<u64> {
        either!(self.dialect()?, store => store.add_blocks().await)
    }

    /// How many callbacks were received in each hour of these, the first of which begins at `since`.
    pub async fn per_hour(&self, since: Millis, hours: usize) -> Result<Vec<u64>> {
        per_hour(self.dialect()?, since, hours).await
    }
}

/// Blocks within one hour count whole; what lies across two hours, and what is not in a block yet, is read.
async fn per_hour(dialect: &Dialect, since: Millis, hours: usize) -> Result<Vec<u64>> {
    let mut counts = vec![0; hours];
    let Some((_, last)) = either!(dialect, store => store.ends().await)? else { return Ok(counts) };
    let blocks = either!(dialect, store => store.blocks_since(since).await)?;
    let tail = either!(dialect, store => store.newest_block().await)?.map_or(0, |newest| newest + 1) * BLOCK;
    let hour = |time: Millis| usize::try_from((time - since).div_euclid(HOUR)).ok().filter(|hour| *hour < hours);
    let mut count = |time: Millis, entries: u64| {
        if let Some(hour) = hour(time) {
            counts[hour] += entries;
        }
    };
    let mut read = Vec::new();
    for block in blocks {
        match hour(block.earliest.0) == hour(block.latest.0) && block.earliest.0 >= since {
            true => count(block.earliest.0, BLOCK.unsigned_abs()),
            false => read.push((block.block * BLOCK, (block.block + 1) * BLOCK)),
        }
    }
    read.push((tail, last + 1));
    for (from, to) in read {
        let times = either!(dialect, store => store.received(from, to, since).await)?;
        times.into_iter().for_each(|time| count(time.0, 1));
    }
    Ok(counts)
}

macro_rules! blocks {
    ($store:ty, $transaction:path) => {
        const _: () = {
            use $transaction as transaction;

            impl $store {
                /// Adds blocks that have filled up; how many.
                pub(super) async fn add_blocks(&self) -> Result<u64> {
                    let (next, first, last): (Option<i64>, Option<i64>, Option<i64>) =
                        sqlx::query_as(BOUNDS).fetch_one(self.readers()).await?;
                    let (Some(first), Some(last)) = (first, last) else { return Ok(0) };
                    let next = next.unwrap_or(0).max(first / BLOCK);
                    let full = ((last + 1) / BLOCK).min(next + AT_ONCE);
                    for block in next..full {
                        let add = sqlx::query(ADD).bind(block).bind(block * BLOCK).bind((block + 1) * BLOCK);
                        let added: Result<_> = transaction!(self, connection => add.execute(connection).await);
                        added?;
                    }
                    Ok((full - next).max(0).unsigned_abs())
                }

                /// The newest full block.
                pub(super) async fn newest_block(&self) -> Result<Option<i64>> {
                    Ok(sqlx::query_scalar(NEWEST).fetch_one(self.readers()).await?)
                }

                /// The last full block up to this one that may hold something received at these times.
                pub(super) async fn block_before(&self, block: i64, times: Times) -> Result<Option<i64>> {
                    let found = sqlx::query_scalar(BEFORE).bind(block).bind(Stamp(times.0)).bind(Stamp(times.1));
                    Ok(found.fetch_optional(self.readers()).await?)
                }

                /// The first full block from this one on.
                pub(super) async fn block_after(&self, block: i64, times: Times) -> Result<Option<i64>> {
                    let found = sqlx::query_scalar(AFTER).bind(block).bind(Stamp(times.0)).bind(Stamp(times.1));
                    Ok(found.fetch_optional(self.readers()).await?)
                }

                /// Full blocks that may hold something received from then on.
                pub(super) async fn blocks_since(&self, since: Millis) -> Result<Vec<Block>> {
                    Ok(sqlx::query_as(SINCE).bind(Stamp(since)).fetch_all(self.readers()).await?)
                }

                /// When the entries from one sequence to before another were received, those from then on.
                pub(super) async fn received(&self, from: i64, to: i64, since: Millis) -> Result<Vec<Stamp>> {
                    let found = sqlx::query_scalar(RECEIVED).bind(from).bind(to).bind(Stamp(since));
                    Ok(found.fetch_all(self.readers()).await?)
                }
            }
        };
    };
}

blocks!(postgres::Postgres, postgres::transaction);
blocks!(sqlite::Sqlite, sqlite::transaction);
