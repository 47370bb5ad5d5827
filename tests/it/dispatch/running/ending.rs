//! Clean ends and others: the next run goes on where the last one stopped, and nothing is lost.

use std::sync::Arc;
use std::time::Duration;

use super::teller::{DONE, Deed, NAME, Recipe, dead_letters, gate, is_at, row};
use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::entries::{append, callback, callbacks};

on_both_stores! {
    async fn a_clean_stop_waits_for_what_is_under_way_and_the_next_run_goes_on_exactly_after_it(db: Database) {
        let store = Arc::new(db.store().await);
        append(&store, &callbacks(6)).await;
        let gate = gate();
        let held = gate.clone();
        let mut dispatch = Recipe { concurrency: 2, ..Recipe::default() }.run(&store, move |_| Deed::after(&held, DONE));
        let mut under_way = dispatch.sequences(2).await;
        under_way.sort_unstable();
        assert_eq!(under_way, [1, 2]);
        dispatch.stop.soft();
        gate.add_permits(100);
        let rest = dispatch.ends().await;
        assert!(rest.iter().all(|given| given.attempt == 1), "{rest:?}");
        let position = row(&store, NAME).await.unwrap().position;
        assert_eq!(position, 2 + i64::try_from(rest.len()).unwrap(), "what was begun was written down");
        let row = row(&store, NAME).await.unwrap();
        assert_eq!((row.state(), row.owner), ("idle", None), "the lease was given back");

        let mut dispatch = Recipe { concurrency: 1, ..Recipe::default() }.run(&store, |_| DONE);
        let missing: Vec<i64> = (position + 1..=6).collect();
        assert_eq!(dispatch.sequences(missing.len()).await, missing);
        is_at(&store, NAME, 6).await;
        assert!(dispatch.ends().await.is_empty(), "nothing came twice");
    }

    async fn what_takes_longer_than_the_patience_is_called_off_and_only_that_comes_again(db: Database) {
        let store = Arc::new(db.store().await);
        append(&store, &["a", "b", "a"].map(|account| callback(account).build())).await;
        let recipe = || Recipe { patience: Duration::from_secs(3), ..Recipe::default() };
        let mut dispatch = recipe().run(&store, |given| if given.account == "a" { Deed::Hangs } else { DONE });
        let given = [dispatch.next().await, dispatch.next().await];
        let hanging = given.iter().find(|given| given.seq == 1).expect("the first one");
        assert!(!hanging.cancellation.is_cancelled());
        let cancellation = hanging.cancellation.clone();
        let rest = dispatch.ends().await;
        assert!(rest.is_empty(), "{rest:?}");
        assert!(cancellation.is_cancelled(), "work outside the future is told");

        let mut dispatch = recipe().run(&store, |_| DONE);
        for seq in [1, 3] {
            let given = dispatch.next().await;
            assert_eq!((given.seq, given.attempt), (seq, 1), "an attempt that was called off does not count");
        }
        is_at(&store, NAME, 3).await;
        assert!(dispatch.ends().await.is_empty());
    }

    async fn after_an_unclean_end_everything_that_was_under_way_comes_again_and_nothing_is_lost(db: Database) {
        let store = Arc::new(db.store().await);
        append(&store, &callbacks(20)).await;
        let mut dispatch = Recipe { concurrency: 5, ..Recipe::default() }.run(&store, |given| {
            if given.seq <= 5 { Deed::Hangs } else { DONE }
        });
        let mut under_way = dispatch.sequences(5).await;
        under_way.sort_unstable();
        assert_eq!(under_way, [1, 2, 3, 4, 5]);
        dispatch.dies().await;

        append(&store, &[callback("id0").build()]).await;
        let mut dispatch = Recipe::default().run(&store, |_| DONE);
        let mut seqs = Vec::new();
        while seqs.len() < 21 {
            let given = dispatch.next().await;
            assert!(given.epoch == 2 && given.attempt == 1, "{given:?}");
            seqs.push(given.seq);
        }
        assert_eq!(seqs[..20], (1..=20).collect::<Vec<_>>(), "suspects come one by one");
        assert_eq!(seqs[20], 21);
        is_at(&store, NAME, 21).await;
        assert!(dead_letters(&store, NAME).await.is_empty());
        assert!(dispatch.ends().await.is_empty());
    }

    async fn a_callback_that_ends_every_process_is_a_dead_letter_after_three_solo_starts(db: Database) {
        let store = Arc::new(db.store().await);
        append(&store, &callbacks(3)).await;
        for _ in 0..4 {
            let mut dispatch = Recipe::default().run(&store, |given| if given.seq == 2 { Deed::Hangs } else { DONE });
            while dispatch.next().await.seq != 2 {}
            dispatch.dies().await;
            let expired = if db.is_postgres() { "now() - interval '1 second'" } else { "0" };
            db.execute(&format!("UPDATE subscriptions SET lease_until = {expired}")).await;
        }
        let dispatch = Recipe::default().run(&store, |_| DONE);
        is_at(&store, NAME, 3).await;
        let dead = dead_letters(&store, NAME).await;
        assert_eq!(dead.iter().map(|letter| letter.seq).collect::<Vec<_>>(), [2]);
        assert!(dead[0].error.as_deref().is_some_and(|why| why.starts_with("three times the process ended")), "{dead:?}");
        assert!(dispatch.ends().await.iter().all(|given| given.seq != 2), "it is not tried again");
    }

    async fn a_long_attempt_does_not_hold_the_cursor(db: Database) {
        let store = Arc::new(db.store().await);
        append(&store, &callbacks(3)).await;
        let gate = gate();
        let held = gate.clone();
        let mut dispatch =
            Recipe::default().run(&store, move |given| if given.seq == 1 { Deed::after(&held, DONE) } else { DONE });
        dispatch.sequences(3).await;
        let passed = async || row(&store, NAME).await.is_some_and(|row| row.position == 3 && row.waiting == 1);
        eventually("the cursor has passed it while it runs", passed).await;
        gate.add_permits(1);
        is_at(&store, NAME, 3).await;
        assert!(dispatch.ends().await.is_empty());
    }
}
