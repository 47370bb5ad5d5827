//! Group commit: whatever waits is made durable together, and nothing waits for a timer.
//!
//! The receiver hands an entry over and gets its outcome once it is durable. One [`Writer`] takes everything that waits, up
//! to a batch's caps, and appends it to the store; if the store is away or too slow, the batch goes to the [`Spool`] on this
//! machine's disk. While anything is in the spool everything goes through it, so that the order stays; beside that the spool
//! is drained. What cannot be read goes another way, so that it never stands in the way of what can. All queues are bounded:
//! what does not fit is refused at once.

mod drain;
mod health;
mod keeper;
mod log;
mod queue;
mod settle;
pub mod spool;
mod taken;
mod writer;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use crate::store::{NewEntry, NewUnreadable};
use crate::telemetry::Metrics;
pub use drain::{DrainError, drain};
pub use health::Health;
pub use log::{Doing, Log};
pub use spool::{Spool, SpoolError};
pub use writer::Writer;

/// Entries that may wait for the writer; more are refused.
const QUEUE: usize = 8192;
/// Bytes that may wait for the writer, roughly; more are refused.
const QUEUE_BYTES: usize = 64 << 20;
/// Unreadable bodies that may wait; more are not kept.
const ASIDE: usize = 64;

/// Makes entries durable. The receiver knows no more of what happens behind it.
pub trait Recorder: Send + Sync + 'static {
    /// Resolves when the entry is durable, is known to be refused, or at `deadline`.
    fn record(&self, entry: NewEntry, deadline: Instant) -> Recording<'_, Outcome>;

    /// Resolves when the body is kept (true), or when it cannot be kept before `deadline`.
    fn keep(&self, body: NewUnreadable, deadline: Instant) -> Recording<'_, bool>;
}

/// A recording under way.
pub type Recording<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Durable, new in the log.
    Recorded,
    /// Durable, in the log before.
    Duplicate,
    /// Durable, in the spool.
    Spooled,
    /// The database refuses this entry's data; it was kept as unreadable.
    Refused,
    /// Not known to be durable. It may still become so.
    Unavailable,
}

/// The receiver's end of the queues.
pub struct Journal {
    queue: mpsc::Sender<Waiting>,
    aside: mpsc::Sender<Aside>,
    bytes: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
}

/// An entry that waits to be durable, since when, and who waits for it.
struct Waiting {
    entry: NewEntry,
    since: Instant,
    done: oneshot::Sender<Outcome>,
}

/// A body that waits to be kept, and what to do when it is (true) or cannot be.
struct Aside {
    body: NewUnreadable,
    done: Box<dyn FnOnce(bool) + Send>,
}

impl Journal {
    /// A journal and the writer behind it, which ends when the journal is gone and everything that waited is durable.
    /// What the store has not taken within `budget` goes to the spool.
    pub fn new(log: Arc<dyn Log>, spool: Spool, budget: Duration, metrics: Arc<Metrics>) -> (Self, Writer) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (aside, asides) = mpsc::channel(ASIDE);
        let bytes = Arc::new(AtomicUsize::new(0));
        let waiting = queue::Queue::new(waiting, bytes.clone(), metrics.clone());
        let writer = Writer::new(log, spool, budget, waiting, asides, metrics.clone());
        (Journal { queue, aside, bytes, metrics }, writer)
    }

    fn enqueue(&self, entry: NewEntry) -> Option<oneshot::Receiver<Outcome>> {
        let size = entry.size();
        let (done, answer) = oneshot::channel();
        // Counted before it is handed over, because the writer may take it and count it off at once.
        let waiting = self.bytes.fetch_add(size, Ordering::Relaxed) + size;
        if waiting > QUEUE_BYTES || self.queue.try_send(Waiting { entry, since: Instant::now(), done }).is_err() {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            return None;
        }
        let entries = QUEUE - self.queue.capacity();
        self.metrics.queue_entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
        Some(answer)
    }
}

impl Recorder for Journal {
    fn record(&self, entry: NewEntry, deadline: Instant) -> Recording<'_, Outcome> {
        let answer = self.enqueue(entry);
        Box::pin(async move {
            let Some(answer) = answer else { return Outcome::Unavailable };
            match tokio::time::timeout_at(deadline.into(), answer).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) | Err(_) => Outcome::Unavailable,
            }
        })
    }

    fn keep(&self, body: NewUnreadable, deadline: Instant) -> Recording<'_, bool> {
        let (done, answer) = oneshot::channel();
        // Whoever waited may have stopped waiting.
        let done = Box::new(move |kept| {
            let _ = done.send(kept);
        });
        let sent = self.aside.try_send(Aside { body, done });
        Box::pin(async move {
            if sent.is_err() {
                self.metrics.unreadable_lost.inc();
                return false;
            }
            matches!(tokio::time::timeout_at(deadline.into(), answer).await, Ok(Ok(true)))
        })
    }
}
