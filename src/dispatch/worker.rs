//! One worker a handler and process: it asks for the handler's lease, and hands over to the owner's part when it has it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::feed::Feed;
use super::lane::{Lane, Rules};
use super::owner::Owned;
use super::{ProfileHandler, Wants};
use crate::clock::Clock;
use crate::protocol::time::{Millis, millis};
use crate::stop::Stop;
use crate::store::subscription::{Lease, Start};
use crate::store::{Store, StoreError};
use crate::telemetry::dispatch::Handler as Metrics;

/// How long a handler stays with an owner that says nothing.
pub(super) const LEASE: Duration = Duration::from_secs(3);
/// How often a lease that somebody else has is asked for.
const ASK: Duration = Duration::from_millis(500);

/// A handler and how it is run.
pub struct Registration {
    /// Its name, by which the store knows it.
    pub name: String,
    /// What it does.
    pub handler: Arc<dyn ProfileHandler>,
    /// Where it begins when the store does not know it.
    pub start: Start,
    /// Waits and concurrency.
    pub rules: Rules,
    /// How long an attempt may take.
    pub limit: Duration,
}

pub(super) struct Worker {
    pub registration: Registration,
    pub wants: Wants,
    pub store: Arc<Store>,
    pub feed: Arc<Feed>,
    pub metrics: Metrics,
    pub clock: Clock,
    pub owner: String,
    /// How long attempts under way may still take when the service stops.
    pub patience: Duration,
    pub begun: Instant,
}

impl Worker {
    pub async fn run(self, stop: Stop) {
        let worker = Arc::new(self);
        loop {
            tokio::select! {
                subscribed = worker.store.subscribe(&worker.registration.name, worker.registration.start) => match subscribed {
                    Ok(()) => break,
                    Err(_) => tokio::time::sleep(ASK).await,
                },
                () = stop.stopping() => return,
            }
        }
        while !stop.is_stopping() {
            match worker.take_over().await {
                Ok(Some(owned)) => owned.run(stop.clone()).await,
                Ok(None) => {}
                Err(error) => tracing::debug!(handler = worker.name(), "no lease yet: {error}"),
            }
            tokio::select! {
                () = tokio::time::sleep(ASK) => {}
                () = stop.stopping() => {}
            }
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.registration.name
    }

    pub(super) fn lease(&self, epoch: i64) -> Lease<'_> {
        Lease { handler: self.name(), owner: &self.owner, epoch, millis: millis(LEASE) }
    }

    /// Time for the lane: milliseconds that never go back.
    pub(super) fn now(&self) -> Millis {
        millis(self.begun.elapsed())
    }

    async fn take_over(self: &Arc<Self>) -> Result<Option<Owned>, StoreError> {
        let asked = Instant::now();
        let Some(subscription) = self.store.acquire(self.lease(0)).await? else { return Ok(None) };
        let waiting = self.store.waiting(self.name()).await?;
        let head = self.store.head().await?.seq;
        let (epoch, behind) = (subscription.epoch, head - subscription.position);
        tracing::info!(
            handler = self.name(),
            epoch,
            behind,
            parked = waiting.len(),
            "handling, from where it was left"
        );
        let random = SmallRng::from_rng(&mut rand::rng());
        let rules = self.registration.rules.clone();
        let lane = Lane::resume(rules, &subscription, waiting, head, self.now(), random);
        Ok(Some(Owned::new(self.clone(), lane, subscription, asked)))
    }
}
