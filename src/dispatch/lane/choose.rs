//! What to try next.

use rand::seq::IteratorRandom;

use super::parked::Phase;
use super::window::State;
use super::{Attempt, Lane, Solo};
use crate::protocol::time::Millis;

/// How often an entry may be started alone without coming to an end.
const SOLO_STARTS: u32 = 3;
const KILLER: &str = "three times the process ended while this was handled alone";
/// Of so many entries that wait, the oldest, one is the probe.
const PROBES: usize = 16;

/// What may have been running when an owner died.
enum Suspect {
    Nobody,
    /// Not read yet, or running.
    Later,
    Parked(i64),
    Read(i64),
}

impl Lane {
    pub(super) fn next_attempt(&mut self, now: Millis) -> Option<Attempt> {
        if self.orders.paused || self.is_held || self.busy.len() >= self.rules.concurrency {
            return None;
        }
        match self.suspect() {
            Suspect::Nobody if self.stall.is_on() => self.probe(now),
            Suspect::Nobody => self.any(now),
            _ if self.is_stopping || !self.busy.is_empty() || self.stall.next_probe().is_some_and(|at| now < at) => {
                None
            }
            Suspect::Later => None,
            Suspect::Parked(seq) => self.parked_alone(seq),
            Suspect::Read(seq) => self.read_alone(seq, now),
        }
    }

    fn any(&mut self, now: Millis) -> Option<Attempt> {
        while let Some((_, seq)) = self.parked.next_due().filter(|(at, _)| *at <= now && !self.is_stopping)
            && self.busy.len() + self.parked.starting() < self.rules.concurrency
        {
            self.parked.change(seq, |parked| parked.phase = Phase::Beginning);
        }
        let ready = self.parked.ready().find(|seq| self.parked.get(*seq).is_some_and(|p| !self.busy.contains(&p.key)));
        if let Some(seq) = ready {
            return self.start_parked(seq);
        }
        // On the way out, only what the cursor needs to get past what was started.
        let last = if self.is_stopping { self.durable.reach.min(self.highest_started) } else { self.durable.reach };
        let (window, busy) = (&mut self.window, &self.busy);
        let free =
            window.ready.range(..=last).copied().find(|seq| !window.slot_is(*seq, |slot| busy.contains(&slot.key)));
        free.and_then(|seq| self.start_read(seq, now))
    }

    /// One at a time, of those that wait in the deliveries and of those that were not tried yet, in turns.
    fn probe(&mut self, now: Millis) -> Option<Attempt> {
        if self.is_stopping || !self.busy.is_empty() || self.stall.next_probe().is_some_and(|at| now < at) {
            return None;
        }
        let ready = self.parked.ready().next();
        if let Some(seq) = ready {
            return self.start_parked(seq);
        }
        if self.parked.starting() > 0 {
            return None;
        }
        let parked = self.parked.next_due().map(|(_, seq)| seq);
        let last = self.durable.reach;
        let read = self.window.ready.range(..=last).copied().take(PROBES).choose(&mut self.random);
        match (parked, read) {
            (Some(seq), None) => self.parked.change(seq, |parked| parked.phase = Phase::Beginning),
            (Some(seq), Some(_)) if self.stall.wants_parked() => {
                self.parked.change(seq, |parked| parked.phase = Phase::Beginning);
            }
            (_, Some(seq)) => return self.start_read(seq, now),
            (None, None) => {}
        }
        None
    }

    fn suspect(&self) -> Suspect {
        if let Some(seq) = self.parked.first_suspect() {
            return Suspect::Parked(seq);
        }
        match self.window.first() {
            Some(slot) if slot.change.seq <= self.suspects_to => match slot.state {
                State::Waiting => Suspect::Read(slot.change.seq),
                _ => Suspect::Later,
            },
            None if self.read_to < self.suspects_to => Suspect::Later,
            _ => Suspect::Nobody,
        }
    }

    fn parked_alone(&mut self, seq: i64) -> Option<Attempt> {
        let (phase, solo_starts) = self.parked.get(seq).map(|parked| (parked.phase, parked.solo_starts))?;
        match phase {
            Phase::Ready => return self.start_parked(seq),
            Phase::Beginning | Phase::Running => {}
            _ if solo_starts >= SOLO_STARTS => self.bury(seq, KILLER.to_owned()),
            _ => self.parked.change(seq, |parked| {
                parked.solo_starts += 1;
                parked.phase = Phase::Beginning;
            }),
        }
        None
    }

    fn read_alone(&mut self, seq: i64, now: Millis) -> Option<Attempt> {
        let starts = if self.solo.seq == seq { self.solo.starts } else { 0 };
        if self.solo.seq == seq && self.solo.is_armed {
            self.solo.is_armed = false;
            return self.start_read(seq, now);
        }
        if self.solo.is_wanted {
            return None;
        }
        if starts >= SOLO_STARTS {
            self.solo = Solo::default();
            self.bury(seq, KILLER.to_owned());
            return None;
        }
        self.solo = Solo { seq, starts: starts + 1, is_wanted: true, is_armed: false };
        None
    }

    fn start_parked(&mut self, seq: i64) -> Option<Attempt> {
        let parked = self.parked.run(seq)?;
        let (key, number) = (parked.key.clone(), parked.attempts + 1);
        let is_followed = self.lines.is_past(&key, seq);
        self.busy.insert(key);
        Some(Attempt { seq, number, is_followed, change: None })
    }

    fn start_read(&mut self, seq: i64, now: Millis) -> Option<Attempt> {
        self.window.ready.remove(&seq);
        let slot = self.window.slot(seq)?;
        slot.state = State::Running { since: now };
        let (key, change) = (slot.key.clone(), slot.change.clone());
        let is_followed = self.lines.is_past(&key, seq);
        self.busy.insert(key);
        self.highest_started = self.highest_started.max(seq);
        Some(Attempt { seq, number: 1, is_followed, change: Some(change) })
    }
}
