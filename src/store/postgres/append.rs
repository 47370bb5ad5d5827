//! The append: one round trip a batch when nothing surprises.
//!
//! The writer remembers the log's head, chains the batch onto it and sends everything to `portraitd_append`, which takes
//! the lock, compares heads and writes. If another replica has moved the head, or the log knows some of the batch, the
//! function writes nothing and says so; then the same call is repeated inside a transaction, where the lock stays held.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::postgres::{PgConnection, Postgres as Db};
use sqlx::{Acquire, ConnectOptions, Executor};

use super::Postgres;
use crate::store::batch::Batch;
use crate::store::model::{GENESIS, Head, NewEntry, Recorded};
use crate::store::{Result, Stamp, StoreError};

/// No append takes longer: a frozen server or replica must not stop us without a word.
const LIMIT: Duration = Duration::from_secs(3);

const APPEND: &str = "-- append
SELECT * FROM portraitd_append($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24)";

/// The writer's connection and where it believes the log ends.
#[derive(Default)]
pub(super) struct Appender {
    connection: Option<PgConnection>,
    head: Option<Head>,
}

impl Postgres {
    pub(in crate::store) async fn append(&self, entries: &[&NewEntry]) -> Result<Vec<Recorded>> {
        let mut appender = self.appender.lock().await;
        let (connection, head) = appender.take(self).await?;
        match tokio::time::timeout(LIMIT, attempt(connection, head, entries)).await {
            Ok(Ok((connection, head, recorded))) => {
                *appender = Appender { connection: Some(connection), head: Some(head) };
                Ok(recorded)
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(StoreError::Slow(LIMIT.as_millis())),
        }
    }
}

impl Postgres {
    /// Appends as the last thing of somebody's transaction: the lock is held until that ends.
    pub(in crate::store) async fn append_within(
        connection: &mut PgConnection,
        entries: &[&NewEntry],
    ) -> Result<Vec<Recorded>> {
        let (mut batch, mut head) = (Batch::new(entries), GENESIS);
        insist(connection, &mut batch, &mut head).await?;
        Ok(batch.written(&head))
    }
}

impl Appender {
    /// The connection leaves its place while it is used: whatever goes wrong, a broken one is never used again.
    async fn take(&mut self, store: &Postgres) -> Result<(PgConnection, Head)> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                tokio::time::timeout(LIMIT, connect(store)).await.map_err(|_| StoreError::Slow(LIMIT.as_millis()))??
            }
        };
        Ok((connection, self.head.take().unwrap_or(GENESIS)))
    }
}

async fn connect(store: &Postgres) -> Result<PgConnection> {
    let mut connection = store.options.connect().await?;
    connection
        .execute(
            "-- append: OK means durable, also behind a pooler that drops start-up options; a frozen replica cannot stop us
             SET synchronous_commit = on; SET default_transaction_isolation = 'read committed'; SET jit = off;
             SET lock_timeout = '2s'; SET statement_timeout = '2s'; SET idle_in_transaction_session_timeout = '2s';
             -- the plans are made while the tables may be empty and kept while they grow
             SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_bitmapscan = off;",
        )
        .await?;
    Ok(connection)
}

async fn attempt(
    mut connection: PgConnection,
    mut head: Head,
    entries: &[&NewEntry],
) -> Result<(PgConnection, Head, Vec<Recorded>)> {
    let mut batch = Batch::new(entries);
    match call(&mut connection, &batch, &head).await? {
        Said::Appended(newest) => return Ok((connection, newest, batch.written(&head))),
        Said::Surprise(surprise) => surprise.settle(&mut batch, &mut head),
    }
    let mut transaction = connection.begin().await?;
    let newest = insist(&mut transaction, &mut batch, &mut head).await?;
    transaction.commit().await?;
    Ok((connection, newest, batch.written(&head)))
}

/// In a transaction: the first call takes the lock if it writes nothing, the next ones have it.
async fn insist(connection: &mut PgConnection, batch: &mut Batch<'_>, head: &mut Head) -> Result<Head> {
    while !batch.is_empty() {
        match call(connection, batch, head).await? {
            Said::Appended(newest) => return Ok(newest),
            Said::Surprise(surprise) => surprise.settle(batch, head),
        }
    }
    Ok(*head)
}

enum Said {
    Appended(Head),
    Surprise(Surprise),
}

/// Nothing was written: the head is elsewhere, or the log knows some of the entries.
struct Surprise {
    head: Head,
    known: HashSet<usize>,
}

impl Surprise {
    fn settle(self, batch: &mut Batch<'_>, head: &mut Head) {
        batch.leave_out(&self.known);
        *head = self.head;
    }
}

#[derive(sqlx::FromRow)]
struct Answer {
    head_seq: Option<i64>,
    head_chain: Option<Vec<u8>>,
    known: Option<Vec<i64>>,
    appended: bool,
}

async fn call(connection: &mut PgConnection, batch: &Batch<'_>, head: &Head) -> Result<Said> {
    let entries = batch.entries();
    let count = entries.clone().count();
    let items = entries.clone().map(|e| e.items.len()).sum();
    let chains = batch.chains(head);
    let mut item_rows = ItemRows::with_capacity(items);
    for (seq, entry) in (head.seq + 1..).zip(entries.clone()) {
        for (ordinal, item) in (0_i32..).zip(&entry.items) {
            item_rows.push(seq, ordinal, &item.tag, &item.value);
        }
    }
    macro_rules! column {
        ($entry:ident => $value:expr) => {{
            let mut column = Vec::with_capacity(count);
            column.extend(entries.clone().map(|$entry| $value));
            column
        }};
    }
    let seqs: Vec<i64> = (head.seq + 1..).take(count).collect();
    let answer: Answer = sqlx::query_as::<Db, Answer>(APPEND)
        .bind(head.seq)
        .bind(&head.chain[..])
        .bind(seqs)
        .bind(column!(e => Stamp(e.received_at)))
        .bind(column!(e => e.event_time.map(Stamp)))
        .bind(column!(e => Stamp(e.effective_time())))
        .bind(column!(e => e.sdk_app_id))
        .bind(column!(e => e.kind.as_str()))
        .bind(column!(e => e.auth.as_str()))
        .bind(column!(e => e.account.as_deref()))
        .bind(column!(e => e.operator.as_deref()))
        .bind(column!(e => e.client_ip.as_deref()))
        .bind(column!(e => e.platform.as_deref()))
        .bind(column!(e => &e.receipt_id[..]))
        .bind(column!(e => &e.salt[..]))
        .bind(column!(e => &e.digest[..]))
        .bind(chains.iter().map(|chain| &chain[..]).collect::<Vec<_>>())
        .bind(column!(e => &e.body[..]))
        .bind(item_rows.seqs)
        .bind(item_rows.ordinals)
        .bind(item_rows.tags)
        .bind(item_rows.values)
        .bind(column!(e => Stamp(e.dedupe.time)))
        .bind(column!(e => &e.dedupe.key[..]))
        .fetch_one(connection)
        .await?;
    answer.read()
}

impl Answer {
    fn read(self) -> Result<Said> {
        let head = match (self.head_seq, self.head_chain) {
            (Some(seq), Some(chain)) => Head::stored(seq, chain)?,
            _ => GENESIS,
        };
        if self.appended {
            return Ok(Said::Appended(head));
        }
        let known = self.known.unwrap_or_default().into_iter().filter_map(|at| usize::try_from(at - 1).ok()).collect();
        Ok(Said::Surprise(Surprise { head, known }))
    }
}

/// The item rows as columns.
struct ItemRows<'e> {
    seqs: Vec<i64>,
    ordinals: Vec<i32>,
    tags: Vec<&'e str>,
    values: Vec<&'e str>,
}

impl<'e> ItemRows<'e> {
    fn with_capacity(rows: usize) -> Self {
        ItemRows {
            seqs: Vec::with_capacity(rows),
            ordinals: Vec::with_capacity(rows),
            tags: Vec::with_capacity(rows),
            values: Vec::with_capacity(rows),
        }
    }

    fn push(&mut self, seq: i64, ordinal: i32, tag: &'e str, value: &'e str) {
        self.seqs.push(seq);
        self.ordinals.push(ordinal);
        self.tags.push(tag);
        self.values.push(value);
    }
}
