//! When nothing gets through for anybody, it is not the callbacks' fault: the handler is stalled, and only probed.

use std::collections::HashSet;
use std::time::Duration;

use rand::Rng;

use super::lines::Key;
use crate::dispatch::backoff;
use crate::protocol::time::Millis;

/// Accounts whose attempts fail one after another, without any that succeeds.
const MANY: usize = 5;
const FIRST_PROBE: Duration = Duration::from_secs(1);
const LAST_PROBE: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct Stall {
    /// Accounts that failed since the last success; not more than needed to know that they are many.
    failing: HashSet<Key>,
    probing: Option<Probing>,
}

struct Probing {
    at: Millis,
    delay: Duration,
    /// Whether the next probe is one that waits in the deliveries.
    of_parked: bool,
}

impl Stall {
    pub fn is_on(&self) -> bool {
        self.probing.is_some()
    }

    pub fn begin(&mut self, now: Millis) {
        self.probing.get_or_insert(Probing { at: now, delay: FIRST_PROBE, of_parked: false });
    }

    /// The handler lives.
    pub fn over(&mut self) {
        self.failing.clear();
        self.probing = None;
    }

    /// One more failed; whether there are many now.
    pub fn failed(&mut self, key: &Key) -> bool {
        if self.failing.len() < MANY {
            self.failing.insert(key.clone());
        }
        self.failing.len() >= MANY
    }

    /// Whether others fail too, and nothing succeeds.
    pub fn is_shared(&self) -> bool {
        self.failing.len() > 1
    }

    pub fn next_probe(&self) -> Option<Millis> {
        self.probing.as_ref().map(|probing| probing.at)
    }

    /// Which kind it shall be this time.
    pub fn wants_parked(&mut self) -> bool {
        self.probing.as_mut().is_some_and(|probing| {
            probing.of_parked = !probing.of_parked;
            !probing.of_parked
        })
    }

    /// A probe failed. How long until the next one.
    pub fn probe_failed(&mut self, now: Millis, asked: Option<Duration>, random: &mut impl Rng) -> Millis {
        let Some(probing) = &mut self.probing else { return 0 };
        let wait = backoff::spread(probing.delay, random).max(asked.map_or(0, |wait| backoff::asked(wait, random)));
        probing.at = now + wait;
        probing.delay = (probing.delay * 2).min(LAST_PROBE);
        wait
    }
}
