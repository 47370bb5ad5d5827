//! Pruning on SQLite: entries are deleted, some thousand a transaction. The guards let through what is being pruned.

use sqlx::Executor;

use super::{Sqlite, transaction};
use crate::store::prune::Step;
use crate::store::{Result, StoreError};

/// Sequences a transaction.
const AT_ONCE: i64 = 2000;

const FIRST: &str = "-- prune
SELECT min(seq) FROM (SELECT min(seq) AS seq FROM callbacks UNION ALL SELECT min(seq) FROM profile_changes)";

const DELETE: [&str; 2] = [
    "-- prune
DELETE FROM profile_changes WHERE seq BETWEEN $1 AND $2",
    "-- prune
DELETE FROM callbacks WHERE seq BETWEEN $1 AND $2",
];

impl Sqlite {
    pub(in crate::store) async fn prune_step(&self) -> Result<Step> {
        transaction!(self, connection => async {
            // What is dropped is overwritten in the file.
            connection.execute("PRAGMA secure_delete = ON").await?;
            let Some(up_to) = Self::pruning_up_to(connection).await? else { return Ok(Step::Done) };
            let first: Option<i64> = sqlx::query_scalar(FIRST).fetch_one(&mut *connection).await?;
            let Some(first) = first.filter(|first| *first <= up_to) else {
                Self::drop_left_overs(connection, up_to).await?;
                return Ok(Step::Done);
            };
            for statement in DELETE {
                let last = up_to.min(first + AT_ONCE - 1);
                sqlx::query(statement).bind(first).bind(last).execute(&mut *connection).await?;
            }
            Ok::<_, StoreError>(Step::Taken)
        }
        .await)
    }
}
