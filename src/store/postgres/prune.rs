//! Pruning on Postgres: partitions are detached and dropped, one step at a time on a connection of its own.
//!
//! Nothing here waits long under a lock. DETACH … CONCURRENTLY marks the partition, so that whoever begins to read does not see
//! it any more, and then waits for those who began before: for `lock_timeout` at most. Then it is left pending and FINALIZE is
//! tried, again with that limit, until they have ended. In between no lock is held, so that partitions can be attached ahead.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use super::Postgres;
use crate::store::prune::Step;
use crate::store::{Result, StoreError};

const MAY_PRUNE: &str = "-- prune
SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'callbacks'::regclass";

/// One at a time; of whoever is killed, the lock goes with the connection.
const LOCK: &str = "-- prune
SELECT pg_try_advisory_lock(1886351991, 'callbacks'::regclass::oid::integer)";
const UNLOCK: &str = "-- prune
SELECT pg_advisory_unlock(1886351991, 'callbacks'::regclass::oid::integer)";

/// What of the log's partitions is still there, items first: callbacks without their items do no harm.
const NEXT: &str = "-- prune
SELECT parent.oid::regclass::text AS parent, child.oid::regclass::text AS child, i.inhdetachpending AS pending
  FROM (SELECT unnest(ARRAY['callbacks', 'profile_changes'])::regclass::oid AS oid) AS named
  JOIN pg_class parent ON parent.oid = named.oid
  JOIN pg_class child ON child.relnamespace = parent.relnamespace AND child.relkind = 'r'
       AND child.relname ~ ('^' || parent.relname || '_[0-9]{6,}$')
  LEFT JOIN pg_inherits i ON i.inhrelid = child.oid AND i.inhparent = parent.oid
 WHERE (substring(child.relname FROM '[0-9]+$')::bigint + 1) * (SELECT entries FROM span) <= $1 + 1
 ORDER BY substring(child.relname FROM '[0-9]+$')::bigint, parent.relname DESC LIMIT 1";

const MAY_FORGET_BLOCKS: &str = "-- prune
SET LOCAL portraitd.pruning = 'on'";

#[derive(sqlx::FromRow)]
struct Partition {
    parent: String,
    child: String,
    /// None once it is detached.
    pending: Option<bool>,
}

impl Partition {
    /// What is to be done with it next.
    fn step(&self) -> String {
        let Partition { parent, child, pending } = self;
        match pending {
            Some(false) => format!("-- prune\nALTER TABLE {parent} DETACH PARTITION {child} CONCURRENTLY"),
            Some(true) => format!("-- prune\nALTER TABLE {parent} DETACH PARTITION {child} FINALIZE"),
            None => format!("-- prune\nDROP TABLE {child}"),
        }
    }
}

impl Postgres {
    pub(in crate::store) async fn may_prune(&self) -> Result<bool> {
        Ok(sqlx::query_scalar(MAY_PRUNE).fetch_one(self.readers()).await?)
    }

    pub(in crate::store) async fn prune_step(&self) -> Result<Step> {
        let mut connection = self.options.connect().await?;
        let Some(up_to) = Self::pruning_up_to(&mut connection).await? else { return Ok(Step::Done) };
        let is_alone: bool = sqlx::query_scalar(LOCK).fetch_one(&mut connection).await?;
        if !is_alone {
            return Ok(Step::Waiting);
        }
        let step = step(&mut connection, up_to).await;
        connection.execute(UNLOCK).await?;
        connection.close().await?;
        step
    }
}

async fn step(connection: &mut PgConnection, up_to: i64) -> Result<Step> {
    let next: Option<Partition> = sqlx::query_as(NEXT).bind(up_to).fetch_optional(&mut *connection).await?;
    let Some(partition) = next else {
        let mut transaction = connection.begin().await?;
        transaction.execute(MAY_FORGET_BLOCKS).await?;
        Postgres::drop_left_overs(&mut transaction, up_to).await?;
        transaction.commit().await?;
        return Ok(Step::Done);
    };
    match sqlx::raw_sql(AssertSqlSafe(partition.step())).execute(connection).await {
        Ok(_) => Ok(Step::Taken),
        Err(error) if is_in_the_way(&error) => Ok(Step::Waiting),
        Err(error) => Err(StoreError::from(error)),
    }
}

/// `lock_timeout`.
fn is_in_the_way(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "55P03")
}
