//! Work that takes turns on the processors. A crowd that wants to shake hands at the same moment is a long queue of its own,
//! and not one in front of the requests of those who are already in.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use tokio::sync::Semaphore;

/// Who may compute now.
pub(super) struct Turns(Semaphore);

impl Turns {
    /// Half of the processors, at least one.
    pub fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Turns(Semaphore::new((processors / 2).max(1)))
    }

    /// Polls the future only in its turn. Whoever waits for the network holds no turn.
    pub async fn take<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        loop {
            let turn = self.0.acquire().await;
            let polled = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
            drop(turn);
            if let Poll::Ready(done) = polled {
                return done;
            }
            let mut woken = false;
            poll_fn(|_| if std::mem::replace(&mut woken, true) { Poll::Ready(()) } else { Poll::Pending }).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_waits_holds_nobody_up_and_all_get_their_turn() {
        let turns = Arc::new(Turns(Semaphore::new(1)));
        let silent = turns.clone();
        let silent = tokio::spawn(async move { silent.take(std::future::pending::<()>()).await });
        let done = Arc::new(AtomicUsize::new(0));
        let all: Vec<_> = (0..100)
            .map(|_| {
                let (turns, done) = (turns.clone(), done.clone());
                tokio::spawn(async move {
                    turns
                        .take(async {
                            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                            tokio::task::yield_now().await;
                            done.fetch_add(1, Ordering::Relaxed)
                        })
                        .await
                })
            })
            .collect();
        for one in all {
            one.await.expect("it ends");
        }
        assert_eq!(done.load(Ordering::Relaxed), 100);
        silent.abort();
    }
}
