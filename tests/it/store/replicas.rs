//! Several processes, one database: one order.

use std::cell::Cell;

use portraitd::store::model::NewEntry;
use portraitd::store::verify::{self, Verdict};
use portraitd::store::{Store, StoreError};

use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::entries::{callback, callbacks, try_append};
use crate::harness::proof::assert_chained;

const REPLICAS: usize = 3;
const BATCHES: usize = 25;

/// What a writer does: the same again while the store is busy.
async fn append_as_often_as_it_takes(store: &Store, entries: &[NewEntry]) {
    eventually("the append is taken", async || match try_append(store, entries).await {
        Ok(_) => true,
        Err(StoreError::Unavailable(_) | StoreError::Slow(_)) => false,
        Err(error) => panic!("{error}"),
    })
    .await;
}

/// Batches of 1 to 7 entries.
fn batches(replica: usize) -> Vec<Vec<NewEntry>> {
    let batch = |n: usize| (0..=n % 7).map(|at| callback(&format!("r{replica}-{n}-{at}")).nick("x").build()).collect();
    (0..BATCHES).map(batch).collect()
}

async fn write(store: &Store, batches: Vec<Vec<NewEntry>>) {
    for batch in batches {
        append_as_often_as_it_takes(store, &batch).await;
    }
}

on_both_stores! {
    async fn replicas_that_append_at_once_leave_no_gap_and_one_chain(db: Database) {
        let store = db.store().await;
        let (first, second, third) = (db.store().await, db.store().await, db.store().await);
        tokio::join!(write(&first, batches(0)), write(&second, batches(1)), write(&third, batches(2)));
        let rows = assert_chained(&store).await;
        let expected: usize = batches(0).iter().map(Vec::len).sum();
        assert_eq!(rows.len(), REPLICAS * expected);
        assert!(matches!(verify::run(&store, verify::Plan::default(), |_, _| ()).await.unwrap(), Verdict::Holds { .. }));
        for replica in 0..REPLICAS {
            let prefix = format!("r{replica}-");
            let mine: Vec<_> = rows.iter().filter_map(|row| row.account.clone()).filter(|a| a.starts_with(&prefix)).collect();
            let sent: Vec<_> = batches(replica).concat().into_iter().filter_map(|entry| entry.account).collect();
            assert_eq!(mine, sent, "each replica's entries are in the order it appended them");
        }
    }

    async fn whoever_has_read_up_to_a_sequence_never_sees_a_later_row_at_or_below_it(db: Database) {
        let reader = db.store().await;
        let (first, second) = (db.store().await, db.store().await);
        let done = Cell::new(false);
        let writing = async {
            tokio::join!(write(&first, batches(0)), write(&second, batches(1)));
            done.set(true);
        };
        let reading = async {
            let mut snapshots = Vec::new();
            while !done.get() {
                let head = reader.head().await.unwrap();
                let (rows, items) = reader.stored(1, head.seq).await.unwrap();
                assert_eq!(rows.len() as i64, head.seq, "all rows up to {} are there when it is", head.seq);
                assert_eq!(items.len() as i64, head.seq, "and so are their items");
                assert_eq!(rows.last().map_or(&[0; 32][..], |row| &row.chain), &head.chain[..]);
                snapshots.push(head);
            }
            snapshots
        };
        let ((), snapshots) = tokio::join!(writing, reading);
        assert!(snapshots.windows(2).any(|two| two[0].seq < two[1].seq), "the reader saw the log grow");
        let rows = assert_chained(&reader).await;
        for head in snapshots.into_iter().filter(|head| head.seq > 0) {
            assert_eq!(rows[head.seq as usize - 1].chain, head.chain, "entry {} is what it was", head.seq);
        }
    }

    async fn replicas_that_get_the_same_callbacks_record_each_once(db: Database) {
        let store = db.store().await;
        let entries = callbacks(60);
        let (first, second) = (db.store().await, db.store().await);
        let write = async |store: &Store, size: usize| {
            for chunk in entries.chunks(size) {
                append_as_often_as_it_takes(store, chunk).await;
            }
        };
        tokio::join!(write(&first, 5), write(&second, 7), write(&store, 6));
        let mut accounts: Vec<_> = assert_chained(&store).await.into_iter().filter_map(|row| row.account).collect();
        accounts.sort();
        accounts.dedup();
        assert_eq!(accounts.len(), 60);
        assert_eq!(store.head().await.unwrap().seq, 60);
    }
}
