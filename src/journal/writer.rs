//! The one writer: takes what waits, makes it durable, answers. First the store, within the budget; else the spool.
//!
//! While the spool holds anything, batches go there and the spool is drained beside. Once the store is proven to take
//! appends again and little is left, a batch waits for the rest to be drained and then goes to the store as before. If
//! neither takes a batch, it is held and tried again; whoever waits for it is told in time that it is not durable.

mod aside;
mod draining;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::drain::Drain;
use super::health::Health;
use super::keeper::Keeper;
use super::log::Log;
use super::queue::{Batch, Queue};
use super::settle::{Fate, settle, settle_again};
use super::spool::{Spool, SpoolError, record};
use super::{ASIDE, Aside, Outcome};
use crate::store::{Recorded, StoreError};
use crate::telemetry::Metrics;

/// A batch that begins with little of its budget left still gets this much.
const SHORTEST_TRY: Duration = Duration::from_millis(50);
/// What a batch gets that nobody waits for any more.
const LONG_TRY: Duration = Duration::from_secs(5);
/// The pause when neither store nor spool take a batch, doubled up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Empties the queues until the journal is gone.
pub struct Writer {
    log: Arc<dyn Log>,
    spool: Arc<Mutex<Spool>>,
    budget: Duration,
    queue: Queue,
    asides: mpsc::Receiver<Aside>,
    refused: VecDeque<Aside>,
    keeper: Keeper,
    drain: Drain,
    outage: Option<Instant>,
    /// When it was last said that an unreadable body could not be kept.
    lost: Option<Instant>,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
}

impl Writer {
    pub(super) fn new(
        log: Arc<dyn Log>,
        spool: Spool,
        budget: Duration,
        queue: Queue,
        asides: mpsc::Receiver<Aside>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let keeper = Keeper::new(log.clone(), budget);
        let drain = Drain::new(log.clone(), budget, metrics.clone());
        let health = Arc::default();
        let outage = (!spool.is_empty()).then(Instant::now);
        let (spool, refused) = (Arc::new(Mutex::new(spool)), VecDeque::new());
        let writer =
            Writer { log, spool, budget, queue, asides, refused, keeper, drain, outage, lost: None, health, metrics };
        writer.show();
        writer
    }

    /// How it is.
    pub fn health(&self) -> Arc<Health> {
        self.health.clone()
    }

    /// Writes until nobody can hand anything over any more and everything that waited is durable.
    pub async fn run(mut self) {
        let (mut queue_open, mut asides_open) = (true, true);
        while queue_open || asides_open || !self.refused.is_empty() || !self.keeper.is_idle() {
            self.drain.begin(&lock(&self.spool));
            if self.keeper.is_idle()
                && let Some(aside) = self.refused.pop_front()
            {
                self.keep(aside).await;
                continue;
            }
            tokio::select! {
                batch = self.queue.take(), if queue_open && self.refused.len() < ASIDE => match batch {
                    Some(batch) => self.write(batch).await,
                    None => queue_open = false,
                },
                aside = self.asides.recv(), if asides_open && self.keeper.is_idle() => match aside {
                    Some(aside) => self.keep(aside).await,
                    None => asides_open = false,
                },
                kept = self.keeper.over() => self.kept(kept).await,
                step = self.drain.over() => self.drained(step).await,
            }
        }
        let spool = lock(&self.spool);
        if !spool.is_empty() {
            tracing::warn!(
                spool.records = spool.records(),
                "stopped with {} callbacks in the spool {}; they are drained at the next start, or by `portraitd spool drain`",
                spool.records(),
                spool.location(),
            );
        }
    }

    /// Makes a batch durable, however long that takes.
    async fn write(&mut self, mut batch: Batch) {
        self.metrics.batch_entries.observe(f64::from(u32::try_from(batch.waiting.len()).unwrap_or(u32::MAX)));
        let mut pause = SHORTEST_PAUSE;
        let mut tries = 0_u32;
        loop {
            self.drain_the_rest(batch.since() + self.budget).await;
            if self.is_spool_empty() {
                match self.append(&batch, tries).await {
                    Ok(fates) => return self.answer(batch, fates),
                    Err(error) => self.store_failed(&error),
                }
            }
            let Err(error) = self.spool(&mut batch).await else { return };
            self.health.set_stuck(true);
            self.metrics.spool_failures.inc();
            tries += 1;
            if tries.is_power_of_two() {
                let entries = batch.waiting.len();
                tracing::error!(
                    entries,
                    "callbacks are refused: the store is away, and the spool does not take them: {error}"
                );
            }
            let rested = tokio::time::sleep(pause);
            tokio::pin!(rested);
            self.drain.begin(&lock(&self.spool));
            tokio::select! {
                () = &mut rested => {}
                step = self.drain.over() => self.drained(step).await,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One try at the store, within what is left of the budget. Once nobody waits any more it may take longer, in parts;
    /// until then the spool gets its chance again soon.
    async fn append(&mut self, batch: &Batch, tries: u32) -> Result<Vec<Fate>, StoreError> {
        let (begun, entries) = (Instant::now(), batch.entries());
        let limit = if tries == 0 || batch.is_waited_for() {
            self.budget.saturating_sub(batch.since().elapsed()).max(SHORTEST_TRY)
        } else {
            if self.queue.is_empty() { LONG_TRY } else { self.budget }
        };
        let appended = if tries == 0 {
            timeout(limit, settle(&*self.log, &entries, entries.len())).await
        } else {
            let at_once = (entries.len() >> tries.min(16)).max(1);
            timeout(limit, settle_again(&*self.log, &entries, at_once)).await
        };
        let fates = appended.unwrap_or(Err(StoreError::Slow(limit.as_millis())))?;
        self.metrics.append_seconds.observe(begun.elapsed().as_secs_f64());
        self.store_takes_appends();
        Ok(fates)
    }

    fn answer(&mut self, batch: Batch, fates: Vec<Fate>) {
        self.health.set_stuck(false);
        for (waiting, fate) in batch.waiting.into_iter().zip(fates) {
            let outcome = match fate {
                Fate::Recorded(Recorded::New(seq)) => {
                    self.metrics.log_seq.set(seq);
                    Outcome::Recorded
                }
                Fate::Recorded(Recorded::Known) => {
                    self.metrics.duplicates.inc();
                    Outcome::Duplicate
                }
                Fate::Refused(reason) => {
                    let receipt = hex::encode(waiting.entry.receipt_id);
                    tracing::warn!(receipt.id = receipt, "entry {receipt}: {reason}");
                    let done = waiting.done;
                    let done = Box::new(move |_| {
                        let _ = done.send(Outcome::Refused);
                    });
                    self.refused.push_back(Aside { body: waiting.entry.unreadable(reason), done });
                    continue;
                }
            };
            // Whoever waited may have been answered 503 meanwhile.
            let _ = waiting.done.send(outcome);
        }
    }

    /// The whole batch into the spool, in one write.
    async fn spool(&mut self, batch: &mut Batch) -> Result<(), SpoolError> {
        self.write_to_spool(Spool::append, |number, out| {
            for (number, waiting) in (number..).zip(&batch.waiting) {
                record::write_entry(&waiting.entry, number, out);
            }
            batch.waiting.len() as u64
        })
        .await?;
        for waiting in batch.waiting.drain(..) {
            let _ = waiting.done.send(Outcome::Spooled);
        }
        Ok(())
    }

    async fn write_to_spool(
        &mut self,
        append: fn(&mut Spool, &[u8], u64) -> Result<(), SpoolError>,
        write: impl FnOnce(u64, &mut Vec<u8>) -> u64,
    ) -> Result<(), SpoolError> {
        let mut records = Vec::new();
        let count = write(lock(&self.spool).next_number(), &mut records);
        let spool = self.spool.clone();
        let written = tokio::task::spawn_blocking(move || append(&mut lock(&spool), &records, count));
        written.await.unwrap_or_else(|died| std::panic::resume_unwind(died.into_panic()))?;
        self.health.set_stuck(false);
        self.metrics.spooled.inc_by(count);
        self.show();
        Ok(())
    }

    fn store_failed(&mut self, error: &StoreError) {
        self.drain.proven = false;
        self.metrics.append_failures.inc();
        if self.outage.is_none() {
            self.outage = Some(Instant::now());
            tracing::error!("append failed, callbacks go to the spool: {error}");
        }
    }

    fn store_takes_appends(&mut self) {
        if let Some(since) = self.outage.take() {
            tracing::info!(
                "the store takes appends again after {:.1} s, the spool is empty",
                since.elapsed().as_secs_f64()
            );
        }
    }

    fn is_spool_empty(&self) -> bool {
        lock(&self.spool).is_empty()
    }

    fn show(&self) {
        let spool = lock(&self.spool);
        self.health.set_spooled(if spool.is_empty() { 0 } else { spool.records().max(1) });
        self.metrics.spool_records.set(i64::try_from(self.health.spooled()).unwrap_or(i64::MAX));
        self.metrics.spool_bytes.set(i64::try_from(spool.bytes()).unwrap_or(i64::MAX));
    }
}

/// A panic while it was locked has ended the process already.
fn lock(spool: &Mutex<Spool>) -> MutexGuard<'_, Spool> {
    spool.lock().unwrap_or_else(PoisonError::into_inner)
}
