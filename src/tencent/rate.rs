//! So many requests a second and never more, as the server counts them.
//!
//! A request reaches the server at some time between its turn and its answer. Its place is free again a second after its
//! answer, so that whatever the network does, no second at the server sees more than there are places.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep_until};

const SECOND: Duration = Duration::from_secs(1);

pub(super) struct Rate {
    /// When each place is free again.
    free: Mutex<Receiver<Instant>>,
    back: Sender<Instant>,
}

impl Rate {
    pub fn new(a_second: usize) -> Self {
        let (back, free) = channel(a_second);
        let now = Instant::now();
        for _ in 0..a_second {
            let _ = back.try_send(now);
        }
        Rate { free: Mutex::new(free), back }
    }

    /// Waits for a place; first come, first served. Keep the turn until the answer is there.
    pub async fn turn(&self) -> Turn<'_> {
        let mut free = self.free.lock().await;
        // It is never closed: we hold a sender.
        let free_at = free.recv().await.unwrap_or_else(Instant::now);
        let mut turn = Turn { back: &self.back, unused_since: Some(free_at) };
        sleep_until(free_at).await;
        turn.unused_since = None;
        turn
    }
}

/// One request's place.
pub(super) struct Turn<'r> {
    back: &'r Sender<Instant>,
    unused_since: Option<Instant>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let _ = self.back.try_send(self.unused_since.unwrap_or_else(|| Instant::now() + SECOND));
    }
}
