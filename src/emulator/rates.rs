//! The documented rates: so many calls of a command in any second, whatever the second; and failed UserSig checks a minute.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// Failed UserSig checks in a minute before the answer is 70050. The vendor names no number.
const FAILED_CHECKS: usize = 60;

/// How a command was called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// All of them.
    pub calls: u64,
    /// Above the rate, answered 60007.
    pub too_frequent: u64,
    /// The most that arrived within one second, any second.
    pub peak_per_second: usize,
}

#[derive(Default)]
struct Command {
    calls: Calls,
    /// Arrivals of the last second, and whether each was let in.
    arrivals: VecDeque<(Instant, bool)>,
}

/// Counts calls, and refuses where rates are on.
pub(super) struct Rates {
    on: bool,
    commands: Mutex<BTreeMap<&'static str, Command>>,
    failed_checks: Mutex<VecDeque<Instant>>,
}

impl Rates {
    pub fn new(on: bool) -> Self {
        Rates { on, commands: Mutex::default(), failed_checks: Mutex::default() }
    }

    /// Counts a call; whether it is within the rate.
    pub fn admit(&self, command: &'static str, per_second: usize, now: Instant) -> bool {
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        let Command { calls, arrivals } = commands.entry(command).or_default();
        while arrivals.front().is_some_and(|(then, _)| now.duration_since(*then) >= SECOND) {
            arrivals.pop_front();
        }
        let admitted = !self.on || arrivals.iter().filter(|(_, admitted)| *admitted).count() < per_second;
        arrivals.push_back((now, admitted));
        calls.calls += 1;
        calls.too_frequent += u64::from(!admitted);
        calls.peak_per_second = calls.peak_per_second.max(arrivals.len());
        admitted
    }

    /// Counts a failed UserSig check; whether there were too many.
    pub fn too_many_failed_checks(&self, now: Instant) -> bool {
        let mut failed = self.failed_checks.lock().unwrap_or_else(PoisonError::into_inner);
        failed.retain(|then| now.duration_since(*then) < MINUTE);
        if failed.len() <= FAILED_CHECKS {
            failed.push_back(now);
        }
        self.on && failed.len() > FAILED_CHECKS
    }

    pub fn calls(&self) -> BTreeMap<&'static str, Calls> {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        commands.iter().map(|(name, command)| (*name, command.calls.clone())).collect()
    }

    pub fn clear(&self) {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.failed_checks.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_than_the_rate_whichever_second_it_is() {
        let (rates, start) = (Rates::new(true), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        assert!((0..3).all(|n| rates.admit("c", 3, at(900 + n))));
        assert!(!rates.admit("c", 3, at(1100)));
        assert!(rates.admit("c", 3, at(1900)));
        assert_eq!(rates.calls()["c"], Calls { calls: 5, too_frequent: 1, peak_per_second: 4 });
    }
}
