//! From waiting entries to rows: each dedupe key once, then numbered and chained. Pure; both dialects append with it.

use std::collections::HashSet;

use super::chain::{self, Hash};
use super::model::{Head, NewEntry, Recorded};

/// The entries of one append that still are to be written, in order.
pub(super) struct Batch<'e> {
    entries: &'e [&'e NewEntry],
    outcomes: Vec<Recorded>,
    /// Positions in `entries`.
    writing: Vec<usize>,
}

impl<'e> Batch<'e> {
    /// Keeps the first of entries that are the same callback.
    pub fn new(entries: &'e [&'e NewEntry]) -> Self {
        let mut seen = HashSet::with_capacity(entries.len());
        let writing = (0..entries.len()).filter(|at| seen.insert(entries[*at].dedupe)).collect();
        Batch { entries, outcomes: vec![Recorded::Known; entries.len()], writing }
    }

    /// Leaves out what the log knows already: positions among [`Batch::entries`], from 0.
    pub fn leave_out(&mut self, known: &HashSet<usize>) {
        let mut at = 0;
        self.writing.retain(|_| {
            at += 1;
            !known.contains(&(at - 1))
        });
    }

    pub fn is_empty(&self) -> bool {
        self.writing.is_empty()
    }

    /// What is to be written.
    pub fn entries(&self) -> impl Iterator<Item = &'e NewEntry> + Clone + '_ {
        self.writing.iter().map(|at| self.entries[*at])
    }

    /// The chain of each entry, if they follow `head`.
    pub fn chains(&self, head: &Head) -> Vec<Hash> {
        let mut previous = *head;
        self.entries()
            .map(|entry| {
                let seq = previous.seq + 1;
                previous = Head { seq, chain: chain::link_new(&previous.chain, seq, entry) };
                previous.chain
            })
            .collect()
    }

    /// Everything that is to be written was written after `head`.
    pub fn written(mut self, head: &Head) -> Vec<Recorded> {
        for (seq, at) in (head.seq + 1..).zip(&self.writing) {
            self.outcomes[*at] = Recorded::New(seq);
        }
        self.outcomes
    }
}
