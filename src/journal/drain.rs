//! From the spool into the store, in order, under the same receipt ids: what the store holds already is not appended again.
//!
//! One step at a time, beside the writer. The first step that succeeds is the proof that the store takes appends again.
//! After each that fails the next takes half as much, until a single record is left. If that fails too while the store
//! takes what is behind it, it goes aside, into a file: nothing is ever thrown away, and nothing stands in the way for ever.

mod attempt;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::log::Log;
use super::spool::{MAX_RECORDS, Spool, SpoolError};
use super::taken::Taken;
use crate::store::StoreError;
use crate::telemetry::Metrics;
use attempt::Attempt;

/// The pause after a failed step, doubled up to the store's budget.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
/// What a step tries may take so many budgets.
const BUDGETS: u32 = 8;
/// The budget where nobody waits.
const BY_HAND: Duration = Duration::from_secs(2);
/// Steps that fail one after the other until a single record is left to blame.
const HALVINGS: u32 = MAX_RECORDS.ilog2();
/// Steps that fail until that record may go aside, or until what cannot be read does.
const PATIENCE: u32 = HALVINGS + 6;

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

pub(super) type Step = Result<Option<Taken>, DrainError>;

/// The draining of one spool.
pub(super) struct Drain {
    log: Arc<dyn Log>,
    metrics: Arc<Metrics>,
    limit: Duration,
    longest_pause: Duration,
    running: Option<JoinHandle<Step>>,
    begun: Instant,
    resting_until: Option<Instant>,
    pause: Duration,
    /// Steps that failed since the last one that did not, and those of them that could not read the spool.
    pub tries: u32,
    unread: u32,
    /// Records of one step; half as many after each that fails.
    at_once: usize,
    /// The store has just taken something.
    pub proven: bool,
}

impl Drain {
    pub fn new(log: Arc<dyn Log>, budget: Duration, metrics: Arc<Metrics>) -> Self {
        Drain {
            log,
            metrics,
            limit: budget * BUDGETS,
            longest_pause: budget,
            running: None,
            begun: Instant::now(),
            resting_until: None,
            pause: SHORTEST_PAUSE,
            tries: 0,
            unread: 0,
            at_once: MAX_RECORDS,
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
        self.begun = Instant::now();
        let attempt = Attempt {
            log: self.log.clone(),
            metrics: self.metrics.clone(),
            reader: spool.reader(self.unread >= PATIENCE),
            at_once: self.at_once,
            limit: self.limit,
            may_set_aside: self.tries >= PATIENCE,
        };
        self.running = Some(tokio::spawn(attempt.run()));
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
        match &step {
            Ok(taken) => {
                self.proven |= taken.as_ref().is_some_and(|taken| taken.part.records > 0);
                (self.tries, self.unread, self.pause) = (0, 0, SHORTEST_PAUSE);
                if self.begun.elapsed() < self.limit / 2 {
                    self.at_once = (self.at_once * 2).min(MAX_RECORDS);
                }
            }
            Err(error) => {
                self.proven = false;
                self.tries += 1;
                self.unread = if matches!(error, DrainError::Spool(_)) { self.unread + 1 } else { 0 };
                self.resting_until = Some(Instant::now() + self.pause);
                self.pause = (self.pause * 2).min(self.longest_pause);
                self.at_once = (self.at_once / 2).max(1);
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

/// Drains a spool that no service uses; tells after each step how many records were read so far. Fails with the first step
/// that fails, unless less at a time may pass.
pub async fn drain(
    mut spool: Spool,
    log: Arc<dyn Log>,
    metrics: Arc<Metrics>,
    mut progress: impl FnMut(u64),
) -> Result<u64, DrainError> {
    let mut records = 0;
    let mut drain = Drain::new(log, BY_HAND, metrics.clone());
    while !spool.is_empty() {
        drain.begin(&spool);
        match drain.over().await {
            Some(Ok(Some(taken))) => {
                records += taken.part.records;
                taken.leave(&mut spool, &metrics)?;
                progress(records);
            }
            Some(Err(DrainError::Store(error))) if error.may_pass_in_parts() && drain.tries <= HALVINGS => {}
            Some(Err(error)) => return Err(error),
            Some(Ok(None)) | None => {}
        }
    }
    Ok(records)
}
