//! What came of an attempt.

use std::time::Duration;

use super::lines::Key;
use super::parked::{Parked, Phase};
use super::window::State;
use super::{Lane, Solo, Verdict};
use crate::dispatch::backoff;
use crate::protocol::time::Millis;

impl Lane {
    /// An attempt has come to an end.
    pub fn ended(&mut self, seq: i64, verdict: Verdict, now: Millis) {
        let Some(key) = self.key_of(seq) else { return };
        self.busy.remove(&key);
        if self.solo.seq == seq {
            self.solo = Solo::default();
        }
        match verdict {
            Verdict::Done => {
                self.stall.over();
                self.finish(seq, &key, now);
            }
            Verdict::Gone => self.finish(seq, &key, now),
            Verdict::Rejected(why) => {
                self.stall.over();
                self.bury(seq, why);
            }
            Verdict::Aborted => self.put_back(seq, now),
            Verdict::Failed(why, asked) => self.failed(seq, &key, why, asked, now),
        }
    }

    fn key_of(&mut self, seq: i64) -> Option<Key> {
        match self.parked.get(seq) {
            Some(parked) => Some(parked.key.clone()),
            None => self.window.slot(seq).map(|slot| slot.key.clone()),
        }
    }

    fn finish(&mut self, seq: i64, key: &Key, now: Millis) {
        let in_order = self.parked.remove(seq).is_none_or(|parked| parked.in_order);
        self.window.settle(seq);
        if in_order {
            self.advance(key, now);
        }
    }

    /// The next one of the account has its turn.
    pub(super) fn advance(&mut self, key: &Key, now: Millis) {
        let Some(next) = self.lines.advance(key) else { return };
        if self.parked.get(next).is_some() {
            self.parked.change(next, |parked| parked.phase = Phase::Due(now));
        } else {
            self.window.ready.insert(next);
        }
    }

    /// It becomes a dead letter. Its account goes on once that is durable.
    pub(super) fn bury(&mut self, seq: i64, why: String) {
        let Some(key) = self.key_of(seq) else { return };
        self.park(seq, &key);
        self.parked.change(seq, |parked| {
            parked.phase = Phase::Dead;
            parked.error = Some(why);
            parked.suspect = false;
        });
    }

    /// From the window into the deliveries, and what waits behind it as well.
    pub(super) fn park(&mut self, seq: i64, key: &Key) {
        if self.parked.get(seq).is_some() {
            return;
        }
        self.parked.put(seq, Parked::new(key.clone(), Phase::Behind));
        self.window.settle(seq);
        for behind in self.lines.behind(key) {
            if self.window.slot(behind).is_some() {
                self.parked.put(behind, Parked::new(key.clone(), Phase::Behind));
                self.window.settle(behind);
            }
        }
    }

    /// As if it had not been started.
    fn put_back(&mut self, seq: i64, now: Millis) {
        if self.parked.get(seq).is_some() {
            self.parked.change(seq, |parked| {
                parked.phase = Phase::Due(now);
                parked.suspect = false;
                parked.solo_starts = 0;
            });
        } else if let Some(slot) = self.window.slot(seq) {
            slot.state = State::Waiting;
            self.window.ready.insert(seq);
        }
    }

    fn failed(&mut self, seq: i64, key: &Key, why: String, asked: Option<Duration>, now: Millis) {
        if !self.stall.is_on() {
            let many = self.stall.failed(key);
            let attempts = self.parked.get(seq).map_or(0, |parked| parked.attempts) + 1;
            let wait = backoff::wait(&self.rules.retry, attempts, &mut self.random);
            // While nobody else gets through either, nothing is given up.
            if wait.is_some() || !self.stall.is_shared() {
                match wait {
                    Some(wait) => {
                        let wait = asked.map_or(wait, |asked| backoff::asked(asked, &mut self.random));
                        self.park(seq, key);
                        self.parked.change(seq, |parked| {
                            parked.attempts = attempts;
                            parked.phase = Phase::Due(now + wait);
                            parked.suspect = false;
                            parked.solo_starts = 0;
                            parked.error = Some(why);
                        });
                    }
                    None => {
                        self.park(seq, key);
                        self.parked.change(seq, |parked| parked.attempts = attempts);
                        self.bury(seq, why);
                    }
                }
                if many {
                    self.stall.begin(now);
                }
                return;
            }
            self.stall.begin(now);
        }
        let wait = self.stall.probe_failed(now, asked, &mut self.random);
        if seq <= self.suspects_to {
            // It came to an end: it is no suspect any more, and the others have their turn.
            self.park(seq, key);
        }
        self.put_back(seq, now + wait);
        if self.parked.get(seq).is_some() {
            self.parked.change(seq, |parked| parked.error = Some(why));
        }
    }
}
