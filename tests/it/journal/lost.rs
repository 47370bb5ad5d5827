//! A connection lost around COMMIT: whether the database took it or not, it is recorded once and answered Recorded.

use portraitd::journal::Outcome;
use portraitd::store::verify::{self, Verdict};
use portraitd::store::{NewEntry, Open, Store};

use super::support::{drained, patient, record_all, working};
use crate::harness::db::{Database, eventually};
use crate::harness::entries::{callback, callbacks};
use crate::harness::proxy::{Line, Proxy};

/// Hands entries over while the line loses something; each must be recorded once.
async fn check(line: Line, entries: Vec<NewEntry>) {
    let db = Database::postgres().await;
    drop(db.store().await);
    let proxy = Proxy::before(&db.url()).await;
    let store = Store::open(&proxy.url(&db.url()), Open::Migrate).await.unwrap();
    let (journal, health) = working(store);
    // The writer's connection is up and knows the statement: the next thing it sends is the append.
    assert_eq!(record_all(&journal, &callbacks(1), patient()).await, [Outcome::Recorded]);
    assert_eq!(record_all(&journal, &callbacks(1), patient()).await, [Outcome::Recorded]);

    proxy.set(line);
    let outcomes = record_all(&journal, &entries, patient()).await;
    assert_eq!(proxy.cuts(), 1, "the connection was lost");
    assert_eq!(outcomes, vec![Outcome::Spooled; entries.len()]);
    drained(&health).await;

    let store = db.store().await;
    let verdict = verify::run(&store, verify::Plan::default(), |_, _| ()).await.unwrap();
    assert!(matches!(verdict, Verdict::Holds { head, .. } if head.seq as usize == 2 + entries.len()), "{verdict:?}");
    let mut sent: Vec<_> = entries.iter().map(|entry| entry.receipt_id.to_vec()).collect();
    let mut stored: Vec<_> = store.stored(3, i64::MAX).await.unwrap().0.into_iter().map(|row| row.receipt_id).collect();
    sent.sort();
    stored.sort();
    assert_eq!(stored, sent, "each receipt once");
}

/// The key by which the log would know it again is forgotten before the retry, as after an outage longer than the window.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_commit_is_found_by_its_receipt_when_its_dedupe_key_is_forgotten() {
    let db = Database::postgres().await;
    let store = db.store().await;
    let entries = [callbacks(3), untimed(3)].concat();
    let refs: Vec<&NewEntry> = entries.iter().collect();
    store.append(&refs[..4]).await.unwrap();
    db.execute("DELETE FROM recent").await;
    let ours = store.receipts(&refs).await.unwrap();
    let expected = (1..).zip(&entries[..4]).map(|(seq, entry)| (entry.receipt_id, seq)).collect();
    assert_eq!(ours, expected);
}

fn durable(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Recorded | Outcome::Spooled)
}

fn untimed(count: usize) -> Vec<NewEntry> {
    (0..count).map(|n| callback(&format!("id{n}")).nick("x").without_event_time().build()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_whose_commit_was_not_heard_of_is_recorded_once() {
    check(Line::LosesNextAnswer, callbacks(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_without_event_time_whose_commit_was_not_heard_of_is_recorded_once() {
    check(Line::LosesNextAnswer, untimed(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_commit_was_not_heard_of_is_recorded_once() {
    check(Line::LosesNextAnswer, [callbacks(40), untimed(40)].concat()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_never_reached_the_database_is_recorded_once() {
    check(Line::LosesNextRequest, [callbacks(40), untimed(40)].concat()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_lost_while_another_replica_appends_is_recorded_once() {
    let db = Database::postgres().await;
    let other = db.store().await;
    let proxy = Proxy::before(&db.url()).await;
    let (journal, health) = working(Store::open(&proxy.url(&db.url()), Open::Migrate).await.unwrap());
    // Logging in is over before anything is lost.
    assert_eq!(record_all(&journal, &callbacks(1), patient()).await, [Outcome::Recorded]);
    let mut expected = 1;
    for round in 0..10 {
        // The other replica moves the head, so that this append takes the longer way, in a transaction of its own.
        crate::harness::entries::append(&other, &callbacks(2)).await;
        if round % 3 == 0 {
            proxy.set(if round % 2 == 0 { Line::LosesNextAnswer } else { Line::LosesNextRequest });
        }
        let outcomes = record_all(&journal, &untimed(3), patient()).await;
        assert!(outcomes.iter().all(durable), "round {round}: {outcomes:?}");
        drained(&health).await;
        expected += 5;
    }
    proxy.set(Line::Good);
    let verdict = verify::run(&other, verify::Plan::default(), |_, _| ()).await.unwrap();
    assert!(matches!(verdict, Verdict::Holds { head, .. } if head.seq == expected), "{verdict:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_our_connection_is_no_more_than_a_delay() {
    let db = Database::postgres().await;
    let (journal, health) = working(db.store().await);
    assert_eq!(record_all(&journal, &callbacks(1), patient()).await, [Outcome::Recorded]);
    for _ in 0..3 {
        db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
        let outcomes = record_all(&journal, &untimed(3), patient()).await;
        assert!(outcomes.iter().all(durable), "{outcomes:?}");
        drained(&health).await;
    }
    let store = eventually("a reader comes back too", async || {
        let store = Store::open(&db.url(), Open::Existing).await.ok()?;
        store.head().await.ok().filter(|head| head.seq == 10).map(|_| store)
    })
    .await;
    assert!(matches!(verify::run(&store, verify::Plan::default(), |_, _| ()).await.unwrap(), Verdict::Holds { .. }));
}
