//! Retention: drops the oldest entries part by part, each a partition (Postgres) or as many entries as a few transactions take
//! (SQLite). First the anchor is written, which the rest of the chain hangs on; then what it stands for goes, in steps none of
//! which appends wait for. Whoever prunes next goes on where one was interrupted.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::blocks::BLOCK;
use super::model::Head;
use super::stamp::Stamp;
use super::{Dialect, Result, Store, StoreError, either, postgres, sqlite};
use crate::protocol::time::{Millis, rfc3339};

/// Between two steps, so that whoever appends in another process finds its turn.
const BREATH: Duration = Duration::from_millis(20);
/// Between two looks whether those who still read what is to go have ended.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// The last entry that went.
    pub head: Head,
    /// Some of it is still there.
    pub is_under_way: bool,
}

/// The oldest part of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its first entry.
    pub first: i64,
    /// Its last one.
    pub last: Head,
    /// How many there are.
    pub entries: i64,
    /// The latest of them was received then.
    pub latest: Millis,
}

/// A handler that is not done with a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its name.
    pub handler: String,
    /// The first entry it still needs.
    pub needs: i64,
}

impl Display for Part {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Part { first, last, entries, latest } = self;
        write!(f, "{entries} entries, {first} to {}, the latest received {},", last.seq, rfc3339(*latest))
    }
}

impl Display for Holder {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "handler {} still needs entry {}", self.handler, self.needs)
    }
}

/// The time so many days ago.
pub fn before_days(now: Millis, days: u32) -> Millis {
    now - i64::from(days) * 86_400_000
}

/// What is to be pruned.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// What was received before then.
    pub before: Millis,
    /// Also what handlers still need.
    pub force: bool,
}

/// How far pruning has come.
#[derive(Debug, Clone, Copy)]
pub enum News<'a> {
    /// Something of a part is gone.
    Step,
    /// Somebody reads what is to go, or another process prunes: it goes on when they have ended.
    Waiting,
    /// A part is gone.
    Dropped(&'a Part),
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Something is gone, there is more.
    Taken,
    /// Somebody is in the way.
    Waiting,
    /// Nothing is left of what was begun.
    Done,
}

/// Prunes. Where handlers hold it back: the part and who.
pub async fn run(
    store: &Store,
    rules: Rules,
    mut tell: impl FnMut(News<'_>) + Send,
) -> Result<Option<(Part, Vec<Holder>)>> {
    finish(store, &mut tell).await?;
    loop {
        let after = store.anchor().await?.map_or(0, |anchor| anchor.head.seq);
        let Some(part) = store.oldest_part(after, rules.before).await? else { return Ok(None) };
        let holders = if rules.force { Vec::new() } else { store.holders(part.last.seq).await? };
        if !holders.is_empty() {
            return Ok(Some((part, holders)));
        }
        store.begin_pruning(&part).await?;
        finish(store, &mut tell).await?;
        tell(News::Dropped(&part));
    }
}

async fn finish(store: &Store, tell: &mut (impl FnMut(News<'_>) + Send)) -> Result<()> {
    loop {
        match store.prune_step().await? {
            Step::Done => return Ok(()),
            Step::Taken => {
                tell(News::Step);
                tokio::time::sleep(BREATH).await;
            }
            Step::Waiting => {
                tell(News::Waiting);
                tokio::time::sleep(PATIENCE).await;
            }
        }
    }
}

const ANCHOR: &str = "-- anchor
SELECT seq, chain, EXISTS (SELECT 1 FROM pruning) FROM anchors ORDER BY seq DESC LIMIT 1";

const SPAN: &str = "-- prune
SELECT entries FROM span";

/// A part's last entry, if the log goes on after it.
const LAST: &str = "-- prune
SELECT chain, received_at FROM callbacks WHERE seq = $1 AND EXISTS (SELECT 1 FROM callbacks WHERE seq > $1)";

const CONTENTS: &str = "-- prune
SELECT min(seq), count(*), max(received_at) FROM callbacks WHERE seq > $1 AND seq <= $2";

const NEEDS: &str = "-- prune
SELECT s.handler, s.position,
       (SELECT min(d.seq) FROM deliveries d WHERE d.handler = s.handler AND d.state = 'waiting')
  FROM subscriptions s ORDER BY s.handler";

/// Another process may have begun with the same part.
const BEGIN: [&str; 2] = [
    "-- prune
INSERT INTO anchors (seq, chain, first_seq, entries, latest)
SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (SELECT 1 FROM anchors WHERE seq >= $1) ON CONFLICT DO NOTHING",
    "-- prune
INSERT INTO pruning (up_to) VALUES ($1) ON CONFLICT DO NOTHING",
];

const UNDER_WAY: &str = "-- prune
SELECT max(up_to) FROM pruning";

const LEFT_OVERS: [&str; 3] = [
    "-- prune
DELETE FROM deliveries WHERE seq <= $1",
    "-- prune
DELETE FROM blocks WHERE block < ($1 + CAST(1 AS bigint)) / $2",
    "-- prune
DELETE FROM pruning WHERE up_to <= $1",
];

impl Store {
    /// The last entry that was pruned; the log begins after it.
    pub async fn anchor(&self) -> Result<Option<Anchor>> {
        either!(self.dialect()?, store => store.anchor().await)
    }

    /// Whether our role may prune.
    pub async fn may_prune(&self) -> Result<bool> {
        match self.dialect()? {
            Dialect::Postgres(store) => store.may_prune().await,
            Dialect::Sqlite(_) => Ok(true),
        }
    }

    /// The part after this entry, if all of it was received before then and the log goes on after it.
    pub async fn oldest_part(&self, after: i64, before: Millis) -> Result<Option<Part>> {
        either!(self.dialect()?, store => store.oldest_part(after, before).await)
    }

    /// The handlers that still need an entry up to this one.
    pub async fn holders(&self, last: i64) -> Result<Vec<Holder>> {
        either!(self.dialect()?, store => store.holders(last).await)
    }

    /// Writes the anchor: from now on what is at or below it may go.
    pub async fn begin_pruning(&self, part: &Part) -> Result<()> {
        either!(self.dialect()?, store => store.begin_pruning(part).await)
    }

    /// Drops something of what is at or below the anchor.
    pub async fn prune_step(&self) -> Result<Step> {
        either!(self.dialect()?, store => store.prune_step().await)
    }
}

macro_rules! prunes {
    ($store:ty, $db:ty, $transaction:path) => {
        const _: () = {
            use $transaction as transaction;

            impl $store {
                pub(super) async fn anchor(&self) -> Result<Option<Anchor>> {
                    let row: Option<(i64, Vec<u8>, bool)> =
                        sqlx::query_as(ANCHOR).fetch_optional(self.readers()).await?;
                    row.map(|(seq, chain, is_under_way)| Ok(Anchor { head: Head::stored(seq, chain)?, is_under_way }))
                        .transpose()
                }

                pub(super) async fn oldest_part(&self, after: i64, before: Millis) -> Result<Option<Part>> {
                    let span: i64 = sqlx::query_scalar(SPAN).fetch_one(self.readers()).await?;
                    let last = ((after + 1) / span + 1) * span - 1;
                    let row: Option<(Vec<u8>, Stamp)> =
                        sqlx::query_as(LAST).bind(last).fetch_optional(self.readers()).await?;
                    // Most of the time it is too young: that is known from its last entry.
                    let Some((chain, _)) = row.filter(|(_, received_at)| received_at.0 < before) else {
                        return Ok(None);
                    };
                    let (first, entries, latest): (i64, i64, Stamp) =
                        sqlx::query_as(CONTENTS).bind(after).bind(last).fetch_one(self.readers()).await?;
                    let part = Part { first, last: Head::stored(last, chain)?, entries, latest: latest.0 };
                    Ok(Some(part).filter(|part| part.latest < before))
                }

                pub(super) async fn holders(&self, last: i64) -> Result<Vec<Holder>> {
                    let rows: Vec<(String, i64, Option<i64>)> = sqlx::query_as(NEEDS).fetch_all(self.readers()).await?;
                    let holders = rows.into_iter().map(|(handler, position, waiting)| Holder {
                        handler,
                        needs: waiting.unwrap_or(i64::MAX).min(position + 1),
                    });
                    Ok(holders.filter(|holder| holder.needs <= last).collect())
                }

                pub(super) async fn begin_pruning(&self, part: &Part) -> Result<()> {
                    let latest = Stamp(part.latest);
                    transaction!(self, connection => async {
                                        sqlx::query(BEGIN[0])
                                            .bind(part.last.seq)
                                            .bind(&part.last.chain[..])
                                            .bind(part.first)
                                            .bind(part.entries)
                                            .bind(latest)
                                            .execute(&mut *connection)
                                            .await?;
                                        sqlx::query(BEGIN[1]).bind(part.last.seq).execute(&mut *connection).await?;
                                        Ok::<_, StoreError>(())
                                    }
                                    .await)
                }

                /// Up to which entry the log is being dropped.
                pub(super) async fn pruning_up_to(
                    connection: &mut <$db as sqlx::Database>::Connection,
                ) -> Result<Option<i64>> {
                    Ok(sqlx::query_scalar(UNDER_WAY).fetch_one(connection).await?)
                }

                /// What told about entries that are gone goes too.
                pub(super) async fn drop_left_overs(
                    connection: &mut <$db as sqlx::Database>::Connection,
                    up_to: i64,
                ) -> Result<()> {
                    let [deliveries, blocks, pruning] = LEFT_OVERS;
                    sqlx::query(deliveries).bind(up_to).execute(&mut *connection).await?;
                    sqlx::query(blocks).bind(up_to).bind(BLOCK).execute(&mut *connection).await?;
                    sqlx::query(pruning).bind(up_to).execute(connection).await?;
                    Ok(())
                }
            }
        };
    };
}

prunes!(postgres::Postgres, sqlx::Postgres, postgres::transaction);
prunes!(sqlite::Sqlite, sqlx::Sqlite, sqlite::transaction);
