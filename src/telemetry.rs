//! The program's own log and its metrics. Never a body, a Sign or a token.

pub mod connections;
pub mod dispatch;
pub mod proof;
pub mod reconcile;
pub mod seldom;

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, Log, LogFormat};
use connections::AllConnections;
use dispatch::AllHandlers;
use proof::Proofs;
use reconcile::Reconciliations;

/// Sends log lines to stderr, as configured, unless the process has a log already.
pub fn init(log: &Log) -> Result<(), ConfigError> {
    // The NATS client logs every try to connect again; the handler says what matters.
    let filter = EnvFilter::try_new(format!("async_nats=off,{}", log.filter))
        .map_err(|e| ConfigError(format!("log.filter: {e}")))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    match log.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    }
    // Whoever embeds the service may have a log of their own.
    .or(Ok(()))
}

/// How callbacks are counted.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct CallbackLabels {
    /// What became of it.
    pub outcome: &'static str,
    /// The command or its family, from a bounded set.
    pub command: &'static str,
}

/// Why the private listener's guard refused a request.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RefusalLabels {
    /// One word.
    pub reason: &'static str,
}

/// What is counted and timed. One set a service, handed to whoever counts.
pub struct Metrics {
    registry: Registry,
    /// Requests to the public listener.
    pub callbacks: Family<CallbackLabels, Counter>,
    /// Callbacks that were in the log already.
    pub duplicates: Counter,
    /// Before-event commands answered OK without anybody deciding.
    pub before_event_acknowledged: Counter,
    /// Bodies that could not even be kept as unreadable.
    pub unreadable_lost: Counter,
    /// From receipt to answer.
    pub answer_seconds: Histogram,
    /// One append, as the writer sees it.
    pub append_seconds: Histogram,
    /// Entries in one append.
    pub batch_entries: Histogram,
    /// Appends that failed and were tried again.
    pub append_failures: Counter,
    /// Entries waiting for the writer.
    pub queue_entries: Gauge,
    /// Sequence of the newest entry this process wrote.
    pub log_seq: Gauge,
    /// Callbacks and unreadable bodies written to the spool.
    pub spooled: Counter,
    /// Those taken out of it, into the store.
    pub drained: Counter,
    /// Those that wait in it.
    pub spool_records: Gauge,
    /// What it takes on disk.
    pub spool_bytes: Gauge,
    /// Batches that neither store nor spool took at once.
    pub spool_failures: Counter,
    /// Bytes of it that could not be read back.
    pub spool_damaged_bytes: Counter,
    /// Records of it that the store did not take and that went into files of their own.
    pub spool_set_aside: Counter,
    /// 1 while the allowlist's file cannot be used.
    pub allowlist_stale: Gauge,
    /// Requests that the private listener's guard refused.
    pub private_refused: Family<RefusalLabels, Counter>,
    /// Requests whose handling panicked.
    pub panics: Counter<u64, AtomicU64>,
    /// Connections to both listeners.
    pub connections: AllConnections,
    /// Handlers of this process.
    pub handlers: AllHandlers,
    /// Heads noted outside, and what verification found.
    pub proof: Proofs,
    /// What reconciliation found.
    pub reconciliations: Reconciliations,
    /// Bytes of request bodies in memory.
    pub body_bytes: Gauge,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.000_25, 2.0, 14));
        let mut metrics = Metrics {
            registry: Registry::with_prefix("portraitd"),
            callbacks: Family::default(),
            duplicates: Counter::default(),
            before_event_acknowledged: Counter::default(),
            unreadable_lost: Counter::default(),
            answer_seconds: seconds(),
            append_seconds: seconds(),
            batch_entries: Histogram::new(exponential_buckets(1.0, 2.0, 12)),
            append_failures: Counter::default(),
            queue_entries: Gauge::default(),
            log_seq: Gauge::default(),
            spooled: Counter::default(),
            drained: Counter::default(),
            spool_records: Gauge::default(),
            spool_bytes: Gauge::default(),
            spool_failures: Counter::default(),
            spool_damaged_bytes: Counter::default(),
            spool_set_aside: Counter::default(),
            allowlist_stale: Gauge::default(),
            private_refused: Family::default(),
            panics: Counter::default(),
            connections: AllConnections::default(),
            handlers: AllHandlers::default(),
            proof: Proofs::default(),
            reconciliations: Reconciliations::default(),
            body_bytes: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("build", "Which program this is", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        r.register("callbacks", "Requests to the public listener, by outcome and command", self.callbacks.clone());
        r.register("duplicates", "Callbacks that were in the log already", self.duplicates.clone());
        r.register(
            "before_event_acknowledged",
            "Before-event commands answered OK, which lets the action pass",
            self.before_event_acknowledged.clone(),
        );
        r.register("unreadable_lost", "Unreadable bodies that could not be kept", self.unreadable_lost.clone());
        r.register_with_unit("answer", "From receipt to answer", Unit::Seconds, self.answer_seconds.clone());
        r.register_with_unit("append", "One append to the store", Unit::Seconds, self.append_seconds.clone());
        r.register("batch_entries", "Entries in one append", self.batch_entries.clone());
        r.register("append_failures", "Appends that failed and were tried again", self.append_failures.clone());
        r.register("queue_entries", "Entries waiting for the writer", self.queue_entries.clone());
        r.register("log_seq", "Sequence of the newest entry this process wrote", self.log_seq.clone());
        r.register("spooled", "Callbacks and unreadable bodies written to the spool", self.spooled.clone());
        r.register("drained", "Those taken out of the spool, into the store", self.drained.clone());
        r.register(
            "spool_records",
            "Callbacks and unreadable bodies that wait in the spool",
            self.spool_records.clone(),
        );
        r.register("spool_bytes", "What the spool takes on disk", self.spool_bytes.clone());
        r.register(
            "spool_failures",
            "Batches that neither the store nor the spool took at once",
            self.spool_failures.clone(),
        );
        r.register(
            "spool_damaged_bytes",
            "Bytes of the spool that could not be read back",
            self.spool_damaged_bytes.clone(),
        );
        r.register(
            "spool_set_aside",
            "Records of the spool that the store did not take, now in files of their own",
            self.spool_set_aside.clone(),
        );
        r.register("allowlist_stale", "1 while the allowlist cannot be used", self.allowlist_stale.clone());
        r.register(
            "private_refused",
            "Requests that the private listener's guard refused, by reason",
            self.private_refused.clone(),
        );
        r.register("panics", "Requests whose handling panicked", self.panics.clone());
        r.register("body_bytes", "Bytes of request bodies in memory", self.body_bytes.clone());
        self.connections.register(r);
        self.handlers.register(r);
        self.proof.register(r);
        self.reconciliations.register(r);
    }

    /// OpenMetrics text.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
