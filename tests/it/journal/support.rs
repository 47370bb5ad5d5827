//! A journal at work on a store.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use portraitd::journal::{Journal, Outcome, Recorder, Recording, Writer};
use portraitd::store::{NewEntry, Store};
use portraitd::telemetry::Metrics;
use tokio::task::JoinHandle;

/// A journal whose writer has not begun yet, so that a test decides what waits for it.
pub fn resting(store: Store) -> (Journal, Writer) {
    let (journal, writer, keeper) = Journal::new(Arc::new(store), Arc::new(Metrics::default()));
    tokio::spawn(keeper.run());
    (journal, writer)
}

/// A journal whose writer works.
pub fn working(store: Store) -> (Journal, JoinHandle<()>) {
    let (journal, writer) = resting(store);
    (journal, tokio::spawn(writer.run()))
}

/// Long enough for anything that is going to happen.
pub fn patient() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Hands all entries over before the writer begins, so that they wait together; their outcomes.
pub async fn record_together(store: Store, entries: Vec<NewEntry>) -> Vec<Outcome> {
    let (journal, writer) = resting(store);
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
