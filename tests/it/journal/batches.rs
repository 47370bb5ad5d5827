//! Group commit: what waits together is written together, up to the caps.

use portraitd::journal::{Outcome, Recorder};
use portraitd::store::verify::{self, Verdict};

use super::support::{patient, record_all, record_together, resting, working};
use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{callback, callbacks, unreadable};
use crate::harness::proof::assert_chained;

/// Transactions that wrote entries.
const TRANSACTIONS: &str = "SELECT count(DISTINCT xmin::text) FROM callbacks";

on_both_stores! {
    async fn entries_that_wait_together_are_recorded_in_the_order_they_came(db: Database) {
        let entries = callbacks(100);
        let expected: Vec<_> = entries.iter().map(|entry| entry.receipt_id.to_vec()).collect();
        assert_eq!(record_together(db.store().await, entries).await, [Outcome::Recorded; 100]);
        let receipts: Vec<_> = assert_chained(&db.store().await).await.into_iter().map(|row| row.receipt_id).collect();
        assert_eq!(receipts, expected);
    }

    async fn the_same_callback_again_is_a_duplicate_also_within_one_batch(db: Database) {
        let sent = callback("id1").nick("a");
        let entries = vec![sent.clone().build(), sent.clone().again().build(), callback("id2").build()];
        let outcomes = record_together(db.store().await, entries).await;
        assert_eq!(outcomes, [Outcome::Recorded, Outcome::Duplicate, Outcome::Recorded]);
        assert_eq!(record_together(db.store().await, vec![sent.again().build()]).await, [Outcome::Duplicate]);
    }

    async fn bodies_with_more_items_than_a_batch_holds_are_all_recorded(db: Database) {
        let many = (0..5000).fold(callback("many").nick("a"), |sent, n| sent.item("Tag_A", &n.to_string()));
        let entries = (0..10).map(|_| many.clone().without_event_time().again().build()).collect();
        assert_eq!(record_together(db.store().await, entries).await, [Outcome::Recorded; 10]);
        assert_eq!(db.count("SELECT count(*) FROM profile_changes").await, 10 * 5001);
        assert!(matches!(verify::run(&db.store().await, verify::Plan::default(), |_, _| ()).await.unwrap(), Verdict::Holds { head, .. } if head.seq == 10));
    }

    async fn a_body_as_large_as_the_receiver_takes_is_recorded_among_small_ones(db: Database) {
        let mut entries = callbacks(20);
        entries.insert(10, callback("large").padded(4 << 20).build());
        assert_eq!(record_together(db.store().await, entries).await, [Outcome::Recorded; 21]);
        assert_chained(&db.store().await).await;
    }

    async fn an_unreadable_body_is_kept_beside_what_is_recorded(db: Database) {
        let (journal, _writer) = working(db.store().await);
        let entries = callbacks(5);
        let (kept, outcomes) = tokio::join!(journal.keep(unreadable("[]"), patient()), record_all(&journal, &entries, patient()));
        assert!(kept);
        assert_eq!(outcomes, [Outcome::Recorded; 5]);
        assert_eq!(db.store().await.unreadable(None, 10).await.unwrap()[0].body, b"[]");
    }

    async fn the_writer_ends_with_the_journal_and_leaves_nothing_unwritten(db: Database) {
        let (journal, writer) = resting(db.store().await);
        let entries = callbacks(300);
        // Nobody waits for these any longer, as after a client hung up.
        let gone = record_all(&journal, &entries, std::time::Instant::now()).await;
        assert_eq!(gone, [Outcome::Unavailable; 300]);
        drop(journal);
        writer.run().await;
        assert_eq!(assert_chained(&db.store().await).await.len(), 300);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_waits_is_written_in_one_transaction() {
    let db = Database::postgres().await;
    record_together(db.store().await, callbacks(200)).await;
    assert_eq!(db.count(TRANSACTIONS).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_capped_by_its_items() {
    let db = Database::postgres().await;
    let sent = (0..1000).fold(callback("id1"), |sent, n| sent.item("Tag_A", &n.to_string()));
    let entries = (0..10).map(|_| sent.clone().without_event_time().again().build()).collect();
    record_together(db.store().await, entries).await;
    assert_eq!(db.count(TRANSACTIONS).await, 3, "4 + 4 + 2 entries of 1,000 items; a batch holds 4,096");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_capped_by_its_bytes() {
    let db = Database::postgres().await;
    let entries = (0..12).map(|n| callback(&format!("id{n}")).padded(200_000).build()).collect();
    record_together(db.store().await, entries).await;
    let transactions = db.count(TRANSACTIONS).await;
    assert!((3..=12).contains(&transactions), "2.4 MB of bodies in {transactions} batches of at most 1 MiB");
}
