//! An outage downstream fills no dead letters: the handler stands still, and goes on by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::teller::{DONE, Deed, NAME, Recipe, dead_letters, is_at, row};
use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::entries::{append, callback};

/// Everything fails for this many accounts until the backend works again.
async fn outage(db: Database, accounts: usize) {
    let store = Arc::new(db.store().await);
    let entry = |n: usize| callback(&format!("id{}", n % accounts)).nick(&n.to_string()).build();
    append(&store, &(0..accounts * 3).map(entry).collect::<Vec<_>>()).await;
    let works = Arc::new(AtomicBool::new(false));
    let deed = {
        let works = works.clone();
        move |_: &_| if works.load(Ordering::SeqCst) { DONE } else { Deed::AsksAgain("the backend is away") }
    };
    let dispatch = Recipe::default().run(&store, deed);
    let stalled = async || row(&store, NAME).await.filter(|row| row.state() == "stalled");
    let found = eventually("the handler is stalled", stalled).await;
    assert!(found.stalled_at.is_some() && found.dead == 0, "{found:?}");
    let text = dispatch.metrics.text().unwrap();
    assert!(text.contains(&format!("portraitd_handler_stalled{{handler=\"{NAME}\"}} 1")), "{text}");

    // Probes fail, too, and nothing comes of it.
    let failed = format!("portraitd_handler_attempts_total{{handler=\"{NAME}\",outcome=\"failed\"}} ");
    let attempts = || {
        let text = dispatch.metrics.text().unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(&failed)).map(str::to_owned);
        line.and_then(|count| count.parse::<u64>().ok()).unwrap_or(0)
    };
    let before = attempts();
    eventually("it probes", async || attempts() > before).await;
    assert!(dead_letters(&store, NAME).await.is_empty());

    works.store(true, Ordering::SeqCst);
    is_at(&store, NAME, i64::try_from(accounts * 3).unwrap()).await;
    eventually("it runs", async || row(&store, NAME).await.is_some_and(|row| row.state() == "running")).await;
    assert!(dead_letters(&store, NAME).await.is_empty());
    dispatch.ends().await;
}

on_both_stores! {
    async fn while_many_accounts_fail_nothing_dies_and_all_is_handled_when_the_backend_works(db: Database) {
        outage(db, 8).await;
    }

    async fn nothing_dies_either_where_few_accounts_fail_to_the_end_of_the_retries(db: Database) {
        outage(db, 2).await;
    }
}
