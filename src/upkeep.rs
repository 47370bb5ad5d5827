//! Opens a store that was away at the start, then does what the log needs now and then beside the appends: partitions ahead,
//! expired dedupe keys dropped, the index over time, unreadable bodies bounded, old entries dropped. One step that fails or hangs
//! does not keep the others from being done.

mod retention;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::clock::Clock;
use crate::config::StoreConfig;
use crate::journal::Health;
use crate::stop::Stop;
use crate::store::{Store, StoreError};

/// How often a store that is away is tried again.
const OPEN_EVERY: Duration = Duration::from_secs(1);
const EVERY: Duration = Duration::from_secs(5);
/// No step takes longer. What the database was doing for it, it may still finish.
const LIMIT: Duration = Duration::from_secs(10);
/// Rows one pruning drops at most; as many again means that there are more.
const FULL_PRUNING: u64 = 10_000;

/// Looks after the log until told to stop.
pub async fn run(store: Arc<Store>, health: Arc<Health>, config: StoreConfig, clock: Clock, stop: Stop) {
    tokio::select! {
        () = open(&store) => {}
        () = stop.stopping() => return,
    }
    // Pruning may take long, and nothing else waits for it.
    let pruning = retention::run(&store, config.retention_days, &clock);
    tokio::select! {
        _ = async { tokio::join!(look_after(&store, &health, &config), pruning) } => {}
        () = stop.stopping() => {}
    }
}

async fn look_after(store: &Store, health: &Health, config: &StoreConfig) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        once(store, health, config).await;
    }
}

/// A store that was away at the start. Whatever is wrong with it now, callbacks are in the spool meanwhile.
async fn open(store: &Store) {
    let mut tries = 0_u32;
    while let Err(error) = store.bring_up().await {
        tries += 1;
        if tries.is_power_of_two() {
            tracing::error!(store.tries = tries, "the store cannot be opened, trying again: {error}");
        }
        tokio::time::sleep(OPEN_EVERY).await;
    }
    if tries > 0 {
        tracing::info!("the store is open: {}", store.location());
    }
}

async fn once(store: &Store, health: &Health, config: &StoreConfig) {
    done("attaching partitions ahead", store.extend()).await;
    // What waits in the spool may repeat what was recorded before the outage, however long that took.
    if health.spooled() == 0 {
        let window = i64::from(config.dedupe_window_secs);
        while done("dropping expired dedupe keys", store.prune_recent(window)).await >= Some(FULL_PRUNING) {}
    }
    done("adding to the index over time", store.add_blocks()).await;
    match done("bounding unreadable bodies", store.bound_unreadable(config.unreadable_max_bytes)).await {
        None | Some(0) => {}
        Some(dropped) => {
            tracing::warn!(
                dropped,
                "{dropped} of the oldest unreadable bodies were dropped: store.unreadable_max_bytes"
            );
        }
    }
}

/// What a step came to, if it succeeded in time.
async fn done<T>(step: &str, verb: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
    let done = timeout(LIMIT, verb).await.unwrap_or(Err(StoreError::Slow(LIMIT.as_millis())));
    done.inspect_err(|error| tracing::warn!("{step} failed, trying again in {} s: {error}", EVERY.as_secs())).ok()
}
