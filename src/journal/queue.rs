//! The writer's end of the queue: everything that waits, up to a batch's caps.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::mpsc;

use super::Waiting;
use crate::store::NewEntry;
use crate::telemetry::Metrics;

/// Item rows of one append.
const MAX_ITEMS: usize = 4096;
/// Bytes of one append.
const MAX_BYTES: usize = 1 << 20;

pub(super) struct Queue {
    waiting: mpsc::Receiver<Waiting>,
    bytes: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
    /// Taken, too much for the batch before.
    next: Option<Waiting>,
}

/// Entries that are to be made durable together; at least one.
#[derive(Default)]
pub(super) struct Batch {
    pub waiting: Vec<Waiting>,
    items: usize,
    bytes: usize,
}

impl Queue {
    pub fn new(waiting: mpsc::Receiver<Waiting>, bytes: Arc<AtomicUsize>, metrics: Arc<Metrics>) -> Self {
        Queue { waiting, bytes, metrics, next: None }
    }

    pub fn is_empty(&self) -> bool {
        self.next.is_none() && self.waiting.is_empty()
    }

    /// Whatever waits; nothing once nobody can hand anything over any more. Nothing is lost when this is dropped.
    pub async fn take(&mut self) -> Option<Batch> {
        if self.next.is_none() {
            self.next = Some(self.waiting.recv().await?);
        }
        let mut batch = Batch::default();
        while let Some(next) = self.next.take().or_else(|| self.waiting.try_recv().ok()) {
            if !batch.has_room_for(&next) {
                self.next = Some(next);
                break;
            }
            batch.add(next);
        }
        self.bytes.fetch_sub(batch.bytes, Ordering::Relaxed);
        self.metrics.queue_entries.set(i64::try_from(self.waiting.len()).unwrap_or(i64::MAX));
        Some(batch)
    }
}

impl Batch {
    fn add(&mut self, waiting: Waiting) {
        self.items += waiting.entry.items.len();
        self.bytes += waiting.entry.size();
        self.waiting.push(waiting);
    }

    fn has_room_for(&self, waiting: &Waiting) -> bool {
        self.waiting.is_empty()
            || self.items + waiting.entry.items.len() <= MAX_ITEMS && self.bytes + waiting.entry.size() <= MAX_BYTES
    }

    pub fn entries(&self) -> Vec<&NewEntry> {
        self.waiting.iter().map(|waiting| &waiting.entry).collect()
    }

    /// Whether anybody still waits for one of them.
    pub fn is_waited_for(&self) -> bool {
        self.waiting.iter().any(|waiting| !waiting.done.is_closed())
    }

    /// When the first of them began to wait.
    pub fn since(&self) -> Instant {
        self.waiting.iter().map(|waiting| waiting.since).min().unwrap_or_else(Instant::now)
    }
}
