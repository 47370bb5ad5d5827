//! The one writer: takes what waits, appends it, answers.
//!
//! While the store is away it keeps the batch it holds and tries again under the same receipt ids, so that an append whose
//! commit was lost on the way back is found and not repeated. If the database refuses the data of a batch, the batch is
//! split until the culprit stands alone; the culprit is kept as unreadable.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::{Aside, Outcome, Waiting};
use crate::protocol::command;
use crate::store::model::ReceiptId;
use crate::store::{NewEntry, NewUnreadable, Recorded, Store, StoreError};
use crate::telemetry::Metrics;

/// Item rows of one append.
const MAX_ITEMS: usize = 4096;
/// Bytes of one append.
const MAX_BYTES: usize = 1 << 20;
/// The pause after a failed append, doubled up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Tries after which a batch that may pass in parts is taken apart.
const WHOLE_TRIES: u32 = 3;

/// Empties the queue until the journal is gone.
pub struct Writer {
    store: Arc<Store>,
    waiting: mpsc::Receiver<Waiting>,
    aside: mpsc::Sender<Aside>,
    bytes: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
    failing: Arc<AtomicBool>,
    /// Taken from the queue, too much for the batch before.
    next: Option<Waiting>,
}

/// A part that does not pass as a whole: because of some entry's data, or for a reason unknown.
struct TakeApart {
    reason: Option<String>,
}

#[derive(Default)]
struct Taken {
    entries: Vec<Waiting>,
    items: usize,
    bytes: usize,
}

impl Writer {
    pub(super) fn new(
        store: Arc<Store>,
        waiting: mpsc::Receiver<Waiting>,
        aside: mpsc::Sender<Aside>,
        bytes: Arc<AtomicUsize>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Writer { store, waiting, aside, bytes, metrics, failing: Arc::default(), next: None }
    }

    /// True while appends fail.
    pub fn failing(&self) -> Arc<AtomicBool> {
        self.failing.clone()
    }

    /// Writes until nobody can hand anything over any more and everything that waited is written.
    pub async fn run(mut self) {
        while let Some(taken) = self.take().await {
            self.write(taken.entries).await;
        }
    }

    /// Everything that waits, up to a batch's caps; at least one.
    async fn take(&mut self) -> Option<Taken> {
        let first = match self.next.take() {
            Some(first) => first,
            None => self.waiting.recv().await?,
        };
        let mut taken = Taken::default();
        taken.add(first);
        while let Ok(next) = self.waiting.try_recv() {
            if !taken.has_room_for(&next) {
                self.next = Some(next);
                break;
            }
            taken.add(next);
        }
        self.bytes.fetch_sub(taken.bytes, Ordering::Relaxed);
        self.metrics.queue_entries.set(i64::try_from(self.waiting.len()).unwrap_or(i64::MAX));
        Some(taken)
    }

    async fn write(&self, entries: Vec<Waiting>) {
        self.metrics.batch_entries.observe(f64::from(u32::try_from(entries.len()).unwrap_or(u32::MAX)));
        let mut parts = vec![entries];
        while let Some(mut part) = parts.pop() {
            match self.append(&part).await {
                Ok(recorded) => self.answer(part, &recorded),
                Err(TakeApart { reason: Some(reason) }) if part.len() == 1 => self.refuse(part, &reason),
                Err(_) => {
                    let later = part.split_off(part.len() / 2);
                    parts.extend([later, part]);
                }
            }
        }
    }

    /// Appends, as often as it takes, until it is done or the part has to be taken apart.
    async fn append(&self, part: &[Waiting]) -> Result<Vec<Recorded>, TakeApart> {
        let entries: Vec<&NewEntry> = part.iter().map(|waiting| &waiting.entry).collect();
        let mut pause = SHORTEST_PAUSE;
        let mut tries = 0_u32;
        loop {
            let begun = Instant::now();
            let error = match self.attempt(&entries, tries > 0).await {
                Ok(recorded) => {
                    self.metrics.append_seconds.observe(begun.elapsed().as_secs_f64());
                    if self.failing.swap(false, Ordering::Relaxed) {
                        tracing::info!(store.tries = tries, "the store takes appends again");
                    }
                    return Ok(recorded);
                }
                Err(StoreError::Data(error)) => {
                    return Err(TakeApart { reason: Some(format!("the database refuses it: {}", plain(&error))) });
                }
                Err(error) => error,
            };
            self.failing.store(true, Ordering::Relaxed);
            self.metrics.append_failures.inc();
            tries += 1;
            if tries.is_power_of_two() {
                tracing::error!(store.tries = tries, entries = entries.len(), "append failed, trying again: {error}");
            }
            if tries >= WHOLE_TRIES && entries.len() > 1 && error.may_pass_in_parts() {
                return Err(TakeApart { reason: None });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One try. After a failed one its outcome may be unknown: what the log holds of these very receipts is ours, even where
    /// its dedupe key is forgotten by now, and is no duplicate.
    async fn attempt(&self, entries: &[&NewEntry], again: bool) -> Result<Vec<Recorded>, StoreError> {
        if !again {
            return self.store.append(entries).await;
        }
        let mut outcomes: HashMap<ReceiptId, Recorded> = self.ours(entries).await?;
        let rest: Vec<&NewEntry> = entries.iter().copied().filter(|e| !outcomes.contains_key(&e.receipt_id)).collect();
        if !rest.is_empty() {
            let appended = self.store.append(&rest).await?;
            outcomes.extend(rest.iter().map(|entry| entry.receipt_id).zip(appended));
            // The lost append may have committed while this one waited for the lock.
            outcomes.extend(self.ours(&rest).await?);
        }
        Ok(entries.iter().map(|e| outcomes.get(&e.receipt_id).copied().unwrap_or(Recorded::Known)).collect())
    }

    async fn ours(&self, entries: &[&NewEntry]) -> Result<HashMap<ReceiptId, Recorded>, StoreError> {
        let found = self.store.receipts(entries).await?;
        Ok(found.into_iter().map(|(receipt, seq)| (receipt, Recorded::New(seq))).collect())
    }

    fn answer(&self, part: Vec<Waiting>, recorded: &[Recorded]) {
        for (Waiting { done, .. }, recorded) in part.into_iter().zip(recorded) {
            let outcome = match recorded {
                Recorded::New(seq) => {
                    self.metrics.log_seq.set(*seq);
                    Outcome::Recorded
                }
                Recorded::Known => {
                    self.metrics.duplicates.inc();
                    Outcome::Duplicate
                }
            };
            // Whoever waited may have been answered 503 meanwhile.
            let _ = done.send(outcome);
        }
    }

    /// An entry whose data the database refuses is kept as unreadable.
    fn refuse(&self, part: Vec<Waiting>, reason: &str) {
        for Waiting { entry, done } in part {
            let receipt = hex::encode(entry.receipt_id);
            tracing::warn!(receipt.id = receipt, "entry {receipt}: {reason}");
            let body = NewUnreadable {
                receipt_id: entry.receipt_id,
                received_at: entry.received_at,
                sdk_app_id: Some(entry.sdk_app_id),
                command: Some(command::PORTRAIT_SET.to_owned()),
                reason: reason.to_owned(),
                auth: entry.auth,
                client_ip: entry.client_ip,
                platform: entry.platform,
                body: entry.body,
            };
            let (kept, answer) = oneshot::channel();
            if self.aside.try_send(Aside { body, done: kept }).is_err() {
                self.metrics.unreadable_lost.inc();
                tracing::error!(receipt.id = receipt, "entry {receipt} could not be kept as unreadable: too many wait");
            }
            tokio::spawn(async move {
                let _ = answer.await;
                let _ = done.send(Outcome::Refused);
            });
        }
    }
}

impl Taken {
    fn add(&mut self, waiting: Waiting) {
        self.items += waiting.entry.items.len();
        self.bytes += waiting.entry.size();
        self.entries.push(waiting);
    }

    fn has_room_for(&self, waiting: &Waiting) -> bool {
        self.items + waiting.entry.items.len() <= MAX_ITEMS && self.bytes + waiting.entry.size() <= MAX_BYTES
    }
}

/// What the database said, without the row it quotes in its detail.
fn plain(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}
