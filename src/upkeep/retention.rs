//! `store.retention_days`: drops what is older, at the start and once an hour.

use std::time::Duration;

use crate::clock::Clock;
use crate::store::prune::{self, News, Rules, before_days};
use crate::store::{Store, StoreError};

const EVERY: Duration = Duration::from_secs(3600);

/// Keeps the log within its retention; ends where there is none, or where our role may not prune.
pub(super) async fn run(store: &Store, days: Option<u32>, clock: &Clock) {
    let Some(days) = days else { return };
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        match store.may_prune().await {
            Ok(true) => {}
            Ok(false) => {
                tracing::error!(
                    "store.retention_days = {days}, but only the owner of the tables may drop what is older: run `portraitd prune` \
                     with the owner's DATABASE_URL once a day, and leave store.retention_days out here"
                );
                return;
            }
            Err(error) => {
                said(&error);
                continue;
            }
        }
        if let Err(error) = once(store, days, clock).await {
            said(&error);
        }
    }
}

async fn once(store: &Store, days: u32, clock: &Clock) -> Result<(), StoreError> {
    let mut is_waiting = false;
    let rules = Rules { before: before_days(clock.now(), days), force: false };
    let held = prune::run(store, rules, |news| match news {
        News::Dropped(part) => tracing::info!("{part} dropped: store.retention_days = {days}"),
        News::Waiting if !is_waiting => {
            is_waiting = true;
            tracing::info!("dropping old entries goes on when those who read them have ended");
        }
        News::Waiting | News::Step => {}
    });
    if let Some((part, holders)) = held.await? {
        for holder in holders {
            tracing::warn!(
                handler = holder.handler,
                "{part} should be dropped, but {holder}; `portraitd prune --force` drops them all the same"
            );
        }
    }
    Ok(())
}

fn said(error: &StoreError) {
    tracing::warn!("dropping old entries failed, trying again in an hour: {error}");
}
