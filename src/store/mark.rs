//! How far each reconciliation has come, so that one that was interrupted goes on. The statements differ in nothing but the clock.

use super::stamp::Stamp;
use super::{Dialect, Result, Store, either, postgres, sqlite};

/// A reconciliation of an app: the service's and the command's do not mind each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// SDKAppID
    pub app: i64,
    /// Whose: `serve`, `command`.
    pub name: &'static str,
}

/// When a reconciliation may begin or go on. Milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Due {
    /// A new one so long after the last one began.
    pub every: i64,
    /// One that did not end when nobody has moved it for so long.
    pub idle: i64,
}

impl Due {
    /// Always, also where the database's clock was set back.
    pub const NOW: Due = Due { every: -DECADE, idle: -DECADE };
}

const DECADE: i64 = 10 * 365 * 24 * 3_600_000;

/// One that has begun. Several may be at it; who is still at one when the next has begun does not move that one's mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    mark: Mark,
    begun_at: Stamp,
}

impl Store {
    /// Begins a reconciliation, or goes on with one, if it is due: which, and after which account. Empty is the beginning.
    pub async fn begin_mark(&self, mark: Mark, due: Due) -> Result<Option<(Round, String)>> {
        let begun = either!(self.dialect()?, store => store.begin_mark(mark, due).await)?;
        Ok(begun.map(|(begun_at, after)| (Round { mark, begun_at }, after)))
    }

    /// Everything up to this account is done.
    pub async fn move_mark(&self, round: Round, after: &str) -> Result<()> {
        either!(self.dialect()?, store => store.move_mark(round, after).await)
    }

    /// Nobody is at it any more; whoever is due goes on.
    pub async fn leave_mark(&self, round: Round) -> Result<()> {
        either!(self.dialect()?, store => store.leave_mark(round).await)
    }

    /// All is done.
    pub async fn end_mark(&self, round: Round) -> Result<()> {
        either!(self.dialect()?, store => store.end_mark(round).await)
    }
}

const LEAVE: &str = "-- mark
UPDATE reconciliations SET moved_at = NULL WHERE sdk_app_id = $1 AND name = $2 AND begun_at = $3 AND ended_at IS NULL";

/// Of an erased account nothing stays; what was under way begins anew.
pub(super) const FORGET: &str = "-- erase
UPDATE reconciliations SET after = '' WHERE sdk_app_id = $1 AND after = $2";

macro_rules! marks {
    ($store:ty, $transaction:path, now: $now:literal, ago: [$every:literal, $idle:literal]) => {
        impl $store {
            pub(super) async fn begin_mark(&self, mark: Mark, due: Due) -> Result<Option<(Stamp, String)>> {
                const BEGIN: &str = concat!(
                    "-- mark
INSERT INTO reconciliations AS r (sdk_app_id, name, begun_at, moved_at, after)
VALUES ($1, $2, ", $now, ", ", $now, ", '')
ON CONFLICT (sdk_app_id, name) DO UPDATE
   SET begun_at = CASE WHEN r.ended_at IS NULL THEN r.begun_at ELSE excluded.begun_at END,
       moved_at = excluded.moved_at, ended_at = NULL
 WHERE CASE WHEN r.ended_at IS NULL THEN coalesce(r.moved_at <= ", $idle, ", (1 = 1)) ELSE r.begun_at <= ", $every, " END
RETURNING begun_at, after"
                );
                $transaction!(self, connection => {
                    let query = sqlx::query_as(BEGIN).bind(mark.app).bind(mark.name).bind(due.every).bind(due.idle);
                    query.fetch_optional(connection).await
                })
            }

            pub(super) async fn move_mark(&self, Round { mark, begun_at }: Round, after: &str) -> Result<()> {
                const MOVE: &str = concat!(
                    "-- mark
UPDATE reconciliations SET after = $4, moved_at = ", $now, "
 WHERE sdk_app_id = $1 AND name = $2 AND begun_at = $3 AND ended_at IS NULL"
                );
                $transaction!(self, connection => {
                    let query = sqlx::query(MOVE).bind(mark.app).bind(mark.name).bind(begun_at).bind(after);
                    query.execute(connection).await.map(drop)
                })
            }

            pub(super) async fn leave_mark(&self, Round { mark, begun_at }: Round) -> Result<()> {
                $transaction!(self, connection => {
                    let query = sqlx::query(LEAVE).bind(mark.app).bind(mark.name).bind(begun_at);
                    query.execute(connection).await.map(drop)
                })
            }

            pub(super) async fn end_mark(&self, Round { mark, begun_at }: Round) -> Result<()> {
                const END: &str = concat!(
                    "-- mark
UPDATE reconciliations SET after = '', moved_at = NULL, ended_at = ", $now, "
 WHERE sdk_app_id = $1 AND name = $2 AND begun_at = $3 AND ended_at IS NULL"
                );
                $transaction!(self, connection => {
                    let query = sqlx::query(END).bind(mark.app).bind(mark.name).bind(begun_at);
                    query.execute(connection).await.map(drop)
                })
            }
        }
    };
}

marks!(
    postgres::Postgres,
    postgres::transaction,
    now: "date_trunc('milliseconds', clock_timestamp())",
    ago: ["clock_timestamp() - $3 * interval '1 millisecond'", "clock_timestamp() - $4 * interval '1 millisecond'"]
);
marks!(
    sqlite::Sqlite,
    sqlite::transaction,
    now: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    ago: ["CAST(unixepoch('subsec') * 1000 AS INTEGER) - $3", "CAST(unixepoch('subsec') * 1000 AS INTEGER) - $4"]
);
