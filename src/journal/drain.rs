//! From the spool into the store, in order, under the same receipt ids: what the store holds already is not appended again.
//!
//! One step at a time, beside the writer. The first step that succeeds is the proof that the store takes appends again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::log::Log;
use super::settle::{Fate, settle_again};
use super::spool::{Batch, Drained, Reader, Record, Spool, SpoolError};
use crate::store::{NewEntry, NewUnreadable, Recorded, StoreError};
use crate::telemetry::Metrics;

/// The pause after a failed step, doubled up to the store's budget.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
/// No step may take longer than so many budgets.
const BUDGETS: u32 = 8;
/// Entries of one transaction; less where that much takes too long.
const AT_ONCE: usize = 1024;
/// The budget where nobody waits.
const BY_HAND: Duration = Duration::from_secs(2);
/// Steps that may fail for an unreadable body's sake before it is given up.
const PATIENCE: u32 = 8;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    /// The store does not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The spool cannot be read.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The step itself came to an unexpected end.
    #[error("draining panicked")]
    Panicked,
}

pub(super) type Step = Result<Option<Drained>, DrainError>;

/// The draining of one spool.
pub(super) struct Drain {
    log: Arc<dyn Log>,
    metrics: Arc<Metrics>,
    budget: Duration,
    running: Option<JoinHandle<Step>>,
    resting_until: Option<Instant>,
    pause: Duration,
    pub tries: u32,
    at_once: usize,
    /// The last step succeeded.
    pub proven: bool,
}

impl Drain {
    pub fn new(log: Arc<dyn Log>, budget: Duration, metrics: Arc<Metrics>) -> Self {
        Drain {
            log,
            metrics,
            budget,
            running: None,
            resting_until: None,
            pause: SHORTEST_PAUSE,
            tries: 0,
            at_once: AT_ONCE,
            proven: false,
        }
    }

    /// Begins a step if something waits, none is under way, and the last one did not just fail.
    pub fn begin(&mut self, spool: &Spool) {
        if self.running.is_some() || spool.is_empty() || self.resting_until.is_some_and(|until| Instant::now() < until)
        {
            return;
        }
        self.resting_until = None;
        let (log, metrics, reader) = (self.log.clone(), self.metrics.clone(), spool.reader());
        let (at_once, give_up, limit) = (self.at_once, self.tries >= PATIENCE, self.budget * BUDGETS);
        self.running = Some(tokio::spawn(async move {
            let step = step(&*log, &metrics, reader, at_once, give_up);
            match tokio::time::timeout(limit, step).await {
                Ok(done) => done,
                Err(_) => Err(StoreError::Slow(limit.as_millis()).into()),
            }
        }));
    }

    /// Resolves when the step under way is over, or when there is reason to begin another; never without one.
    pub async fn over(&mut self) -> Option<Step> {
        if let Some(running) = &mut self.running {
            let step = running.await.unwrap_or(Err(DrainError::Panicked));
            self.running = None;
            return Some(self.learn(step));
        }
        match self.resting_until {
            Some(until) => tokio::time::sleep_until(until.into()).await,
            None => std::future::pending().await,
        }
        None
    }

    fn learn(&mut self, step: Step) -> Step {
        self.proven = step.is_ok();
        match &step {
            Ok(_) => {
                (self.tries, self.pause) = (0, SHORTEST_PAUSE);
                self.at_once = (self.at_once * 2).min(AT_ONCE);
            }
            Err(error) => {
                self.tries += 1;
                self.resting_until = Some(Instant::now() + self.pause);
                self.pause = (self.pause * 2).min(self.budget);
                if matches!(error, DrainError::Store(error) if error.may_pass_in_parts()) {
                    self.at_once = (self.at_once / 2).max(1);
                }
            }
        }
        step
    }
}

impl Drop for Drain {
    /// What the step had in hand is still in the spool.
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }
}

async fn step(log: &dyn Log, metrics: &Metrics, mut reader: Reader, at_once: usize, give_up: bool) -> Step {
    let read = tokio::task::spawn_blocking(move || reader.batch()).await.map_err(|_| DrainError::Panicked)??;
    let Some(Batch { records, end, damaged, torn }) = read else { return Ok(None) };
    if damaged > 0 {
        tracing::error!(
            spool.damaged = damaged,
            "{damaged} bytes of the spool cannot be read: its disk did not keep what it had taken; the file is kept as *.damaged"
        );
        metrics.spool_damaged_bytes.inc_by(damaged);
    }
    if torn > 0 {
        tracing::warn!(
            spool.torn = torn,
            "{torn} bytes at a spool file's end were not written whole; nobody was told OK"
        );
    }
    let drained = Drained { end, records: records.len() as u64, damaged };
    let (mut entries, mut unreadable) = (Vec::new(), Vec::new());
    for record in records {
        match record {
            Record::Entry(entry) => entries.push(entry),
            Record::Unreadable(body) => unreadable.push(body),
        }
    }
    unreadable.extend(append(log, metrics, entries, at_once).await?);
    for body in unreadable {
        keep(log, metrics, &body, give_up).await?;
    }
    metrics.drained.inc_by(drained.records);
    Ok(Some(drained))
}

/// What the store refuses comes back.
async fn append(
    log: &dyn Log,
    metrics: &Metrics,
    entries: Vec<NewEntry>,
    at_once: usize,
) -> Result<Vec<NewUnreadable>, DrainError> {
    let fates = settle_again(log, &entries.iter().collect::<Vec<_>>(), at_once).await?;
    let mut refused = Vec::new();
    for (entry, fate) in entries.into_iter().zip(fates) {
        match fate {
            Fate::Recorded(Recorded::New(seq)) => drop(metrics.log_seq.set(seq)),
            Fate::Recorded(Recorded::Known) => drop(metrics.duplicates.inc()),
            Fate::Refused(reason) => refused.push(entry.unreadable(reason)),
        }
    }
    Ok(refused)
}

/// A body that cannot be kept while the store takes entries does not hold them up for ever.
async fn keep(log: &dyn Log, metrics: &Metrics, body: &NewUnreadable, give_up: bool) -> Result<(), DrainError> {
    match log.keep(body).await {
        Ok(()) => Ok(()),
        Err(error) if give_up || matches!(error, StoreError::Data(_)) => {
            let receipt = hex::encode(body.receipt_id);
            metrics.unreadable_lost.inc();
            tracing::error!(receipt.id = receipt, "unreadable body {receipt} could not be kept: {error}");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Drains a spool that no service uses; tells after each step how many records were read so far. Fails with the first step
/// that fails.
pub async fn drain(
    mut spool: Spool,
    log: Arc<dyn Log>,
    metrics: Arc<Metrics>,
    mut progress: impl FnMut(u64),
) -> Result<u64, DrainError> {
    let mut records = 0;
    let mut drain = Drain::new(log, BY_HAND, metrics);
    while !spool.is_empty() {
        drain.begin(&spool);
        if let Some(drained) = drain.over().await.transpose()?.flatten() {
            spool.drained(&drained)?;
            records += drained.records;
            progress(records);
        }
    }
    Ok(records)
}
