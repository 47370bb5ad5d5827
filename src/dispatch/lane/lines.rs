//! Accounts with something under way or waiting. Within one account the order of the log holds: only the head may be tried.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

/// Whose profile: app and account.
pub(super) type Key = (i64, String);

#[derive(Default)]
pub(super) struct Lines(HashMap<Key, VecDeque<i64>>);

impl Lines {
    /// Queues an entry; true when it is the head.
    pub fn join(&mut self, key: &Key, seq: i64) -> bool {
        match self.0.get_mut(key) {
            Some(line) => {
                line.push_back(seq);
                false
            }
            None => {
                self.0.insert(key.clone(), VecDeque::from([seq]));
                true
            }
        }
    }

    pub fn head(&self, key: &Key) -> Option<i64> {
        self.0.get(key)?.front().copied()
    }

    /// Whether a later one is here already.
    pub fn is_past(&self, key: &Key, seq: i64) -> bool {
        self.0.get(key).and_then(VecDeque::back).is_some_and(|last| *last > seq)
    }

    /// What waits behind the head.
    pub fn behind(&self, key: &Key) -> Vec<i64> {
        self.0.get(key).map(|line| line.iter().skip(1).copied().collect()).unwrap_or_default()
    }

    /// The head is through; the next one, if any.
    pub fn advance(&mut self, key: &Key) -> Option<i64> {
        let Entry::Occupied(mut line) = self.0.entry(key.clone()) else { return None };
        line.get_mut().pop_front();
        let next = line.get().front().copied();
        if next.is_none() {
            line.remove();
        }
        next
    }
}
