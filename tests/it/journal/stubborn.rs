//! Draining when the store takes some of it and not the rest, or not as much at once.

use std::sync::atomic::Ordering;
use std::time::Duration;

use portraitd::journal::{Outcome, Recorder};
use portraitd::store::NewEntry;

use super::picky::{Answer, Picky};
use super::support::{AtWork, drained, patient, record_all};
use crate::harness::db::{Database, eventually};
use crate::harness::entries::{callback, callbacks, unreadable};
use crate::harness::proof::assert_chained;

/// Long enough for a transaction, short enough for many that never return.
const SHORT: Duration = Duration::from_millis(15);
/// More than it takes until a single record is suspected.
const MANY_TRIES: u64 = 30;

fn anything(_: &[&NewEntry]) -> Answer {
    Answer::Passes
}

fn all_but_slow(entries: &[&NewEntry]) -> Answer {
    match entries.iter().any(|entry| entry.account.as_deref() == Some("slow")) {
        true => Answer::NeverReturns,
        false => Answer::Passes,
    }
}

fn three_at_once(entries: &[&NewEntry]) -> Answer {
    if entries.len() > 3 { Answer::NeverReturns } else { Answer::Passes }
}

impl AtWork {
    /// Hands entries over; they become durable somewhere.
    async fn take(&self, entries: &[NewEntry]) {
        let outcomes = record_all(&self.journal, entries, patient()).await;
        assert!(!outcomes.contains(&Outcome::Unavailable), "{outcomes:?}");
    }

    async fn has_failed_many_times(&self) {
        let before = self.metrics.append_failures.get();
        eventually("many tries", async || self.metrics.append_failures.get() > before + MANY_TRIES).await;
    }

    async fn assert_recorded(&self, log: &Picky, entries: &[NewEntry]) {
        drained(&self.health).await;
        let receipts: Vec<_> = assert_chained(&log.store).await.into_iter().map(|row| row.receipt_id).collect();
        let sent: Vec<_> = entries.iter().map(|entry| entry.receipt_id.to_vec()).collect();
        assert_eq!(receipts, sent, "in the order they came");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_bodies_wait_as_long_as_the_store_is_away() {
    let db = Database::sqlite().await;
    let log = Picky::about(db.store().await, anything, Answer::Passes);
    let at_work = AtWork::on(log.clone(), SHORT);
    log.set_away(true);
    for body in ["[1]", "[2]", "[3]"] {
        assert!(at_work.journal.keep(unreadable(body), patient()).await);
    }
    at_work.has_failed_many_times().await;
    log.set_away(false);
    drained(&at_work.health).await;
    assert_eq!(log.store.unreadable(None, 10).await.unwrap().len(), 3);
    assert_eq!((at_work.metrics.unreadable_lost.get(), at_work.files(".aside")), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_is_never_finished_goes_aside_once_the_store_takes_what_is_behind_it() {
    let db = Database::sqlite().await;
    let log = Picky::about(db.store().await, all_but_slow, Answer::Passes);
    let at_work = AtWork::on(log.clone(), SHORT);
    let mut entries = callbacks(10);
    entries.push(callback("slow").build());
    at_work.take(&entries).await;
    at_work.has_failed_many_times().await;
    assert_eq!((at_work.health.spooled() > 0, at_work.files(".aside")), (true, 0), "it may be the store");
    entries.pop();
    entries.extend(callbacks(5));
    assert_eq!(record_all(&at_work.journal, &entries[10..], patient()).await, [Outcome::Spooled; 5]);
    at_work.assert_recorded(&log, &entries).await;
    assert_eq!((at_work.metrics.spool_set_aside.get(), at_work.files(".aside")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_cannot_be_kept_goes_aside_once_the_store_takes_what_is_behind_it() {
    let db = Database::sqlite().await;
    let log = Picky::about(db.store().await, anything, Answer::RefusesTheData);
    let at_work = AtWork::on(log.clone(), SHORT);
    log.set_away(true);
    assert!(at_work.journal.keep(unreadable("[]"), patient()).await);
    log.set_away(false);
    at_work.has_failed_many_times().await;
    assert_eq!(at_work.files(".aside"), 0);
    let entries = callbacks(5);
    assert_eq!(record_all(&at_work.journal, &entries, patient()).await, [Outcome::Spooled; 5]);
    at_work.assert_recorded(&log, &entries).await;
    assert_eq!(at_work.files(".aside"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_much_at_once_is_drained_in_parts() {
    let db = Database::sqlite().await;
    let log = Picky::about(db.store().await, three_at_once, Answer::Passes);
    let at_work = AtWork::on(log.clone(), SHORT);
    let entries = callbacks(50);
    at_work.take(&entries).await;
    at_work.assert_recorded(&log, &entries).await;
    assert_eq!(at_work.files(".aside"), 0);
}

fn not_mallory(entries: &[&NewEntry]) -> Answer {
    match entries.iter().any(|entry| entry.account.as_deref() == Some("mallory")) {
        true => Answer::RefusesTheData,
        false => Answer::Passes,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_database_refuses_is_kept_before_much_more_is_taken() {
    let db = Database::sqlite().await;
    let log = Picky::about(db.store().await, not_mallory, Answer::Passes);
    let at_work = AtWork::on(log.clone(), Duration::from_secs(20));
    // More than a batch holds, so that the last one is in another.
    let mut entries: Vec<_> = (0..300).map(|_| callback("mallory").padded(4096).build()).collect();
    entries.push(callback("id1").build());
    let deadline = patient();
    let answers = entries.iter().map(|entry| at_work.journal.record(entry.clone(), deadline)).collect::<Vec<_>>();
    let mut answers = answers.into_iter().rev();
    assert_eq!(answers.next().expect("the last").await, Outcome::Recorded);
    let kept = log.kept.load(Ordering::Relaxed);
    assert!(kept > 100, "{kept} of them were kept before");
    assert_eq!(super::support::together(answers.collect()).await, [Outcome::Refused; 300]);
}
