//! What the owner of a handler does: what the lane says (reads, tries, writes), until the service stops or the lease is another's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::attempt::{self, Trial};
use super::feed::Page;
use super::lane::{Lane, Verdict, Work};
use super::worker::{LEASE, Worker};
use crate::protocol::time::Millis;
use crate::stop::Stop;
use crate::store::StoreError;
use crate::store::subscription::{Checkpoint, Orders, Subscription, Waiting};

/// After the store has failed.
const AGAIN: Duration = Duration::from_millis(250);
/// After the log was shorter than its head says.
const SHORTLY: Duration = Duration::from_millis(10);
/// Timers are no more exact than this.
const TICK: Duration = Duration::from_millis(5);

/// What came to an end.
enum Event {
    Attempt(i64, Verdict),
    Read(Result<Page, StoreError>),
    /// And what, and when it was sent.
    Written(Result<Option<Orders>, StoreError>, Checkpoint, Instant),
    Waiting(Result<Vec<Waiting>, StoreError>),
}

/// A handler while this process owns it.
pub(super) struct Owned {
    worker: Arc<Worker>,
    lane: Lane,
    epoch: i64,
    orders: Orders,
    /// When the lease was asked for that is known to be ours.
    renewed: Instant,
    events: JoinSet<Event>,
    /// Calls off what is under way.
    cancel: CancellationToken,
    head: watch::Receiver<i64>,
    was_stalled: bool,
}

impl Owned {
    /// `asked`: when the lease was asked for.
    pub fn new(worker: Arc<Worker>, lane: Lane, subscription: Subscription, asked: Instant) -> Self {
        Owned {
            lane,
            epoch: subscription.epoch,
            orders: subscription.orders,
            renewed: asked,
            events: JoinSet::new(),
            cancel: CancellationToken::new(),
            head: worker.feed.head(),
            was_stalled: subscription.is_stalled,
            worker,
        }
    }

    /// Until the service stops or somebody else is the owner.
    pub async fn run(mut self, stop: Stop) {
        self.worker.metrics.owned.set(1);
        let mut give_up_at = None;
        let kept = loop {
            let now = self.worker.now();
            if stop.is_stopping() && give_up_at.is_none() {
                self.lane.stop();
                give_up_at = Some(Instant::now() + self.worker.patience);
            }
            if give_up_at.is_some() && self.lane.running() == 0 {
                break true;
            }
            self.mind_the_lease(give_up_at);
            while let Some(work) = self.lane.step(now) {
                self.begin(work);
            }
            self.report();
            let wake = self.wake(now, give_up_at);
            let event = tokio::select! {
                Some(event) = self.events.join_next() => Some(event),
                Ok(()) = self.head.changed() => None,
                () = tokio::time::sleep_until(wake.into()) => None,
                () = stop.stopping(), if give_up_at.is_none() => None,
            };
            let head = *self.head.borrow_and_update();
            self.lane.log_at(head);
            let mut next = event;
            let mut is_ours = true;
            while let Some(event) = next {
                // A panic of our own is no event; whoever waits for it is told by its absence.
                if let Ok(event) = event {
                    is_ours &= self.happened(event);
                }
                next = self.events.try_join_next();
            }
            if !is_ours {
                break false;
            }
        };
        self.cancel.cancel();
        let metrics = self.worker.metrics.clone();
        match kept {
            true => self.give_back().await,
            false => tracing::warn!(
                handler = self.worker.name(),
                epoch = self.epoch,
                "the lease is lost: another process took over, or an operator rewound the handler"
            ),
        }
        metrics.disown();
    }

    fn begin(&mut self, work: Work) {
        let worker = self.worker.clone();
        match work {
            Work::Attempt(attempt) => {
                let trial = Trial { worker, attempt, epoch: self.epoch, cancel: self.cancel.clone() };
                self.events.spawn(async move {
                    let (seq, verdict) = attempt::run(trial).await;
                    Event::Attempt(seq, verdict)
                });
            }
            Work::Read(after) => {
                self.events.spawn(async move {
                    let page = attempt::page(&worker, after).await;
                    match &page {
                        Ok(page) if page.to > after => {}
                        Ok(_) => tokio::time::sleep(SHORTLY).await,
                        Err(_) => tokio::time::sleep(AGAIN).await,
                    }
                    Event::Read(page)
                });
            }
            Work::Write(checkpoint) => {
                let epoch = self.epoch;
                self.events.spawn(async move {
                    let sent = Instant::now();
                    let written = worker.store.checkpoint(worker.lease(epoch), &checkpoint).await;
                    if written.is_err() {
                        tokio::time::sleep(AGAIN).await;
                    }
                    Event::Written(written, checkpoint, sent)
                });
            }
        }
    }

    /// Whether the handler is still ours.
    fn happened(&mut self, event: Event) -> bool {
        let now = self.worker.now();
        match event {
            Event::Attempt(seq, verdict) => self.lane.ended(seq, verdict, now),
            Event::Read(Ok(page)) => self.lane.read(page.changes, page.to),
            Event::Read(Err(error)) => {
                tracing::debug!(handler = self.worker.name(), "the log cannot be read: {error}");
                self.lane.not_read();
            }
            Event::Written(Ok(Some(orders)), checkpoint, sent) => {
                self.tell_of_the_dead(&checkpoint);
                self.renewed = sent;
                self.lane.hold(false);
                self.lane.written(orders);
                if orders.orders != self.orders.orders {
                    self.orders = orders;
                    let worker = self.worker.clone();
                    self.events.spawn(async move { Event::Waiting(worker.store.waiting(worker.name()).await) });
                }
            }
            Event::Written(Ok(None), ..) => return false,
            Event::Written(Err(error), ..) => {
                tracing::debug!(handler = self.worker.name(), "what was handled cannot be written: {error}");
                self.lane.not_written();
            }
            Event::Waiting(Ok(waiting)) => self.lane.reload(waiting, now),
            Event::Waiting(Err(_)) => self.orders.orders -= 1,
        }
        true
    }

    /// Past the lease, or past the patience, nothing of ours goes on.
    fn mind_the_lease(&mut self, give_up_at: Option<Instant>) {
        let is_late = self.renewed.elapsed() >= LEASE;
        if is_late && !self.cancel.is_cancelled() {
            tracing::warn!(handler = self.worker.name(), "the lease could not be renewed in time, standing still");
        }
        if is_late || give_up_at.is_some_and(|at| at <= Instant::now()) {
            self.lane.hold(true);
            self.cancel.cancel();
        } else if self.cancel.is_cancelled() {
            self.cancel = CancellationToken::new();
        }
    }

    fn wake(&self, now: Millis, give_up_at: Option<Instant>) -> Instant {
        let wait = u64::try_from(self.lane.wakes_at() - now).map_or(TICK, Duration::from_millis).max(TICK);
        let mut wake = Instant::now() + wait;
        if !self.cancel.is_cancelled() {
            wake = wake.min(self.renewed + LEASE);
        }
        give_up_at.filter(|at| *at > Instant::now()).map_or(wake, |at| wake.min(at))
    }

    /// A clean end: whoever comes next has no suspects, and need not wait for the lease.
    async fn give_back(mut self) {
        let handler = self.worker.name().to_owned();
        let last = async {
            while let Some(event) = self.events.join_next().await {
                if let Ok(event) = event
                    && !self.happened(event)
                {
                    return Ok(());
                }
            }
            let checkpoint = self.lane.checkpoint(self.worker.now(), true);
            let written = self.worker.store.checkpoint(self.worker.lease(self.epoch), &checkpoint).await?;
            if written.is_some() {
                self.tell_of_the_dead(&checkpoint);
            }
            Ok(())
        };
        let why = match tokio::time::timeout(LEASE, last).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => StoreError::to_string(&error),
            Err(_) => "the store does not answer".to_owned(),
        };
        tracing::warn!(handler, "what was handled last could not be written, some of it will be handled again: {why}");
    }

    fn report(&mut self) {
        let (metrics, status) = (&self.worker.metrics, self.lane.status());
        metrics.position.set(status.position);
        metrics.lag.set((status.head - status.position).max(0));
        let oldest = status.oldest.map_or(0, |received_at| (self.worker.clock.now() - received_at).max(0) / 1000);
        metrics.lag_seconds.set(oldest);
        metrics.parked.set(i64::try_from(status.parked).unwrap_or(i64::MAX));
        metrics.stalled.set(i64::from(status.is_stalled));
        if status.is_stalled != self.was_stalled {
            self.was_stalled = status.is_stalled;
            let handler = self.worker.name();
            match status.is_stalled {
                true => tracing::error!(
                    handler,
                    position = status.position,
                    "stalled: attempts for many accounts have all failed; one callback at a time is tried until one gets through"
                ),
                false => tracing::info!(handler, "not stalled any more"),
            }
        }
    }

    fn tell_of_the_dead(&self, checkpoint: &Checkpoint) {
        for dead in checkpoint.changed.iter().filter(|delivery| delivery.dead) {
            self.worker.metrics.dead.inc();
            let (handler, seq, attempts) = (self.worker.name(), dead.seq, dead.attempts);
            let why = dead.error.as_deref().unwrap_or_default();
            tracing::error!(handler, seq, attempts, "a callback is a dead letter now: {why}");
        }
    }
}
