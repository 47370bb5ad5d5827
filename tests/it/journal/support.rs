//! A journal at work on a store.

use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use portraitd::journal::{Health, Journal, Log, Outcome, Recorder, Recording, Spool, Writer};
use portraitd::store::{NewEntry, Store};
use portraitd::telemetry::Metrics;
use tempfile::TempDir;

use crate::harness::db::eventually;

/// How long the store may take before the spool is used.
pub const BUDGET: Duration = Duration::from_millis(800);

/// A writer that has not begun yet, and its spool.
pub struct Resting {
    writer: Writer,
    folder: TempDir,
}

impl Resting {
    pub async fn run(self) {
        self.writer.run().await;
        drop(self.folder);
    }
}

/// A journal at work on any log.
pub struct AtWork {
    pub journal: Journal,
    pub health: Arc<Health>,
    pub metrics: Arc<Metrics>,
    pub spool: PathBuf,
}

impl AtWork {
    pub fn on(log: Arc<dyn Log>, budget: Duration) -> Self {
        let (journal, resting, metrics) = resting_on(log, budget);
        let (health, spool) = (resting.writer.health(), resting.folder.path().join("spool"));
        tokio::spawn(resting.run());
        AtWork { journal, health, metrics, spool }
    }

    /// How many files in the spool's folder end like this.
    pub fn files(&self, suffix: &str) -> usize {
        let names = std::fs::read_dir(&self.spool).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        names.filter(|name| name.to_string_lossy().ends_with(suffix)).count()
    }
}

/// A journal whose writer has not begun yet, so that a test decides what waits for it.
pub fn resting(store: Store) -> (Journal, Resting) {
    let (journal, resting, _) = resting_on(Arc::new(store), BUDGET);
    (journal, resting)
}

fn resting_on(log: Arc<dyn Log>, budget: Duration) -> (Journal, Resting, Arc<Metrics>) {
    let (folder, metrics) = (tempfile::tempdir().expect("a folder"), Arc::new(Metrics::default()));
    let spool = Spool::open(&folder.path().join("spool"), 1 << 30).expect("a spool");
    let (journal, writer) = Journal::new(log, spool, budget, metrics.clone());
    (journal, Resting { writer, folder }, metrics)
}

/// A journal whose writer works.
pub fn working(store: Store) -> (Journal, Arc<Health>) {
    let AtWork { journal, health, .. } = AtWork::on(Arc::new(store), BUDGET);
    (journal, health)
}

/// Everything that was in the spool is in the store.
pub async fn drained(health: &Health) {
    eventually("the spool is drained", async || health.spooled() == 0).await;
}

/// Long enough for anything that is going to happen.
pub fn patient() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Hands all entries over before the writer begins, so that they wait together; their outcomes.
pub async fn record_together(store: Store, entries: Vec<NewEntry>) -> Vec<Outcome> {
    let (journal, writer, _) = resting_on(Arc::new(store), Duration::from_secs(20));
    let all = together(entries.into_iter().map(|entry| journal.record(entry, patient())).collect());
    // Polled in this order: everything is queued when the writer begins.
    let (outcomes, ()) = tokio::join!(all, async { drop(tokio::spawn(writer.run())) });
    outcomes
}

/// Hands all entries to a working journal.
pub async fn record_all(journal: &Journal, entries: &[NewEntry], deadline: Instant) -> Vec<Outcome> {
    together(entries.iter().map(|entry| journal.record(entry.clone(), deadline)).collect()).await
}

/// Waits for all of them at once; the first look at each is in their order.
pub async fn together<T>(mut recordings: Vec<Recording<'_, T>>) -> Vec<T> {
    let mut outcomes: Vec<Option<T>> = recordings.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut pending = false;
        for (recording, outcome) in recordings.iter_mut().zip(&mut outcomes).filter(|(_, outcome)| outcome.is_none()) {
            match recording.as_mut().poll(context) {
                Poll::Ready(ready) => *outcome = Some(ready),
                Poll::Pending => pending = true,
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    outcomes.into_iter().flatten().collect()
}
