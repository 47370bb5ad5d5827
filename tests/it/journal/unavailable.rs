//! A store that is blocked, away or mute: callers are told in time, and what was queued is recorded once it is back.

use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use portraitd::journal::{Outcome, Recorder, Recording};
use portraitd::store::{NewEntry, Open, Store};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;

use super::picky::{Answer, Picky};
use super::support::{AtWork, BUDGET, drained, patient, record_all, resting, together, working};
use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::entries::{callbacks, unreadable};
use crate::harness::proof::assert_chained;
use crate::harness::proxy::{Line, Proxy};

const QUEUE: usize = 8192;

/// The budget of an answer.
fn soon() -> Instant {
    Instant::now() + Duration::from_millis(1500)
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
    async fn what_a_blocked_store_does_not_take_in_time_is_spooled_and_drained_later(db: Database) {
        let (journal, health) = working(db.store().await);
        let blocker = Blocker::of(&db).await;
        let begun = Instant::now();
        let mut entries = callbacks(50);
        assert_eq!(record_all(&journal, &entries, patient()).await, [Outcome::Spooled; 50]);
        assert!(begun.elapsed() >= BUDGET, "the store has its budget: {:?}", begun.elapsed());
        let begun = Instant::now();
        entries.extend(callbacks(50));
        assert_eq!(record_all(&journal, &entries[50..], patient()).await, [Outcome::Spooled; 50]);
        assert!(begun.elapsed() < BUDGET, "once there is a spool nobody waits for the store: {:?}", begun.elapsed());
        assert!(journal.keep(unreadable("[]"), patient()).await, "what is unreadable goes the same way");
        assert_eq!(db.count("SELECT count(*) FROM callbacks").await, 0);
        assert_eq!(health.spooled(), 101);
        blocker.release().await;
        drained(&health).await;
        assert_recorded(&db, &entries).await;
        assert_eq!(db.store().await.unreadable(None, 10).await.unwrap()[0].body, b"[]");
        entries.extend(callbacks(1));
        assert_eq!(record_all(&journal, &entries[100..], patient()).await, [Outcome::Recorded], "straight to the store again");
        let receipts: Vec<_> = assert_chained(&db.store().await).await.into_iter().map(|row| row.receipt_id).collect();
        let sent: Vec<_> = entries.iter().map(|entry| entry.receipt_id.to_vec()).collect();
        assert_eq!(receipts, sent, "in the order they came");
    }

    async fn the_queue_is_bounded_and_more_is_refused_at_once(db: Database) {
        let (journal, resting) = resting(db.store().await);
        let mut waiting = Vec::new();
        let (mut queued, mut refused) = (Vec::new(), 0);
        for entry in callbacks(2 * QUEUE) {
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
        assert_eq!((queued.len(), refused), (QUEUE, QUEUE));
        tokio::spawn(resting.run());
        assert!(together(waiting).await.into_iter().all(|outcome| outcome != Outcome::Unavailable));
        assert_recorded(&db, &queued).await;
    }

    async fn under_a_steady_load_it_goes_back_to_the_store(db: Database) {
        let (journal, health) = working(db.store().await);
        let blocker = Blocker::of(&db).await;
        let mut entries = callbacks(20);
        assert_eq!(record_all(&journal, &entries, patient()).await, [Outcome::Spooled; 20]);
        blocker.release().await;
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let more = callbacks(5);
            let outcomes = record_all(&journal, &more, patient()).await;
            entries.extend(more);
            if outcomes == [Outcome::Recorded; 5] {
                break;
            }
            assert!(Instant::now() < deadline, "{} callbacks still wait", health.spooled());
        }
        assert_recorded(&db, &entries).await;
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
    let (journal, health) = working(db.store().await);
    let blocker = Blocker::postgres(&db, "LOCK TABLE callbacks IN ACCESS EXCLUSIVE MODE").await;
    let entries = callbacks(5);
    assert_eq!(record_all(&journal, &entries, patient()).await, [Outcome::Spooled; 5]);
    // Longer than lock_timeout and statement_timeout, so that at least one step of the drain fails on the way.
    let begun = Instant::now();
    eventually("the store's time limits have passed", async || begun.elapsed() > Duration::from_secs(4)).await;
    assert_eq!(health.spooled(), 5);
    blocker.release().await;
    drained(&health).await;
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
    let (journal, health) = working(Store::open(&proxy.url(&db.url()), Open::Migrate).await.unwrap());
    let mut entries = callbacks(30);
    assert_eq!(record_all(&journal, &entries[..10], patient()).await, [Outcome::Recorded; 10]);
    proxy.set(trouble);
    assert_eq!(record_all(&journal, &entries[10..20], soon()).await, [Outcome::Spooled; 10]);
    assert_eq!(record_all(&journal, &entries[20..], soon()).await, [Outcome::Spooled; 10]);
    proxy.set(Line::Good);
    drained(&health).await;
    entries.extend(callbacks(10));
    assert_eq!(record_all(&journal, &entries[30..], patient()).await, [Outcome::Recorded; 10]);
    assert_recorded(&db, &entries).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_somebody_waits_a_spool_that_has_room_again_is_used_at_once() {
    let db = Database::sqlite().await;
    let log = Picky::about(db.store().await, |_| Answer::NeverReturns, Answer::Passes);
    let at_work = AtWork::on(log, Duration::from_millis(100));
    std::fs::remove_dir_all(&at_work.spool).unwrap();
    std::fs::write(&at_work.spool, "in the way").unwrap();
    let entries = callbacks(5);
    let deadline = Instant::now() + Duration::from_secs(4);
    let repaired = async {
        eventually("neither takes it", async || at_work.health.is_stuck()).await;
        std::fs::remove_file(&at_work.spool).unwrap();
    };
    let (outcomes, ()) = tokio::join!(record_all(&at_work.journal, &entries, deadline), repaired);
    assert_eq!(outcomes, [Outcome::Spooled; 5]);
}

on_both_stores! {
    async fn in_a_second_outage_nobody_waits_for_the_drain_that_worked_after_the_first(db: Database) {
        let (journal, health) = working(db.store().await);
        for _ in 0..2 {
            let blocker = Blocker::of(&db).await;
            assert_eq!(record_all(&journal, &callbacks(5), patient()).await, [Outcome::Spooled; 5]);
            let begun = Instant::now();
            assert_eq!(record_all(&journal, &callbacks(5), patient()).await, [Outcome::Spooled; 5]);
            assert!(begun.elapsed() < BUDGET / 2, "{:?}", begun.elapsed());
            blocker.release().await;
            drained(&health).await;
        }
    }
}
