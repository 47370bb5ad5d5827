//! Failed authentications, limited per source. They are all that is counted here: whoever is right is never held up.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);
/// Sources remembered at a time. While there are more, a failure of one that is not among them is one too many.
const SOURCES: usize = 16_384;
/// How often those that have recovered are looked for while there are too many.
const SWEEP: Duration = Duration::from_secs(1);

/// How many each source may still have.
pub struct Failures {
    /// How long a source takes to recover from one.
    recovery: Duration,
    sources: Mutex<Sources>,
}

#[derive(Default)]
struct Sources {
    /// When a source will have recovered from all of its failures.
    recovered: HashMap<IpAddr, Instant>,
    swept: Option<Instant>,
}

impl Failures {
    /// So many a minute for each.
    pub fn new(per_minute: u32) -> Self {
        Failures { recovery: MINUTE / per_minute.max(1), sources: Mutex::default() }
    }

    /// Counts a failure. One too many is an error: how long until the next one is counted again.
    pub fn count(&self, source: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let source = subscriber(source);
        if !sources.has_room_for(source, now) {
            return Err(SWEEP);
        }
        let recovered = sources.recovered.entry(source).or_insert(now);
        let then = now.max(*recovered) + self.recovery;
        match then.duration_since(now).checked_sub(MINUTE) {
            None | Some(Duration::ZERO) => {
                *recovered = then;
                Ok(())
            }
            Some(wait) => Err(wait),
        }
    }
}

impl Sources {
    fn has_room_for(&mut self, source: IpAddr, now: Instant) -> bool {
        if self.recovered.len() >= SOURCES && self.swept.is_none_or(|last| now.duration_since(last) >= SWEEP) {
            self.swept = Some(now);
            self.recovered.retain(|_, recovered| *recovered > now);
        }
        self.recovered.len() < SOURCES || self.recovered.contains_key(&source)
    }
}

/// Whoever has one IPv6 address has the 2⁶⁴ around it.
fn subscriber(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn numbered(n: usize) -> IpAddr {
        Ipv4Addr::from_bits(0x0A00_0000 + u32::try_from(n).unwrap()).into()
    }

    #[test]
    fn a_source_may_have_its_minutes_worth_at_once_and_then_one_at_a_time() {
        let (failures, source, begun) = (Failures::new(3), numbered(1), Instant::now());
        let at = |seconds: u64| failures.count(source, begun + Duration::from_secs(seconds));
        let wait = |seconds: u64| Err(Duration::from_secs(seconds));
        assert_eq!([at(0), at(0), at(0)], [Ok(()); 3]);
        assert_eq!([at(0), at(1), at(19)], [wait(20), wait(19), wait(1)], "asking again costs nothing");
        assert_eq!([at(20), at(20)], [Ok(()), wait(20)]);
        assert_eq!([at(1000), at(1000), at(1000), at(1000)], [Ok(()), Ok(()), Ok(()), wait(20)], "recovered");
        assert_eq!(failures.count(numbered(2), begun), Ok(()), "another source");
    }

    #[test]
    fn ipv6_sources_count_by_their_64_bits() {
        let (failures, now) = (Failures::new(1), Instant::now());
        let count = |text: &str| failures.count(text.parse().unwrap(), now).is_ok();
        assert!(count("2001:db8::1") && !count("2001:db8::ffff:1") && count("2001:db8:0:1::1"));
    }

    #[test]
    fn however_many_sources_fail_only_so_many_are_remembered() {
        let (failures, begun) = (Failures::new(1), Instant::now());
        let remembered = || failures.sources.lock().unwrap().recovered.len();
        assert!((0..SOURCES).all(|n| failures.count(numbered(n), begun).is_ok()));
        assert_eq!(failures.count(numbered(SOURCES), begun), Err(SWEEP));
        assert_eq!(remembered(), SOURCES);
        assert_eq!(failures.count(numbered(SOURCES), begun + MINUTE), Ok(()), "the others have recovered");
        assert_eq!(remembered(), 1);
    }
}
