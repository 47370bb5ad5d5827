//! Once, in the order of the log per account, several accounts at once.

use std::collections::HashMap;
use std::sync::Arc;

use super::teller::{DONE, Deed, NAME, Recipe, gate, is_at, row};
use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::entries::{append, callback};

on_both_stores! {
    async fn every_callback_comes_once_in_log_order_per_account_and_as_many_accounts_at_once_as_configured(db: Database) {
        let store = Arc::new(db.store().await);
        let entry = |n: i64| callback(&format!("id{}", n % 10)).nick(&n.to_string()).build();
        append(&store, &(0..200).map(entry).collect::<Vec<_>>()).await;
        let gate = gate();
        let held = gate.clone();
        let recipe = Recipe { concurrency: 4, ..Recipe::default() };
        let mut dispatch = recipe.run(&store, move |_| Deed::after(&held, DONE));

        let mut given = Vec::new();
        while given.len() < 4 {
            given.push(dispatch.next().await);
        }
        gate.add_permits(1_000_000);
        append(&store, &(200..300).map(entry).collect::<Vec<_>>()).await;
        while given.len() < 300 {
            given.push(dispatch.next().await);
        }
        is_at(&store, NAME, 300).await;
        assert_eq!(dispatch.most_at_once(), 4);
        assert!(dispatch.ends().await.is_empty(), "each came once");

        let mut accounts: HashMap<String, Vec<i64>> = HashMap::new();
        for given in given {
            assert_eq!((given.attempt, given.epoch), (1, 1), "{given:?}");
            accounts.entry(given.account).or_default().push(given.seq);
        }
        assert_eq!(accounts.len(), 10);
        for (account, seqs) in accounts {
            assert!(seqs.len() == 30 && seqs.is_sorted(), "{account}: {seqs:?}");
        }
    }

    async fn what_another_process_records_is_noticed(db: Database) {
        let (store, elsewhere) = (Arc::new(db.store().await), db.store().await);
        let mut dispatch = Recipe::default().run(&store, |_| DONE);
        eventually("it has begun", async || row(&store, NAME).await.is_some()).await;
        for seq in 1..=3 {
            append(&elsewhere, &[callback("a").build()]).await;
            assert_eq!(dispatch.next().await.seq, seq);
        }
        is_at(&store, NAME, 3).await;
        assert!(dispatch.ends().await.is_empty());
    }
}
