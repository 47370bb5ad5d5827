//! A store that is blocked, away or mute: callers are told in time, and what was queued is recorded once it is back.

use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use portraitd::journal::{Outcome, Recorder, Recording};
use portraitd::store::{NewEntry, Open, Store};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;

use super::support::{patient, record_all, together, working};
use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::entries::callbacks;
use crate::harness::proof::assert_chained;
use crate::harness::proxy::{Line, Proxy};

const QUEUE: usize = 8192;

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(300)
}

/// Somebody else's transaction that keeps appends from being taken.
enum Blocker {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl Blocker {
    async fn of(db: &Database) -> Self {
        match db.is_postgres() {
            true => {
                Self::postgres(db, "SELECT pg_advisory_xact_lock(1886351988, 'callbacks'::regclass::oid::integer)")
                    .await
            }
            false => {
                let mut connection = db.lite().await;
                sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
                Blocker::Sqlite(connection)
            }
        }
    }

    async fn postgres(db: &Database, lock: &'static str) -> Self {
        let mut connection = db.pg().await;
        sqlx::raw_sql("BEGIN").execute(&mut connection).await.unwrap();
        sqlx::raw_sql(lock).execute(&mut connection).await.unwrap();
        Blocker::Postgres(connection)
    }

    async fn release(self) {
        match self {
            Blocker::Postgres(connection) => connection.close().await.unwrap(),
            Blocker::Sqlite(connection) => connection.close().await.unwrap(),
        }
    }
}

/// All entries are in the log, once each.
async fn assert_recorded(db: &Database, entries: &[NewEntry]) {
    let store = db.store().await;
    let expected = entries.len() as i64;
    eventually("what was queued is recorded", async || store.head().await.unwrap().seq >= expected).await;
    let mut stored: Vec<_> = assert_chained(&store).await.into_iter().map(|row| row.receipt_id).collect();
    let mut sent: Vec<_> = entries.iter().map(|entry| entry.receipt_id.to_vec()).collect();
    stored.sort();
    sent.sort();
    assert_eq!(stored, sent);
}

on_both_stores! {
    async fn beyond_the_deadline_the_answer_is_unavailable_and_the_entry_is_recorded_later(db: Database) {
        let (journal, _writer) = working(db.store().await);
        let blocker = Blocker::of(&db).await;
        let entries = callbacks(50);
        let begun = Instant::now();
        assert_eq!(record_all(&journal, &entries, soon()).await, [Outcome::Unavailable; 50]);
        assert!(begun.elapsed() < Duration::from_secs(2), "the deadline holds: {:?}", begun.elapsed());
        assert_eq!(db.count("SELECT count(*) FROM callbacks").await, 0);
        blocker.release().await;
        assert_recorded(&db, &entries).await;
    }

    async fn the_queue_is_bounded_and_more_is_refused_at_once(db: Database) {
        let (journal, _writer) = working(db.store().await);
        let blocker = Blocker::of(&db).await;
        let mut waiting = Vec::new();
        let (mut queued, mut refused) = (Vec::new(), 0);
        for entry in callbacks(3 * QUEUE) {
            let mut recording = journal.record(entry.clone(), patient());
            match poll_once(&mut recording) {
                None => {
                    waiting.push(recording);
                    queued.push(entry);
                }
                Some(outcome) => {
                    assert_eq!(outcome, Outcome::Unavailable);
                    refused += 1;
                }
            }
        }
        // The writer holds up to a batch besides.
        assert!((QUEUE..=QUEUE + 4097).contains(&queued.len()), "{} were queued", queued.len());
        assert_eq!(refused, 3 * QUEUE - queued.len());
        blocker.release().await;
        assert!(together(waiting).await.into_iter().all(|outcome| outcome == Outcome::Recorded));
        assert_recorded(&db, &queued).await;
    }
}

fn poll_once<T>(recording: &mut Recording<'_, T>) -> Option<T> {
    match recording.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_table_is_waited_for_longer_than_the_stores_own_time_limit() {
    let db = Database::postgres().await;
    let (journal, _writer) = working(db.store().await);
    let blocker = Blocker::postgres(&db, "LOCK TABLE callbacks IN ACCESS EXCLUSIVE MODE").await;
    let entries = callbacks(5);
    // Longer than lock_timeout and statement_timeout, so that at least one append fails on the way.
    let deadline = Instant::now() + Duration::from_millis(4500);
    assert_eq!(record_all(&journal, &entries, deadline).await, [Outcome::Unavailable; 5]);
    blocker.release().await;
    assert_recorded(&db, &entries).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_costs_nothing_that_was_queued() {
    survives(Line::Down).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_gone_mute_costs_nothing_that_was_queued() {
    survives(Line::Frozen).await;
}

async fn survives(trouble: Line) {
    let db = Database::postgres().await;
    drop(db.store().await);
    let proxy = Proxy::before(&db.url()).await;
    let (journal, _writer) = working(Store::open(&proxy.url(&db.url()), Open::Migrate).await.unwrap());
    let mut entries = callbacks(30);
    assert_eq!(record_all(&journal, &entries[..10], patient()).await, [Outcome::Recorded; 10]);
    proxy.set(trouble);
    assert_eq!(record_all(&journal, &entries[10..20], soon()).await, [Outcome::Unavailable; 10]);
    assert_eq!(record_all(&journal, &entries[20..], soon()).await, [Outcome::Unavailable; 10]);
    proxy.set(Line::Good);
    entries.extend(callbacks(10));
    assert_eq!(record_all(&journal, &entries[30..], patient()).await, [Outcome::Recorded; 10]);
    assert_recorded(&db, &entries).await;
}
