//! Verification against heads that were noted elsewhere, and of a part of the log.

use portraitd::store::model::{GENESIS, Head};
use portraitd::store::verify::{self, Plan, Verdict};
use portraitd::store::{Store, StoredEntry};

use super::verify::blob;
use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{append, callback, callbacks};
use crate::harness::proof::chain_of;

async fn verdict(store: &Store, plan: Plan) -> Verdict {
    verify::run(store, plan, |_, _| ()).await.unwrap()
}

async fn fault_of(store: &Store, heads: Vec<Head>) -> i64 {
    match verdict(store, Plan { heads, ..Plan::default() }).await {
        Verdict::Broken(fault) => fault.seq,
        holds => panic!("{holds:?}"),
    }
}

on_both_stores! {
    async fn a_log_that_was_cut_holds_but_for_a_head_that_was_noted(db: Database) {
        let store = db.store().await;
        append(&store, &callbacks(10)).await;
        let noted = store.head().await.unwrap();
        append(&store, &callbacks(5)).await;
        assert!(matches!(verdict(&store, Plan { heads: vec![noted], ..Plan::default() }).await, Verdict::Holds { entries: 15, heads: 1, .. }));
        db.tamper("DELETE FROM profile_changes WHERE seq > 8; DELETE FROM callbacks WHERE seq > 8").await;
        assert!(matches!(verdict(&store, Plan::default()).await, Verdict::Holds { entries: 8, .. }));
        assert_eq!(fault_of(&store, vec![noted]).await, 10);
        db.tamper("DELETE FROM profile_changes; DELETE FROM callbacks").await;
        assert_eq!(fault_of(&store, vec![noted]).await, 10);
    }

    async fn a_log_that_was_written_anew_holds_but_for_a_head_that_was_noted(db: Database) {
        let store = db.store().await;
        append(&store, &callbacks(6)).await;
        let noted = store.head().await.unwrap();
        append(&store, &[callback("id1").build()]).await;
        let (mut entries, _) = store.stored(1, 7).await.unwrap();
        let mut previous = GENESIS.chain.to_vec();
        for entry in &mut entries {
            let StoredEntry { seq, receipt_id, .. } = entry;
            if *seq == 4 {
                *receipt_id = vec![1; 16];
            }
            entry.chain = chain_of(&previous, entry).to_vec();
            previous.clone_from(&entry.chain);
            let (receipt, chain) = (blob(&db, &entry.receipt_id), blob(&db, &entry.chain));
            db.tamper(&format!("UPDATE callbacks SET receipt_id = {receipt}, chain = {chain} WHERE seq = {}", entry.seq)).await;
        }
        assert!(matches!(verdict(&store, Plan::default()).await, Verdict::Holds { entries: 7, .. }));
        assert_eq!(fault_of(&store, vec![noted]).await, 6);
        let before = Head { seq: 3, chain: entries[2].chain.clone().try_into().unwrap() };
        assert_eq!(fault_of(&store, vec![before, noted]).await, 6);
    }

    async fn a_part_of_the_log_is_verified_alone(db: Database) {
        let store = db.store().await;
        append(&store, &callbacks(1000)).await;
        db.tamper(&format!("UPDATE callbacks SET chain = {} WHERE seq = 500", blob(&db, &[1; 32]))).await;
        for (from, to, entries) in [(None, Some(499), 499), (Some(600), None, 401), (Some(502), Some(502), 1), (Some(900), Some(5000), 101), (Some(1001), None, 0)] {
            let verdict = verdict(&store, Plan { from, to, heads: vec![] }).await;
            assert!(matches!(verdict, Verdict::Holds { entries: held, .. } if held == entries), "{from:?} {to:?}: {verdict:?}");
        }
        for (from, to, seq) in [(None, None, 500), (Some(500), Some(500), 500), (Some(501), None, 501)] {
            let verdict = verdict(&store, Plan { from, to, heads: vec![] }).await;
            assert!(matches!(&verdict, Verdict::Broken(fault) if fault.seq == seq), "{from:?} {to:?}: {verdict:?}");
        }
        let here = store.head().await.unwrap();
        let plan = Plan { from: Some(600), to: Some(700), heads: vec![here] };
        assert!(matches!(verdict(&store, plan).await, Verdict::Holds { heads: 0, .. }), "the head is of an entry that was not asked for");
    }
}
