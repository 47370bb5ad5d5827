//! All handlers of a process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::feed::Feed;
use super::worker::{Registration, Worker};
use crate::clock::Clock;
use crate::stop::Stop;
use crate::store::Store;
use crate::telemetry::Metrics;

/// Runs handlers until told to stop. Returns when all have given their leases back, or could not within `patience`.
pub async fn run(
    registrations: Vec<Registration>,
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    clock: Clock,
    patience: Duration,
    stop: Stop,
) {
    if registrations.is_empty() {
        return stop.stopping().await;
    }
    let (feed, owner, begun) = (Arc::new(Feed::new(store.clone(), clock.clone())), owner(), Instant::now());
    let mut workers = JoinSet::new();
    for registration in registrations {
        let worker = Worker {
            wants: registration.handler.wants(),
            metrics: metrics.handlers.of(&registration.name),
            registration,
            store: store.clone(),
            feed: feed.clone(),
            clock: clock.clone(),
            owner: owner.clone(),
            patience,
            begun,
        };
        workers.spawn(worker.run(stop.clone()));
    }
    let all = async { while workers.join_next().await.is_some() {} };
    tokio::select! {
        () = all => {}
        () = feed.follow(stop) => {}
    }
}

/// Who this process is, for people and for the lease.
fn owner() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}/{}/{:08x}", std::process::id(), rand::random::<u32>())
}
