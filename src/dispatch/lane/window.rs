//! Entries that were read and that the cursor has not passed.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::lines::Key;
use crate::dispatch::change::ProfileChange;
use crate::protocol::time::Millis;

pub(super) struct Slot {
    pub change: Arc<ProfileChange>,
    pub key: Key,
    pub state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Read, not started.
    Waiting,
    Running {
        since: Millis,
    },
    /// Done, or in the deliveries.
    Settled,
}

/// In the order of the log. Entries that do not concern the handler take no place.
#[derive(Default)]
pub(super) struct Window {
    slots: VecDeque<Slot>,
    /// Those that wait and are the heads of their lines.
    pub ready: BTreeSet<i64>,
    bytes: usize,
}

impl Window {
    pub fn push(&mut self, change: Arc<ProfileChange>, key: Key, is_head: bool) {
        if is_head {
            self.ready.insert(change.seq);
        }
        self.bytes += change.body.len() + 512;
        self.slots.push_back(Slot { change, key, state: State::Waiting });
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn slot(&mut self, seq: i64) -> Option<&mut Slot> {
        let at = self.slots.partition_point(|slot| slot.change.seq < seq);
        self.slots.get_mut(at).filter(|slot| slot.change.seq == seq && slot.state != State::Settled)
    }

    pub fn slot_is(&self, seq: i64, test: impl Fn(&Slot) -> bool) -> bool {
        let at = self.slots.partition_point(|slot| slot.change.seq < seq);
        self.slots.get(at).is_some_and(|slot| slot.change.seq == seq && test(slot))
    }

    pub fn settle(&mut self, seq: i64) {
        self.ready.remove(&seq);
        if let Some(slot) = self.slot(seq) {
            slot.state = State::Settled;
        }
        while self.slots.front().is_some_and(|slot| slot.state == State::Settled) {
            let gone = self.slots.pop_front();
            self.bytes -= gone.map_or(0, |slot| slot.change.body.len() + 512);
        }
    }

    /// The oldest entry that is not settled.
    pub fn first(&self) -> Option<&Slot> {
        self.slots.front()
    }
}
