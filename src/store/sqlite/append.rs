//! The append: `BEGIN IMMEDIATE` is the lock; head, known keys, rows, commit.

use std::collections::{HashMap, HashSet};

use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite as Db};

use super::{Sqlite, transaction};
use crate::store::batch::Batch;
use crate::store::model::{DedupeKey, GENESIS, Head, NewEntry, Recorded};
use crate::store::{Result, Stamp};

/// Rows a statement, well below SQLite's limit of bound values.
const ROWS: usize = 100;

const HEAD: &str = "-- append
SELECT seq, chain FROM callbacks ORDER BY seq DESC LIMIT 1";

const INSERT_RECENT: &str = "-- append
INSERT INTO recent (event_time, key, recorded_at) ";
const NOW: &str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

const INSERT_CALLBACKS: &str = "-- append
INSERT INTO callbacks (seq, received_at, event_time, effective_time, sdk_app_id, kind, auth, account, operator,
                       client_ip, platform, receipt_id, salt, digest, chain, body) ";

const INSERT_ITEMS: &str = "-- append
INSERT INTO profile_changes (seq, ordinal, tag, value) ";

impl Sqlite {
    pub(in crate::store) async fn append(&self, entries: &[&NewEntry]) -> Result<Vec<Recorded>> {
        transaction!(self, connection => Self::append_within(connection, entries).await)
    }

    /// Appends as a part of somebody's transaction.
    pub(in crate::store) async fn append_within(
        connection: &mut SqliteConnection,
        entries: &[&NewEntry],
    ) -> Result<Vec<Recorded>> {
        let mut batch = Batch::new(entries);
        batch.leave_out(&known(connection, &batch).await?);
        let head = head(connection).await?;
        insert(connection, &batch, &head).await?;
        Ok(batch.written(&head))
    }
}

async fn head(connection: &mut SqliteConnection) -> Result<Head> {
    let row: Option<(i64, Vec<u8>)> = sqlx::query_as(HEAD).fetch_optional(connection).await?;
    row.map_or(Ok(GENESIS), |(seq, chain)| Head::stored(seq, chain))
}

async fn known(connection: &mut SqliteConnection, batch: &Batch<'_>) -> Result<HashSet<usize>> {
    let positions: HashMap<DedupeKey, usize> = batch.entries().map(|entry| entry.dedupe).zip(0..).collect();
    let keys: Vec<DedupeKey> = batch.entries().map(|entry| entry.dedupe).collect();
    let mut known = HashSet::new();
    for keys in keys.chunks(ROWS) {
        let mut query =
            QueryBuilder::<Db>::new("-- append\nSELECT event_time, key FROM recent WHERE (event_time, key) IN (");
        query.push_values(keys, |mut row, key| {
            row.push_bind(key.time).push_bind(&key.key[..]);
        });
        query.push(")");
        let rows: Vec<(i64, Vec<u8>)> =
            query.build_query_as().persistent(keys.len() == ROWS).fetch_all(&mut *connection).await?;
        known.extend(rows.into_iter().filter_map(|(time, key)| {
            let key = DedupeKey { time, key: key.try_into().ok()? };
            positions.get(&key).copied()
        }));
    }
    Ok(known)
}

async fn insert(connection: &mut SqliteConnection, batch: &Batch<'_>, head: &Head) -> Result<()> {
    let chains = batch.chains(head);
    let rows: Vec<_> =
        (head.seq + 1..).zip(batch.entries()).zip(&chains).map(|((seq, entry), chain)| (seq, entry, chain)).collect();
    for rows in rows.chunks(ROWS) {
        let mut query = QueryBuilder::<Db>::new(INSERT_RECENT);
        query.push_values(rows, |mut row, (_, entry, _)| {
            row.push_bind(entry.dedupe.time).push_bind(&entry.dedupe.key[..]).push(NOW);
        });
        query.build().persistent(rows.len() == ROWS).execute(&mut *connection).await?;

        let mut query = QueryBuilder::<Db>::new(INSERT_CALLBACKS);
        query.push_values(rows, |mut row, (seq, entry, chain)| {
            row.push_bind(seq)
                .push_bind(Stamp(entry.received_at))
                .push_bind(entry.event_time.map(Stamp))
                .push_bind(Stamp(entry.effective_time()))
                .push_bind(entry.sdk_app_id)
                .push_bind(entry.kind.as_str())
                .push_bind(entry.auth.as_str())
                .push_bind(&entry.account)
                .push_bind(&entry.operator)
                .push_bind(&entry.client_ip)
                .push_bind(&entry.platform)
                .push_bind(&entry.receipt_id[..])
                .push_bind(&entry.salt[..])
                .push_bind(&entry.digest[..])
                .push_bind(&chain[..])
                .push_bind(&entry.body[..]);
        });
        query.build().persistent(rows.len() == ROWS).execute(&mut *connection).await?;
    }
    let items: Vec<_> = rows
        .iter()
        .flat_map(|(seq, entry, _)| (0_i32..).zip(&entry.items).map(move |(ordinal, item)| (*seq, ordinal, item)))
        .collect();
    for items in items.chunks(ROWS) {
        let mut query = QueryBuilder::<Db>::new(INSERT_ITEMS);
        query.push_values(items, |mut row, (seq, ordinal, item)| {
            row.push_bind(seq).push_bind(ordinal).push_bind(&item.tag).push_bind(&item.value);
        });
        query.build().persistent(items.len() == ROWS).execute(&mut *connection).await?;
    }
    Ok(())
}
