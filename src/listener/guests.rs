//! Who is connected. At the limit a stranger, chosen at random, makes room for whoever comes next.
//!
//! A stranger is a connection that has not had a good answer yet and whose request, if any, has not arrived whole. So
//! connections that trickle or say nothing push out each other, and never one that has proven itself or is being served.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use tokio::sync::Notify;

use crate::telemetry::connections::Connections;

/// One listener's connections.
pub(super) struct Guests {
    limit: usize,
    metrics: Connections,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    present: usize,
    next: u64,
    /// Whom to tell that they must leave; each found by its number and by its place.
    strangers: IndexMap<u64, Arc<Notify>>,
}

impl Guests {
    pub fn new(limit: usize, metrics: Connections) -> Arc<Self> {
        Arc::new(Guests { limit, metrics, book: Mutex::default() })
    }

    /// A seat, if need be a stranger's; none if there is no stranger.
    pub fn admit(self: &Arc<Self>) -> Option<Seat> {
        let mut book = self.book();
        if book.present >= self.limit && !self.evict(&mut book) {
            self.metrics.refused.inc();
            return None;
        }
        let leave = Arc::new(Notify::new());
        let number = book.next;
        book.next += 1;
        book.present += 1;
        book.strangers.insert(number, leave.clone());
        self.metrics.open.inc();
        Some(Seat { guests: self.clone(), number, leave, proven: AtomicBool::new(false) })
    }

    /// One stranger fewer, whatever the limit: file descriptors have run out.
    pub fn make_room(&self) {
        self.evict(&mut self.book());
    }

    fn evict(&self, book: &mut Book) -> bool {
        if book.strangers.is_empty() {
            return false;
        }
        let place = rand::random_range(0..book.strangers.len());
        if let Some((_, leave)) = book.strangers.swap_remove_index(place) {
            leave.notify_one();
        }
        self.metrics.evicted.inc();
        true
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place; dropped, it is free.
pub(super) struct Seat {
    guests: Arc<Guests>,
    number: u64,
    leave: Arc<Notify>,
    proven: AtomicBool,
}

impl Seat {
    /// Told when the connection has to make room.
    pub fn leave(&self) -> Arc<Notify> {
        self.leave.clone()
    }

    /// Its request is here: it stays until that is answered.
    pub fn serving(&self) {
        if !self.proven.load(Ordering::Relaxed) {
            self.guests.book().strangers.swap_remove(&self.number);
        }
    }

    /// Its request was answered; after a good answer it stays for good.
    pub fn answered(&self, well: bool) {
        if self.proven.load(Ordering::Relaxed) {
            return;
        }
        let mut book = self.guests.book();
        if well {
            self.proven.store(true, Ordering::Relaxed);
            book.strangers.swap_remove(&self.number);
        } else {
            book.strangers.insert(self.number, self.leave.clone());
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut book = self.guests.book();
        book.present -= 1;
        book.strangers.swap_remove(&self.number);
        self.guests.metrics.open.dec();
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;
    use crate::telemetry::Metrics;

    fn guests(limit: usize) -> Arc<Guests> {
        Guests::new(limit, Metrics::new().connections.of("public"))
    }

    fn told(seat: &Seat) -> bool {
        let leave = seat.leave();
        let notified = std::pin::pin!(leave.notified());
        notified.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn only_strangers_make_room_and_without_one_nobody_is_admitted() {
        let guests = guests(3);
        let [proven, serving, stranger] = [(); 3].map(|()| guests.admit().unwrap());
        proven.serving();
        proven.answered(true);
        serving.serving();
        let newcomer = guests.admit().unwrap();
        assert!(told(&stranger) && !told(&proven) && !told(&serving) && !told(&newcomer));
        newcomer.serving();
        assert!(guests.admit().is_none());
        newcomer.answered(false);
        assert!(guests.admit().is_some() && told(&newcomer));
        assert_eq!((guests.metrics.evicted.get(), guests.metrics.refused.get()), (2, 1));
    }

    #[test]
    fn who_leaves_makes_room() {
        let guests = guests(1);
        let seat = guests.admit().unwrap();
        seat.serving();
        assert!(guests.admit().is_none());
        drop(seat);
        assert_eq!(guests.metrics.open.get(), 0);
        assert!(guests.admit().is_some());
        assert_eq!(guests.metrics.evicted.get(), 0);
    }
}
