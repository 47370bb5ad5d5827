//! How long a failed callback waits: the configured list, spread, so that what failed together does not come back together.

use std::time::Duration;

use rand::{Rng, RngExt};

use crate::protocol::time::{Millis, millis};

/// No handler may ask for a longer wait.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The wait after `failed` failed attempts, a quarter more or less; none when the list is at its end.
pub(super) fn wait(list: &[Duration], failed: u32, random: &mut impl Rng) -> Option<Millis> {
    let base = list.get(usize::try_from(failed.checked_sub(1)?).ok()?)?;
    Some(spread(*base, random))
}

/// A wait that a handler asked for: never shorter than asked, up to a quarter longer.
pub(super) fn asked(wait: Duration, random: &mut impl Rng) -> Millis {
    millis(wait.min(LONGEST).mul_f64(random.random_range(1.0..1.25)))
}

/// A quarter more or less.
pub(super) fn spread(wait: Duration, random: &mut impl Rng) -> Millis {
    millis(wait.mul_f64(random.random_range(0.75..1.25)))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;

    #[test]
    fn each_failure_waits_for_its_entry_of_the_list_and_the_last_one_for_nothing() {
        let list = [1, 5, 30].map(Duration::from_secs);
        let mut random = SmallRng::seed_from_u64(1);
        for _ in 0..1000 {
            assert!((750..=1250).contains(&wait(&list, 1, &mut random).unwrap()));
            assert!((22_500..=37_500).contains(&wait(&list, 3, &mut random).unwrap()));
            assert_eq!(wait(&list, 4, &mut random), None);
            assert_eq!(wait(&[], 1, &mut random), None);
            assert!(asked(Duration::from_secs(10), &mut random) >= 10_000);
            assert!(asked(Duration::MAX, &mut random) <= 30 * 3_600_000);
        }
    }
}
