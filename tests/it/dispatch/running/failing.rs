//! What fails is tried again, then a dead letter, and holds up nobody but its own account.

use std::sync::Arc;
use std::time::Duration;

use portraitd::dispatch::Outcome;

use super::teller::{DONE, Deed, Given, NAME, Recipe, dead_letters, gate, is_at, row};
use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::entries::{append, callback};

const HOUR_MS: u64 = 3_600_000;

on_both_stores! {
    async fn after_the_last_retry_a_callback_is_a_dead_letter_and_then_its_account_goes_on(db: Database) {
        let store = Arc::new(db.store().await);
        let accounts = ["bad", "bad", "good", "good", "bad"];
        append(&store, &accounts.map(|account| callback(account).build())).await;
        let gate = gate();
        let held = gate.clone();
        let mut dispatch = Recipe::default().run(&store, move |given| match (given.seq, given.attempt) {
            (1, 1) => Deed::after(&held, Deed::AsksAgain("not today")),
            (1, _) => Deed::AsksAgain("not today"),
            _ => DONE,
        });
        let mut first = dispatch.sequences(3).await;
        first.sort_unstable();
        assert_eq!(first, [1, 3, 4], "the other account goes on, its own waits");
        gate.add_permits(1);
        let mut after = Vec::new();
        while after.len() < 4 {
            let given = dispatch.next().await;
            after.push((given.seq, given.attempt));
        }
        assert_eq!(after, [(1, 2), (1, 3), (2, 1), (5, 1)]);
        is_at(&store, NAME, 5).await;
        let dead = dead_letters(&store, NAME).await;
        assert_eq!(dead.len(), 1);
        assert_eq!((dead[0].seq, dead[0].attempts, dead[0].account.as_deref()), (1, 3, Some("bad")));
        assert_eq!(dead[0].error.as_deref(), Some("not today"));
        assert!(dispatch.ends().await.is_empty());
    }

    async fn while_one_account_waits_for_its_retry_the_cursor_and_everybody_else_go_on(db: Database) {
        let store = Arc::new(db.store().await);
        let accounts = ["bad", "good", "bad"];
        append(&store, &accounts.map(|account| callback(account).build())).await;
        let recipe = || Recipe { retry_ms: vec![HOUR_MS], ..Recipe::default() };
        let deed = |given: &Given| if given.account == "bad" { Deed::AsksAgain("later") } else { DONE };
        let mut dispatch = recipe().run(&store, deed);
        let mut given = dispatch.sequences(2).await;
        given.sort_unstable();
        assert_eq!(given, [1, 2]);
        append(&store, &["bad", "good"].map(|account| callback(account).build())).await;
        assert_eq!(dispatch.next().await.seq, 5);
        let waits = async || row(&store, NAME).await.filter(|row| row.position == 5 && row.waiting == 3);
        let waiting = eventually("the cursor passes them all", waits).await;
        assert_eq!((waiting.accounts, waiting.dead, waiting.state()), (1, 0, "running"));
        let parked = store.waiting(NAME).await.unwrap();
        assert_eq!(parked.iter().map(|row| (row.seq, row.attempts)).collect::<Vec<_>>(), [(1, 1), (3, 0), (4, 0)]);
        assert_eq!(parked[0].error.as_deref(), Some("later"));
        assert!(dispatch.ends().await.is_empty());

        let mut dispatch = recipe().run(&store, deed);
        append(&store, &[callback("good").build()]).await;
        assert_eq!(dispatch.next().await.seq, 6, "the next owner knows how long the other has to wait");
        assert!(dispatch.ends().await.is_empty());
    }

    async fn a_rejected_callback_is_a_dead_letter_at_once(db: Database) {
        let store = Arc::new(db.store().await);
        append(&store, &["a", "a", "a"].map(|account| callback(account).build())).await;
        let mut dispatch = Recipe { retry_ms: vec![HOUR_MS; 5], ..Recipe::default() }.run(&store, |given| match given.seq {
            1 => Deed::Rejects("of no use"),
            2 => Deed::Answers(Outcome::Reject),
            _ => DONE,
        });
        assert_eq!(dispatch.sequences(3).await, [1, 2, 3]);
        is_at(&store, NAME, 3).await;
        let dead = dead_letters(&store, NAME).await;
        let why: Vec<_> = dead.iter().map(|letter| (letter.seq, letter.error.as_deref())).collect();
        assert_eq!(why, [(1, Some("of no use")), (2, Some("the handler rejected it"))]);
        assert!(dispatch.ends().await.is_empty());
    }

    async fn a_panic_and_no_answer_in_time_are_failed_attempts(db: Database) {
        let store = Arc::new(db.store().await);
        let recipe = Recipe { retry_ms: vec![0], limit: Duration::from_millis(300), ..Recipe::default() };
        let mut dispatch = recipe.run(&store, |given| match given.account.as_str() {
            "panics" => Deed::Panics("out of luck"),
            "hangs" => Deed::Hangs,
            "lazy" if given.attempt == 1 => Deed::Hangs,
            _ => DONE,
        });
        // One that gets through between them: otherwise nothing speaks for the handler.
        for (account, seq, attempts) in [("panics", 1, 2), ("good", 2, 1), ("hangs", 3, 2), ("good", 4, 1), ("lazy", 5, 2)] {
            append(&store, &[callback(account).build()]).await;
            assert_eq!(dispatch.sequences(attempts).await, vec![seq; attempts], "{account}");
            is_at(&store, NAME, seq).await;
        }
        let dead = dead_letters(&store, NAME).await;
        let why: Vec<_> = dead.iter().map(|letter| (letter.seq, letter.attempts, letter.error.as_deref())).collect();
        assert_eq!(why, [(1, 2, Some("panicked: out of luck")), (3, 2, Some("no answer within 0.3 s"))]);
        assert!(dispatch.ends().await.is_empty());
    }

    async fn a_wait_that_the_handler_asks_for_is_kept(db: Database) {
        let store = Arc::new(db.store().await);
        append(&store, &[callback("a").build()]).await;
        let wait = Duration::from_millis(800);
        let mut dispatch = Recipe { retry_ms: vec![0], ..Recipe::default() }.run(&store, move |given| match given.attempt {
            1 => Deed::Answers(Outcome::RetryAfter(wait)),
            _ => DONE,
        });
        let (first, second) = (dispatch.next().await, dispatch.next().await);
        assert_eq!((first.seq, second.seq, second.attempt), (1, 1, 2));
        let waited = second.at - first.at;
        assert!(waited >= wait, "{waited:?}");
        is_at(&store, NAME, 1).await;
        assert!(dispatch.ends().await.is_empty());
    }
}
