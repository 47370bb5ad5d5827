//! What goes wrong with callbacks on purpose: rates from 0 to 1, decided in the order of the changes by one seeded source, so
//! that a run can be repeated.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// How many callbacks of its connection one that is reordered lets pass, at most.
const PASSED_BY: u8 = 16;

/// Rates and amounts. The default is a vendor without faults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Never sent.
    pub drop: f64,
    /// Sent twice, the same body both times.
    pub duplicate: f64,
    /// Sent after up to 16 later ones of its connection.
    pub reorder: f64,
    /// Sent `delay_ms` late; whatever is behind it on its connection waits too.
    pub delay: f64,
    /// How late.
    pub delay_ms: u64,
    /// With a Sign made of another token.
    pub wrong_sign: f64,
    /// With another SdkAppid.
    pub wrong_app: f64,
    /// With half of its body.
    pub junk_body: f64,
    /// With a body that takes `slow_ms` to arrive.
    pub slow: f64,
    /// How long.
    pub slow_ms: u64,
    /// How far RequestTime is from the time; the Sign is right.
    pub skew_secs: i64,
}

impl Default for Faults {
    fn default() -> Self {
        Faults {
            drop: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            delay: 0.0,
            delay_ms: 500,
            wrong_sign: 0.0,
            wrong_app: 0.0,
            junk_body: 0.0,
            slow: 0.0,
            slow_ms: 1000,
            skew_secs: 0,
        }
    }
}

impl Faults {
    /// What is wrong with them.
    pub fn objection(&self) -> Option<String> {
        let rates = [
            ("drop", self.drop),
            ("duplicate", self.duplicate),
            ("reorder", self.reorder),
            ("delay", self.delay),
            ("wrong_sign", self.wrong_sign),
            ("wrong_app", self.wrong_app),
            ("junk_body", self.junk_body),
            ("slow", self.slow),
        ];
        let (name, rate) = rates.into_iter().find(|(_, rate)| !(0.0..=1.0).contains(rate))?;
        Some(format!("{name} must be a rate from 0 to 1, not {rate}"))
    }
}

/// What happens to one callback.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub drop: bool,
    pub duplicate: bool,
    pub behind: u8,
    pub delay: Option<Duration>,
    pub wrong_sign: bool,
    pub wrong_app: bool,
    pub junk_body: bool,
    pub slow: Option<Duration>,
    pub skew_secs: i64,
}

impl Plan {
    /// The faults' names; none for a callback as it should be.
    pub fn names(&self) -> Vec<&'static str> {
        let all = [
            ("drop", self.drop),
            ("duplicate", self.duplicate),
            ("reorder", self.behind > 0),
            ("delay", self.delay.is_some()),
            ("wrong_sign", self.wrong_sign),
            ("wrong_app", self.wrong_app),
            ("junk_body", self.junk_body),
            ("slow", self.slow.is_some()),
            ("skew_secs", self.skew_secs != 0),
        ];
        all.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect()
    }
}

/// Decides.
pub(super) struct Dice {
    pub faults: Faults,
    random: SmallRng,
}

impl Dice {
    pub fn new(faults: Faults, seed: u64) -> Self {
        Dice { faults, random: SmallRng::seed_from_u64(seed) }
    }

    /// What happens to the next callback. Every one takes as many throws, so that one rate does not move another's hits.
    pub fn next(&mut self) -> Plan {
        let Dice { faults, random } = self;
        let mut hit = |rate: f64| random.random::<f64>() < rate;
        let (drop, duplicate, reorder, delay) =
            (hit(faults.drop), hit(faults.duplicate), hit(faults.reorder), hit(faults.delay));
        let (wrong_sign, wrong_app) = (hit(faults.wrong_sign), hit(faults.wrong_app));
        let (junk_body, slow) = (hit(faults.junk_body), hit(faults.slow));
        let passed_by = random.random_range(1..=PASSED_BY);
        if drop {
            return Plan { drop, ..Plan::default() };
        }
        Plan {
            drop,
            duplicate,
            behind: if reorder { passed_by } else { 0 },
            delay: delay.then(|| Duration::from_millis(faults.delay_ms)),
            wrong_sign,
            wrong_app,
            junk_body,
            slow: slow.then(|| Duration::from_millis(faults.slow_ms)),
            skew_secs: faults.skew_secs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_faults() {
        let faults = Faults { drop: 0.1, duplicate: 0.2, reorder: 0.3, ..Faults::default() };
        let run = |seed| {
            let mut dice = Dice::new(faults.clone(), seed);
            (0..1000).map(|_| dice.next()).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let dropped = run(7).iter().filter(|plan| plan.drop).count();
        assert!((50..150).contains(&dropped), "{dropped} of 1000");
    }

    #[test]
    fn one_rate_does_not_move_anothers_hits() {
        let drops = |duplicate| {
            let mut dice = Dice::new(Faults { drop: 0.1, duplicate, ..Faults::default() }, 7);
            (0..1000).map(|_| dice.next().drop).collect::<Vec<_>>()
        };
        assert_eq!(drops(0.0), drops(0.9));
    }

    #[test]
    fn rates_are_rates() {
        assert_eq!(Faults::default().objection(), None);
        assert!(Faults { reorder: 1.5, ..Faults::default() }.objection().is_some_and(|why| why.contains("reorder")));
        assert!(Faults { slow: f64::NAN, ..Faults::default() }.objection().is_some());
    }
}
