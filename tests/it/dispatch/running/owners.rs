//! Two processes, one handler: one owner at a time.

use std::sync::Arc;

use portraitd::dispatch::Start;
use portraitd::store::subscription::{Operator, Order, Ordered};

use super::teller::{DONE, Deed, Given, NAME, Recipe, is_at, row};
use crate::harness::db::{Database, eventually};
use crate::harness::entries::{append, callback, callbacks};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_processes_one_handles_and_after_a_clean_stop_the_other_takes_over_quickly() {
    let db = Database::postgres().await;
    let stores = [Arc::new(db.store().await), Arc::new(db.store().await)];
    let mut first = Recipe::default().run(&stores[0], |_| DONE);
    eventually("the first is the owner", async || row(&stores[0], NAME).await.is_some_and(|row| row.leased)).await;
    let mut second = Recipe::default().run(&stores[1], |_| DONE);
    // Recorded through the second one's store, too: whoever records does not matter.
    for round in 0..20 {
        append(&stores[round % 2], &callbacks(5)).await;
    }
    for _ in 0..100 {
        assert_eq!(first.next().await.epoch, 1);
    }
    is_at(&stores[0], NAME, 100).await;
    second.assert_idle();

    assert!(first.ends().await.is_empty(), "each came once");
    let left = row(&stores[0], NAME).await.unwrap();
    assert!(left.owner.is_none() || left.epoch == 2, "the lease was given back: {left:?}");
    append(&stores[0], &[callback("a").build()]).await;
    let given = second.next().await;
    assert_eq!((given.seq, given.epoch), (101, 2));
    is_at(&stores[1], NAME, 101).await;
    assert!(second.ends().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_was_rewound_calls_off_what_it_does_and_begins_again_under_a_new_epoch() {
    let db = Database::postgres().await;
    let store = Arc::new(db.store().await);
    append(&store, &callbacks(3)).await;
    let deed = |given: &Given| if given.seq == 3 && given.epoch == 1 { Deed::Hangs } else { DONE };
    let mut dispatch = Recipe::default().run(&store, deed);
    let mut hanging = dispatch.next().await;
    while hanging.seq != 3 {
        hanging = dispatch.next().await;
    }
    let ordered = store.order(NAME, &Order::Rewind(Start::Entry(1)), Operator("me")).await.unwrap();
    assert_eq!(ordered, Ordered::Done(0));
    hanging.cancellation.cancelled().await;
    let mut seqs = Vec::new();
    while seqs.len() < 3 {
        let given = dispatch.next().await;
        if given.epoch > 1 {
            seqs.push(given.seq);
        }
    }
    seqs.sort_unstable();
    assert_eq!(seqs, [1, 2, 3]);
    is_at(&store, NAME, 3).await;
    let metrics = dispatch.metrics.clone();
    assert!(dispatch.ends().await.is_empty());
    let text = metrics.text().unwrap();
    for name in ["owned", "position", "lag", "stalled"] {
        let line = format!("portraitd_handler_{name}{{handler=\"{NAME}\"}} 0");
        assert!(text.lines().any(|found| found == line), "who does not handle says nothing of it: {line} in {text}");
    }
}
