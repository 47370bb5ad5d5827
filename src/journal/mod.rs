//! Group commit: whatever waits is written in one transaction, and nothing waits for a timer.
//!
//! The receiver hands an entry over and gets its outcome once it is durable. One writer takes everything that waits, up to
//! a batch's caps, appends it and answers each entry. The queue is bounded: what does not fit is refused at once. (The
//! outage spool belongs here too: between the queue and the store.)

mod writer;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use crate::store::{NewEntry, NewUnreadable};
use crate::telemetry::Metrics;
pub use writer::Writer;

/// Entries that may wait for the writer; more are refused.
const QUEUE: usize = 8192;

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
    /// The database refuses this entry's data; it was kept as unreadable.
    Refused,
    /// Not known to be durable. It may still become so.
    Unavailable,
}

/// The receiver's end of the queue.
pub struct Journal {
    queue: mpsc::Sender<Waiting>,
    metrics: Arc<Metrics>,
}

/// Something that waits to be written, and who waits for it.
enum Waiting {
    Entry(Box<NewEntry>, oneshot::Sender<Outcome>),
    Unreadable(Box<NewUnreadable>, oneshot::Sender<bool>),
}

impl Journal {
    /// A journal and the writer that empties it. The writer ends when every clone of the journal is gone.
    pub fn new(store: Arc<crate::store::Store>, metrics: Arc<Metrics>) -> (Self, Writer) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        (Journal { queue, metrics: metrics.clone() }, Writer::new(store, waiting, metrics))
    }

    async fn wait_for<T>(&self, item: Waiting, answer: oneshot::Receiver<T>, deadline: Instant) -> Option<T> {
        self.queue.try_send(item).ok()?;
        self.metrics.queue_entries.inc();
        tokio::time::timeout_at(deadline.into(), answer).await.ok()?.ok()
    }
}

impl Recorder for Journal {
    fn record(&self, entry: NewEntry, deadline: Instant) -> Recording<'_, Outcome> {
        Box::pin(async move {
            let (done, answer) = oneshot::channel();
            let item = Waiting::Entry(Box::new(entry), done);
            self.wait_for(item, answer, deadline).await.unwrap_or(Outcome::Unavailable)
        })
    }

    fn keep(&self, body: NewUnreadable, deadline: Instant) -> Recording<'_, bool> {
        Box::pin(async move {
            let (done, answer) = oneshot::channel();
            let item = Waiting::Unreadable(Box::new(body), done);
            self.wait_for(item, answer, deadline).await.unwrap_or(false)
        })
    }
}
