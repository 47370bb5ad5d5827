//! What was read, and what is made durable.

use std::sync::Arc;

use super::parked::{Parked, Phase};
use super::window::{Slot, State};
use super::{HEARTBEAT, LAZY, LONG, Lane, WIDTH};
use crate::dispatch::change::ProfileChange;
use crate::protocol::time::Millis;
use crate::store::subscription::{Checkpoint, Orders, Subscription};

/// Entries read ahead of what may be started.
const AHEAD: usize = 1024;
/// Their bodies.
const AHEAD_BYTES: usize = 16 << 20;
/// Deliveries that wait; beyond, nothing more is read.
const MAX_PARKED: usize = 10_000;

/// The subscription as the store has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Durable {
    pub position: i64,
    pub reach: i64,
    /// Which entry was started alone, and which time that was.
    solo: (i64, u32),
    stalled: bool,
}

impl Durable {
    pub fn of(from: &Subscription) -> Self {
        Durable {
            position: from.position,
            reach: from.reach,
            solo: (from.solo_seq, from.solo_starts.unsigned_abs()),
            stalled: from.is_stalled,
        }
    }
}

impl Lane {
    /// Also while it is paused: how long the oldest has waited is told all the same.
    pub(super) fn may_read(&self) -> bool {
        !self.is_reading
            && !self.is_stopping
            && self.read_to < self.head
            && self.window.len() < AHEAD + usize::try_from(self.width).unwrap_or(0)
            && self.window.bytes() < AHEAD_BYTES
            && self.parked.len() < MAX_PARKED
    }

    /// The log was read up to `to`; these are the entries that concern the handler.
    pub fn read(&mut self, changes: Vec<Arc<ProfileChange>>, to: i64) {
        self.is_reading = false;
        for change in changes {
            // A dead letter that is tried again, behind which the cursor was rewound.
            if self.parked.get(change.seq).is_some() {
                continue;
            }
            let key = (change.app, change.account.clone());
            let seq = change.seq;
            // The cursor lags behind what went through the deliveries: it is over if a later one of its account is there.
            if self.lines.is_past(&key, seq) {
                continue;
            }
            let is_head = self.lines.join(&key, seq);
            if !is_head && self.lines.head(&key).is_some_and(|head| self.parked.get(head).is_some()) {
                self.parked.put(seq, Parked::new(key, Phase::Behind));
            } else {
                self.window.push(change, key, is_head);
            }
        }
        self.read_to = self.read_to.max(to);
        self.head = self.head.max(to);
    }

    /// Reading failed; it is tried again.
    pub fn not_read(&mut self) {
        self.is_reading = false;
    }

    /// Where the cursor could be.
    fn position(&self) -> i64 {
        self.window.first().map_or(self.read_to, |slot| slot.change.seq - 1)
    }

    pub(super) fn has_settled(&self) -> bool {
        self.parked.is_dirty() || self.position() > self.durable.position
    }

    /// Something ready has no leave to start, and a checkpoint can give it.
    fn is_starved(&self) -> bool {
        let position = self.position();
        position >= self.suspects_to
            && position + (self.width * 2).min(*WIDTH.end()) > self.durable.reach
            && self.window.ready.first().is_some_and(|seq| *seq > self.durable.reach)
    }

    /// When what runs first has run so long that the cursor does not wait for it any more.
    pub(super) fn long_at(&self) -> Option<Millis> {
        match self.window.first()? {
            slot if slot.change.seq <= self.suspects_to => None,
            Slot { state: State::Running { since }, .. } => Some(since + LONG),
            _ => None,
        }
    }

    /// What may be started will soon run out.
    fn is_half_way(&self) -> bool {
        self.highest_started + self.width / 2 > self.durable.reach
    }

    pub(super) fn must_write(&self, now: Millis) -> bool {
        (self.solo.seq, self.solo.starts) != self.durable.solo
            || self.parked.is_waiting_for_a_checkpoint()
            || self.stall.is_on() != self.durable.stalled
            || self.is_starved()
            || self.long_at().is_some_and(|at| at <= now)
            || self.is_half_way() && self.position() > self.durable.position
            || self.has_settled() && now >= self.written_at + LAZY
            || self.is_held
            || now >= self.written_at + HEARTBEAT
    }

    /// Everything as it is now; nothing that it allows has begun yet. The last one gives the lease back.
    pub fn checkpoint(&mut self, now: Millis, is_last: bool) -> Checkpoint {
        self.release_the_long(now);
        let position = self.position();
        if self.is_starved() || self.is_half_way() && now < self.written_at + LAZY / 2 {
            self.width = (self.width * 2).min(*WIDTH.end());
        } else if (position - self.durable.position) * 4 < self.width {
            self.width = (self.width / 2).max(*WIDTH.start());
        }
        let reach = match () {
            () if is_last => position,
            () if position < self.suspects_to => self.suspects_to,
            () => (position + self.width).max(self.highest_started),
        };
        let (changed, gone) = self.parked.carry(now);
        let to = Durable { position, reach, solo: (self.solo.seq, self.solo.starts), stalled: self.stall.is_on() };
        self.writing = Some(to);
        self.written_at = now;
        Checkpoint {
            position,
            reach,
            solo: (to.solo.0, i32::try_from(to.solo.1).unwrap_or(i32::MAX)),
            stalled: to.stalled,
            changed,
            gone,
            release: is_last,
        }
    }

    /// The cursor does not wait for what takes long: it goes into the deliveries while it runs.
    fn release_the_long(&mut self, now: Millis) {
        while self.long_at().is_some_and(|at| at <= now)
            && let Some((seq, key)) = self.window.first().map(|slot| (slot.change.seq, slot.key.clone()))
        {
            self.park(seq, &key);
            self.parked.change(seq, |parked| parked.phase = Phase::Running);
        }
    }

    /// The checkpoint under way is durable; and what operators want.
    pub fn written(&mut self, orders: Orders) {
        let Some(written) = self.writing.take() else { return };
        self.durable = written;
        for key in self.parked.carried() {
            self.advance(&key, self.written_at);
        }
        if self.solo.is_wanted && written.solo == (self.solo.seq, self.solo.starts) {
            self.solo.is_wanted = false;
            self.solo.is_armed = true;
        }
        self.orders = orders;
    }

    /// Nobody knows whether the checkpoint under way is durable; it is written again.
    pub fn not_written(&mut self) {
        self.writing = None;
        self.parked.not_carried();
    }
}
