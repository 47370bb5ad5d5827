//! Deliveries: entries that the cursor has passed and that are not done.

use std::collections::{BTreeMap, BTreeSet};

use super::lines::Key;
use crate::protocol::time::Millis;
use crate::store::subscription::Delivery;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parked {
    pub key: Key,
    pub in_order: bool,
    pub attempts: u32,
    pub phase: Phase,
    /// It was running when an owner died: it is tried alone.
    pub suspect: bool,
    pub solo_starts: u32,
    pub error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Behind another of its account.
    Behind,
    Due(Millis),
    /// Chosen; it starts when a checkpoint says that it is running.
    Beginning,
    Ready,
    Running,
    Dead,
}

#[derive(Default)]
pub(super) struct Deliveries {
    rows: BTreeMap<i64, Parked>,
    timers: BTreeSet<(Millis, i64)>,
    beginning: BTreeSet<i64>,
    ready: BTreeSet<i64>,
    dead: BTreeSet<i64>,
    suspects: BTreeSet<i64>,
    /// Changed since the last checkpoint that was begun.
    dirty: BTreeSet<i64>,
    /// In the checkpoint under way.
    carried: BTreeSet<i64>,
}

impl Deliveries {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn get(&self, seq: i64) -> Option<&Parked> {
        self.rows.get(&seq)
    }

    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// As the store has it.
    pub fn load(&mut self, seq: i64, parked: Parked) {
        self.index(seq, parked.phase, true);
        if parked.suspect {
            self.suspects.insert(seq);
        }
        self.rows.insert(seq, parked);
    }

    pub fn put(&mut self, seq: i64, parked: Parked) {
        self.forget(seq);
        self.load(seq, parked);
        self.dirty.insert(seq);
    }

    pub fn change(&mut self, seq: i64, change: impl FnOnce(&mut Parked)) {
        let Some(mut parked) = self.forget(seq) else { return };
        change(&mut parked);
        self.load(seq, parked);
        self.dirty.insert(seq);
    }

    /// Starting what is ready is written already.
    pub fn run(&mut self, seq: i64) -> Option<&Parked> {
        self.set_phase(seq, Phase::Running);
        self.rows.get(&seq)
    }

    /// A phase that looks no different in the store.
    fn set_phase(&mut self, seq: i64, phase: Phase) {
        let Some(parked) = self.rows.get_mut(&seq) else { return };
        let before = std::mem::replace(&mut parked.phase, phase);
        self.index(seq, before, false);
        self.index(seq, phase, true);
    }

    /// A row of the store's that there is nothing left to do for.
    pub fn drop_row(&mut self, seq: i64) {
        self.dirty.insert(seq);
    }

    /// It is done.
    pub fn remove(&mut self, seq: i64) -> Option<Parked> {
        let parked = self.forget(seq)?;
        self.dirty.insert(seq);
        Some(parked)
    }

    fn forget(&mut self, seq: i64) -> Option<Parked> {
        let parked = self.rows.remove(&seq)?;
        self.index(seq, parked.phase, false);
        self.suspects.remove(&seq);
        Some(parked)
    }

    fn index(&mut self, seq: i64, phase: Phase, add: bool) {
        match phase {
            Phase::Due(at) if add => drop(self.timers.insert((at, seq))),
            Phase::Due(at) => drop(self.timers.remove(&(at, seq))),
            Phase::Beginning if add => drop(self.beginning.insert(seq)),
            Phase::Beginning => drop(self.beginning.remove(&seq)),
            Phase::Ready if add => drop(self.ready.insert(seq)),
            Phase::Ready => drop(self.ready.remove(&seq)),
            Phase::Dead if add => drop(self.dead.insert(seq)),
            Phase::Dead => drop(self.dead.remove(&seq)),
            _ => {}
        }
    }

    /// Whose last attempt failed.
    pub fn failing(&self) -> Vec<Key> {
        self.rows.values().filter(|parked| parked.attempts > 0).map(|parked| parked.key.clone()).collect()
    }

    /// How many were chosen and have not started.
    pub fn starting(&self) -> usize {
        self.beginning.len() + self.ready.len()
    }

    /// Whether something waits for a checkpoint that has not begun: one that starts, or the account of one that is dead.
    pub fn is_waiting_for_a_checkpoint(&self) -> bool {
        self.beginning.iter().chain(&self.dead).any(|seq| self.dirty.contains(seq))
    }

    /// Who is due first, and when.
    pub fn next_due(&self) -> Option<(Millis, i64)> {
        self.timers.first().copied()
    }

    pub fn ready(&self) -> impl Iterator<Item = i64> + '_ {
        self.ready.iter().copied()
    }

    pub fn first_suspect(&self) -> Option<i64> {
        self.suspects.first().copied()
    }

    /// What the checkpoint that begins now carries: rows as they are, and rows that are gone.
    pub fn carry(&mut self, now: Millis) -> (Vec<Delivery>, Vec<i64>) {
        self.carried = std::mem::take(&mut self.dirty);
        let (mut changed, mut gone) = (Vec::new(), Vec::new());
        for seq in &self.carried {
            match self.rows.get(seq) {
                Some(parked) => changed.push(parked.row(*seq, now)),
                None => gone.push(*seq),
            }
        }
        (changed, gone)
    }

    /// The checkpoint is durable: what it says to be running may run. The dead are nobody's business any more; whose line
    /// goes on.
    pub fn carried(&mut self) -> Vec<Key> {
        let mut over = Vec::new();
        for seq in std::mem::take(&mut self.carried) {
            if self.dirty.contains(&seq) {
                continue;
            }
            match self.rows.get(&seq).map(|parked| parked.phase) {
                Some(Phase::Beginning) => self.set_phase(seq, Phase::Ready),
                Some(Phase::Dead) => {
                    over.extend(self.forget(seq).filter(|parked| parked.in_order).map(|parked| parked.key));
                }
                _ => {}
            }
        }
        over
    }

    /// Nobody knows whether the checkpoint is durable.
    pub fn not_carried(&mut self) {
        self.dirty.append(&mut self.carried);
    }
}

impl Parked {
    /// New in the deliveries.
    pub fn new(key: Key, phase: Phase) -> Self {
        Parked { key, in_order: true, attempts: 0, phase, suspect: false, solo_starts: 0, error: None }
    }

    fn row(&self, seq: i64, now: Millis) -> Delivery {
        Delivery {
            seq,
            dead: self.phase == Phase::Dead,
            in_order: self.in_order,
            attempts: i32::try_from(self.attempts).unwrap_or(i32::MAX),
            due_in: match self.phase {
                Phase::Due(at) => Some((at - now).max(0)),
                Phase::Behind | Phase::Dead => None,
                Phase::Beginning | Phase::Ready | Phase::Running => Some(0),
            },
            running: matches!(self.phase, Phase::Beginning | Phase::Ready | Phase::Running),
            solo_starts: i32::try_from(self.solo_starts).unwrap_or(i32::MAX),
            error: self.error.clone(),
        }
    }
}
