//! What `portraitd doctor` says about a Postgres: what breaks durability, what binds the service, what runs out.

use super::Postgres;
use crate::protocol::time::Millis;
use crate::store::{Condition, Result};

const CONDITIONS: &str = "-- doctor
SELECT current_setting('server_version') AS version, current_setting('fsync') = 'on' AS fsync,
       current_setting('full_page_writes') = 'on' AS full_page_writes,
       current_setting('synchronous_standby_names') <> '' AS synchronous,
       (SELECT count(*) FROM pg_stat_replication) AS standbys,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
       (SELECT pg_has_role(relowner, 'MEMBER') FROM pg_class WHERE oid = 'callbacks'::regclass) AS owner,
       current_setting('max_connections')::bigint
           - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS free,
       (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now";

/// A process holds 9 connections at most.
const ENOUGH: i64 = 10;

#[derive(sqlx::FromRow)]
struct Row {
    version: String,
    fsync: bool,
    full_page_writes: bool,
    synchronous: bool,
    standbys: i64,
    superuser: bool,
    owner: bool,
    free: i64,
    now: i64,
}

impl Postgres {
    /// What there is to say, and what time the database has.
    pub(in crate::store) async fn conditions(&self) -> Result<(Vec<Condition>, Option<Millis>)> {
        let row: Row = sqlx::query_as(CONDITIONS).fetch_one(self.readers()).await?;
        let on = |name: &str, on: bool, why: &str| {
            let what = format!("{name} = {}", if on { "on" } else { "off" });
            if on { Condition::good(what) } else { Condition::bad(what, why) }
        };
        let standbys = format!("{} standbys", row.standbys);
        let role = if row.superuser { "role: a superuser" } else { "role: owns the tables" };
        let connections = format!("{} connections are free", row.free);
        let said = vec![
            Condition::good(format!("PostgreSQL {}", row.version)),
            on("fsync", row.fsync, "a power loss loses what was answered OK; switch it on in postgresql.conf"),
            on(
                "full_page_writes",
                row.full_page_writes,
                "a power loss may tear pages; switch it on in postgresql.conf",
            ),
            match row.standbys > 0 && !row.synchronous {
                true => Condition::doubtful(
                    standbys,
                    "all of them asynchronous: if this server dies for good, what none had yet is gone although it was \
                     answered OK; name one in synchronous_standby_names if that is not acceptable",
                ),
                false => Condition::good(standbys),
            },
            match row.superuser || row.owner {
                true => Condition::doubtful(
                    role,
                    "the log's triggers guard against mistakes only; docs/postgres.md shows the two roles that bind the service",
                ),
                false => Condition::good("role: may append, does not own the tables"),
            },
            match row.free < ENOUGH {
                true => Condition::doubtful(connections, "a process needs up to 9; raise max_connections"),
                false => Condition::good(connections),
            },
        ];
        Ok((said, Some(row.now)))
    }
}
