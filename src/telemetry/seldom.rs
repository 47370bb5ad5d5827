//! A warning that whoever sends requests could repeat at will: one a minute says as much.

use std::sync::atomic::{AtomicI64, Ordering};

/// In milliseconds.
const MINUTE: i64 = 60_000;

/// When it was last said.
pub struct Seldom(AtomicI64);

impl Default for Seldom {
    /// Not said yet.
    fn default() -> Self {
        Seldom(AtomicI64::new(-MINUTE))
    }
}

impl Seldom {
    /// Whether to say it now, in milliseconds of any clock. A clock that was set back does not silence it.
    pub fn now(&self, now: i64) -> bool {
        let due = |last: i64| (now < last || now - last >= MINUTE).then_some(now);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_at_once_and_then_once_a_minute() {
        let seldom = Seldom::default();
        let said = [0, 1, 59_999, 60_000, 119_999, 120_000, 100_000, 100_001].map(|at| seldom.now(at));
        assert_eq!(said, [true, false, false, true, false, true, true, false]);
    }
}
