//! Who waits for a call and who has one under way, pure: a call has 100 accounts at most, none twice, and no account is in
//! two calls at a time.

use std::collections::{HashSet, VecDeque};
use std::mem;

use tokio::sync::oneshot;

use super::mapping::Mapped;
use crate::tencent::Error;

/// The vendor's limit.
pub(super) const MOST: usize = 100;

/// An account, and what is asked for it.
pub(super) struct User {
    pub account: String,
    pub asked: Mapped,
}

/// One that waits for its call.
pub(super) struct Job {
    pub user: User,
    pub answer: oneshot::Sender<Result<(), Error>>,
}

#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Job>,
    under_way: HashSet<String>,
    pub is_gathering: bool,
}

impl Queue {
    pub fn push(&mut self, job: Job) {
        self.waiting.push_back(job);
    }

    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Those who go into the next call, first come, first served. Whoever does not wait any more is not sent.
    pub fn take(&mut self) -> Vec<Job> {
        let mut batch = Vec::new();
        for job in mem::take(&mut self.waiting) {
            if job.answer.is_closed() {
                continue;
            }
            if batch.len() < MOST && self.under_way.insert(job.user.account.clone()) {
                batch.push(job);
            } else {
                self.waiting.push_back(job);
            }
        }
        batch
    }

    /// Their call is over.
    pub fn over<'a>(&mut self, accounts: impl IntoIterator<Item = &'a str>) {
        for account in accounts {
            self.under_way.remove(account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answer = oneshot::Receiver<Result<(), Error>>;

    fn join(queue: &mut Queue, account: impl ToString) -> Answer {
        let (answer, answered) = oneshot::channel();
        queue.push(Job { user: User { account: account.to_string(), asked: Mapped::default() }, answer });
        answered
    }

    fn taken(queue: &mut Queue) -> Vec<String> {
        queue.take().into_iter().map(|job| job.user.account).collect()
    }

    #[test]
    fn a_call_has_a_hundred_accounts_and_the_others_are_next() {
        let mut queue = Queue::default();
        let _waiting: Vec<Answer> = (0..250).map(|n| join(&mut queue, n)).collect();
        for calls in [0..100, 100..200, 200..250, 250..250] {
            assert_eq!(taken(&mut queue), calls.map(|n| n.to_string()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_account_waits_until_its_call_is_over_and_then_has_its_turn_in_order() {
        let mut queue = Queue::default();
        let _waiting = ["a", "b", "a", "a", "c"].map(|account| join(&mut queue, account));
        assert_eq!(taken(&mut queue), ["a", "b", "c"]);
        assert!(taken(&mut queue).is_empty());
        queue.over(["b", "c"]);
        assert!(taken(&mut queue).is_empty());
        queue.over(["a"]);
        assert_eq!(taken(&mut queue), ["a"]);
        assert_eq!(queue.waiting(), 1);
    }

    #[test]
    fn whoever_has_given_up_is_not_sent() {
        let mut queue = Queue::default();
        drop(join(&mut queue, "a"));
        let _waiting = join(&mut queue, "a");
        assert_eq!(taken(&mut queue), ["a"]);
        assert_eq!(queue.waiting(), 0);
    }
}
