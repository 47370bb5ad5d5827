//! How each handler does.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// Which handler.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    handler: String,
}

/// Which handler, and what came of an attempt.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AttemptLabels {
    handler: String,
    outcome: &'static str,
}

/// From 1 ms to 65 s.
#[derive(Clone)]
struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(0.001, 2.0, 17))
    }
}

/// All handlers.
pub struct AllHandlers {
    attempts: Family<AttemptLabels, Counter>,
    duration: Family<Labels, Histogram, Seconds>,
    owned: Family<Labels, Gauge>,
    position: Family<Labels, Gauge>,
    lag: Family<Labels, Gauge>,
    lag_seconds: Family<Labels, Gauge>,
    parked: Family<Labels, Gauge>,
    stalled: Family<Labels, Gauge>,
    dead: Family<Labels, Counter>,
}

/// One handler.
#[derive(Clone)]
pub struct Handler {
    /// Attempts that ended with done, failed, rejected, aborted: in this order.
    attempts: [Counter; 4],
    /// How long an attempt took.
    pub duration: Histogram,
    /// 1 while this process handles it.
    pub owned: Gauge,
    /// The cursor.
    pub position: Gauge,
    /// Entries between the cursor and the log's end.
    pub lag: Gauge,
    /// How long the oldest entry that was not handled has been in the log.
    pub lag_seconds: Gauge,
    /// Deliveries that wait.
    pub parked: Gauge,
    /// 1 while nothing gets through.
    pub stalled: Gauge,
    /// Dead letters made.
    pub dead: Counter,
}

/// How an attempt may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Ended {
    Done,
    Failed,
    Rejected,
    Aborted,
}

const OUTCOMES: [&str; 4] = ["done", "failed", "rejected", "aborted"];

impl Handler {
    /// Counts an attempt.
    pub fn attempt(&self, ended: Ended) {
        self.attempts[ended as usize].inc();
    }

    /// What the handler's owner knows, this process does not know any more.
    pub fn disown(&self) {
        for gauge in [&self.owned, &self.position, &self.lag, &self.lag_seconds, &self.parked, &self.stalled] {
            gauge.set(0);
        }
    }
}

impl Default for AllHandlers {
    fn default() -> Self {
        AllHandlers {
            attempts: Family::default(),
            duration: Family::new_with_constructor(Seconds),
            owned: Family::default(),
            position: Family::default(),
            lag: Family::default(),
            lag_seconds: Family::default(),
            parked: Family::default(),
            stalled: Family::default(),
            dead: Family::default(),
        }
    }
}

impl AllHandlers {
    /// This one's.
    pub fn of(&self, handler: &str) -> Handler {
        let labels = Labels { handler: handler.to_owned() };
        Handler {
            attempts: OUTCOMES.map(|outcome| {
                self.attempts.get_or_create_owned(&AttemptLabels { handler: handler.to_owned(), outcome })
            }),
            duration: self.duration.get_or_create_owned(&labels),
            owned: self.owned.get_or_create_owned(&labels),
            position: self.position.get_or_create_owned(&labels),
            lag: self.lag.get_or_create_owned(&labels),
            lag_seconds: self.lag_seconds.get_or_create_owned(&labels),
            parked: self.parked.get_or_create_owned(&labels),
            stalled: self.stalled.get_or_create_owned(&labels),
            dead: self.dead.get_or_create_owned(&labels),
        }
    }

    pub(super) fn register(&self, r: &mut Registry) {
        r.register("handler_attempts", "Attempts, by handler and outcome", self.attempts.clone());
        r.register_with_unit("handler_attempt", "How long attempts took", Unit::Seconds, self.duration.clone());
        r.register("handler_owned", "1 while this process handles it", self.owned.clone());
        r.register("handler_position", "The handler's cursor", self.position.clone());
        r.register("handler_lag", "Entries between the cursor and the log's end", self.lag.clone());
        r.register_with_unit(
            "handler_lag",
            "How long the oldest unhandled entry has been in the log",
            Unit::Seconds,
            self.lag_seconds.clone(),
        );
        r.register("handler_parked", "Callbacks that failed, or wait behind one that did", self.parked.clone());
        r.register("handler_stalled", "1 while nothing gets through", self.stalled.clone());
        r.register("handler_dead_letters", "Dead letters made", self.dead.clone());
    }
}
