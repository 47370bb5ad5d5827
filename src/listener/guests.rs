//! Who is connected. At the limit somebody makes room for whoever comes next: a stranger, chosen at random; where there is
//! none, whoever has been idle longest, if that is long.
//!
//! A stranger is a connection whose last answer was not a good one, or that has had none, and whose request, if any, has not
//! arrived whole. So connections that trickle, say nothing or are refused push out each other, and not one that has proven
//! itself or is being served.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use tokio::sync::Notify;

use crate::telemetry::connections::Connections;

/// Beyond the limit, those who were told to leave and have not left yet: each still has its file descriptor.
const LEAVING: usize = 16;
/// Active as long as that lasts.
const BEING_SERVED: u64 = u64::MAX;

/// One listener's connections.
pub(super) struct Guests {
    limit: usize,
    /// Who has proven itself makes room after so long.
    idle: Duration,
    metrics: Connections,
    begun: Instant,
    book: Mutex<Book>,
    left: Notify,
}

#[derive(Default)]
struct Book {
    next: u64,
    present: HashMap<u64, Arc<Guest>>,
    /// Each found by its number and by its place.
    strangers: IndexMap<u64, Arc<Guest>>,
    /// Before that nobody who has proven itself will have been idle for long; so that nobody is looked for in vain, time
    /// and again.
    nobody_before: Duration,
}

struct Guest {
    leave: Notify,
    proven: AtomicBool,
    /// When something last happened, in milliseconds since the listener began. Noted with every request, without a lock.
    active: AtomicU64,
}

impl Guests {
    pub fn new(limit: usize, idle: Duration, metrics: Connections) -> Arc<Self> {
        Arc::new(Guests { limit, idle, metrics, begun: Instant::now(), book: Mutex::default(), left: Notify::new() })
    }

    /// Resolves once few enough are still leaving for another to be taken.
    pub async fn have_left(&self) {
        while self.book().present.len() >= self.limit + LEAVING {
            self.left.notified().await;
        }
    }

    /// A seat, if need be somebody else's; none if nobody makes room.
    pub fn admit(self: &Arc<Self>, now: Instant) -> Option<Seat> {
        let mut book = self.book();
        if book.present.len() >= self.limit && !self.evict(&mut book, now) {
            self.metrics.refused.inc();
            return None;
        }
        let guest = Guest { leave: Notify::new(), proven: AtomicBool::new(false), active: AtomicU64::new(0) };
        let (guest, number) = (Arc::new(guest), book.next);
        book.next += 1;
        book.present.insert(number, guest.clone());
        book.strangers.insert(number, guest.clone());
        self.metrics.open.inc();
        Some(Seat { guests: self.clone(), number, guest })
    }

    /// One fewer, whatever the limit: file descriptors have run out.
    pub fn make_room(&self, now: Instant) {
        self.evict(&mut self.book(), now);
    }

    fn evict(&self, book: &mut Book, now: Instant) -> bool {
        let guest = match book.strangers.len() {
            0 => self.idlest(book, now),
            strangers => book.strangers.swap_remove_index(rand::random_range(0..strangers)).map(|(_, guest)| guest),
        };
        let Some(guest) = guest else { return false };
        guest.leave.notify_one();
        self.metrics.evicted.inc();
        true
    }

    fn idlest(&self, book: &mut Book, now: Instant) -> Option<Arc<Guest>> {
        let now = now.duration_since(self.begun);
        if now < book.nobody_before {
            return None;
        }
        let proven = book.present.values().filter(|guest| guest.proven.load(Ordering::Relaxed));
        let idlest = proven.min_by_key(|guest| guest.active.load(Ordering::Relaxed))?;
        let active = Duration::from_millis(idlest.active.load(Ordering::Relaxed)).min(now);
        if now - active < self.idle {
            book.nobody_before = active + self.idle;
            return None;
        }
        idlest.proven.store(false, Ordering::Relaxed);
        Some(idlest.clone())
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place; dropped, it is free.
pub(super) struct Seat {
    guests: Arc<Guests>,
    number: u64,
    guest: Arc<Guest>,
}

impl Seat {
    /// Resolves when the connection has to make room.
    pub fn must_leave(&self) -> impl Future<Output = ()> + Send + use<> {
        let guest = self.guest.clone();
        async move { guest.leave.notified().await }
    }

    /// Something happens on it.
    pub fn active(&self, now: Instant) {
        let since = now.duration_since(self.guests.begun).as_millis();
        self.guest.active.store(u64::try_from(since).unwrap_or(BEING_SERVED), Ordering::Relaxed);
    }

    /// Its request is here: it stays until that is answered.
    pub fn serving(&self) {
        self.guest.active.store(BEING_SERVED, Ordering::Relaxed);
        if !self.guest.proven.load(Ordering::Relaxed) {
            self.guests.book().strangers.swap_remove(&self.number);
        }
    }

    /// Its request was answered; if not well, it is a stranger, whatever it was.
    pub fn answered(&self, well: bool) {
        if well && self.guest.proven.load(Ordering::Relaxed) {
            return;
        }
        let mut book = self.guests.book();
        self.guest.proven.store(well, Ordering::Relaxed);
        if well {
            book.strangers.swap_remove(&self.number);
        } else {
            book.strangers.insert(self.number, self.guest.clone());
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut book = self.guests.book();
        book.present.remove(&self.number);
        book.strangers.swap_remove(&self.number);
        drop(book);
        self.guests.metrics.open.dec();
        self.guests.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;
    use crate::telemetry::Metrics;

    const IDLE: Duration = Duration::from_secs(60);

    fn guests(limit: usize) -> Arc<Guests> {
        Guests::new(limit, IDLE, Metrics::new().connections.of("public"))
    }

    fn told(seat: &Seat) -> bool {
        let leave = std::pin::pin!(seat.must_leave());
        leave.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    fn exchange(seat: &Seat, well: bool, now: Instant) {
        seat.serving();
        seat.answered(well);
        seat.active(now);
    }

    #[test]
    fn strangers_make_room_and_without_one_nobody_is_admitted() {
        let (guests, now) = (guests(3), Instant::now());
        let [proven, serving, stranger] = [(); 3].map(|()| guests.admit(now).unwrap());
        exchange(&proven, true, now);
        serving.serving();
        let newcomer = guests.admit(now).unwrap();
        assert!(told(&stranger) && !told(&proven) && !told(&serving) && !told(&newcomer));
        drop(stranger);
        newcomer.serving();
        assert!(guests.admit(now).is_none());
        newcomer.answered(false);
        assert!(guests.admit(now).is_some() && told(&newcomer));
        assert_eq!((guests.metrics.evicted.get(), guests.metrics.refused.get()), (2, 1));
    }

    #[test]
    fn who_is_refused_is_a_stranger_whatever_it_was() {
        let (guests, now) = (guests(2), Instant::now());
        let [good, bad] = [(); 2].map(|()| guests.admit(now).unwrap());
        exchange(&good, true, now);
        exchange(&bad, true, now);
        assert!(guests.admit(now).is_none());
        exchange(&bad, false, now);
        assert!(guests.admit(now).is_some() && told(&bad) && !told(&good));
    }

    #[test]
    fn without_a_stranger_whoever_has_been_idle_longest_makes_room_if_that_is_long() {
        let (guests, begun) = (guests(3), Instant::now());
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let [first, second, serving] = [(); 3].map(|()| guests.admit(begun).unwrap());
        for (seat, seconds) in [(&first, 1), (&second, 0), (&serving, 0), (&second, 10)] {
            exchange(seat, true, at(seconds));
        }
        serving.serving();
        assert!(guests.admit(at(50)).is_none() && guests.admit(at(60)).is_none());
        exchange(&first, true, at(60));
        assert!(guests.admit(at(69)).is_none());
        let newcomer = guests.admit(at(71)).unwrap();
        assert!(told(&second) && !told(&first));
        drop(second);
        exchange(&newcomer, true, at(71));
        assert!(guests.admit(at(1000)).is_some() && told(&first) && !told(&newcomer));
        drop(first);
        drop(newcomer);
        let others = [(); 2].map(|()| guests.admit(at(1000)).unwrap());
        others.iter().for_each(Seat::serving);
        assert!(guests.admit(at(9999)).is_none() && !told(&serving), "who is being served stays");
    }

    #[test]
    fn nobody_is_taken_while_many_have_still_to_leave() {
        let (guests, now) = (guests(2), Instant::now());
        let mut there: Vec<Seat> = (0..2 + LEAVING).map(|_| guests.admit(now).unwrap()).collect();
        assert_eq!(guests.metrics.evicted.get(), LEAVING as u64);
        let mut have_left = std::pin::pin!(guests.have_left());
        let mut context = Context::from_waker(Waker::noop());
        assert!(have_left.as_mut().poll(&mut context).is_pending());
        there.pop();
        assert!(have_left.poll(&mut context).is_ready());
    }

    #[test]
    fn who_leaves_makes_room() {
        let (guests, now) = (guests(1), Instant::now());
        let seat = guests.admit(now).unwrap();
        seat.serving();
        assert!(guests.admit(now).is_none());
        drop(seat);
        assert_eq!(guests.metrics.open.get(), 0);
        assert!(guests.admit(now).is_some());
        assert_eq!(guests.metrics.evicted.get(), 0);
    }
}
