//! What was fired and what became of it: counters, and the last callbacks one by one.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::request::{Answer, Verdict};
use crate::emulator::faults::Plan;
use crate::emulator::model::Change;

/// Callbacks remembered one by one.
const REMEMBERED: usize = 100_000;

/// Since the start or the last reset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Changes that a callback was due for.
    pub fired: u64,
    /// Requests, duplicates and further attempts included.
    pub sent: u64,
    /// Answered 200, OK/0.
    pub answered: u64,
    /// Answered otherwise.
    pub refused: u64,
    /// No answer within 2 s.
    pub timed_out: u64,
    /// No connection, or it broke.
    pub failed: u64,
    /// Requests after a time-out.
    pub retried: u64,
    /// Never sent, by a fault.
    pub dropped: u64,
    /// Sent twice, by a fault.
    pub duplicated: u64,
    /// Held back, by a fault.
    pub reordered: u64,
    /// Never sent, because the queue was full.
    pub overflowed: u64,
    /// Waiting or under way.
    pub pending: usize,
}

/// One callback.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Callback {
    /// 1 for the first.
    pub number: u64,
    /// What it tells of.
    #[serde(flatten)]
    pub change: Change,
    /// `drop`, `duplicate`, …, as they were decided when it was fired; `overflow` for one that found no place in the queue.
    pub faults: Vec<&'static str>,
    /// What came back, in order: two for a duplicate.
    pub answers: Vec<Answer>,
}

#[derive(Default)]
struct Inner {
    counters: Counters,
    callbacks: VecDeque<Callback>,
    begun: u64,
}

#[derive(Default)]
pub(super) struct Ledger(Mutex<Inner>);

impl Ledger {
    /// A new callback; its number.
    pub fn begin(&self, change: &Change, plan: &Plan) -> u64 {
        let mut inner = self.inner();
        inner.begun += 1;
        let number = inner.begun;
        inner.counters.fired += 1;
        inner.counters.dropped += u64::from(plan.drop);
        inner.counters.duplicated += u64::from(plan.duplicate);
        inner.counters.reordered += u64::from(plan.behind > 0);
        if inner.callbacks.len() == REMEMBERED {
            inner.callbacks.pop_front();
        }
        let callback = Callback { number, change: change.clone(), faults: plan.names(), answers: Vec::new() };
        inner.callbacks.push_back(callback);
        number
    }

    pub fn overflowed(&self, number: u64) {
        let mut inner = self.inner();
        inner.counters.overflowed += 1;
        if let Some(callback) = inner.find(number) {
            callback.faults.push("overflow");
        }
    }

    pub fn answered(&self, number: u64, answer: &Answer, again: bool) {
        let mut inner = self.inner();
        inner.counters.sent += 1;
        inner.counters.retried += u64::from(again);
        *match answer.verdict {
            Verdict::Ok => &mut inner.counters.answered,
            Verdict::Refused => &mut inner.counters.refused,
            Verdict::TimedOut => &mut inner.counters.timed_out,
            Verdict::Failed => &mut inner.counters.failed,
        } += 1;
        if let Some(callback) = inner.find(number) {
            callback.answers.push(answer.clone());
        }
    }

    pub fn counters(&self) -> Counters {
        self.inner().counters.clone()
    }

    /// The oldest that are like this.
    pub fn list(&self, wanted: impl Fn(&Callback) -> bool, limit: usize) -> Vec<Callback> {
        self.inner().callbacks.iter().filter(|callback| wanted(callback)).take(limit).cloned().collect()
    }

    /// Numbers go on, so that what is under way is not taken for something new.
    pub fn clear(&self) {
        let mut inner = self.inner();
        inner.counters = Counters::default();
        inner.callbacks.clear();
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn find(&mut self, number: u64) -> Option<&mut Callback> {
        let first = self.callbacks.front()?.number;
        self.callbacks.get_mut(usize::try_from(number.checked_sub(first)?).ok()?)
    }
}
