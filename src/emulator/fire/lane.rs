//! One connection: what is sent over it is sent one after the other.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Body, Client};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::request::{self, Verdict, post};
use super::{Fired, Shared};

/// What was held back is sent when nothing else came for so long.
const LULL: Duration = Duration::from_millis(100);
/// Callbacks held back at a time. One more overtakes them, so that they are not held for ever where all are to be.
const HELD: usize = 16;

pub(super) struct Lane {
    shared: Arc<Shared>,
    client: Client,
}

/// A client with one connection, kept alive, that follows nobody anywhere.
pub(super) fn client() -> reqwest::Result<Client> {
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .http1_only()
        .tcp_nodelay(true)
        .pool_max_idle_per_host(1)
        .build()
}

impl Lane {
    pub fn new(shared: Arc<Shared>) -> reqwest::Result<Self> {
        Ok(Lane { shared, client: client()? })
    }

    pub async fn run(self, mut queue: mpsc::Receiver<Fired>) {
        let mut held: Vec<Fired> = Vec::new();
        loop {
            let next = if held.is_empty() { Ok(queue.recv().await) } else { timeout(LULL, queue.recv()).await };
            match next {
                Ok(None) => return,
                Ok(Some(fired)) if fired.plan.behind > 0 && held.len() < HELD => held.push(fired),
                Ok(Some(fired)) => {
                    self.send(fired).await;
                    held.iter_mut().for_each(|late| late.plan.behind = late.plan.behind.saturating_sub(1));
                    let due: Vec<_> = held.extract_if(.., |late| late.plan.behind == 0).collect();
                    for late in due {
                        self.send(late).await;
                    }
                }
                Err(_) => {
                    for late in held.drain(..) {
                        self.send(late).await;
                    }
                }
            }
        }
    }

    async fn send(&self, fired: Fired) {
        if let Some(delay) = fired.plan.delay {
            sleep(delay).await;
        }
        for _ in 0..=u32::from(fired.plan.duplicate) {
            self.exchange(&fired).await;
        }
        self.shared.pending.send_modify(|pending| *pending -= 1);
    }

    /// One attempt, and those after a time-out where that is switched on.
    async fn exchange(&self, fired: &Fired) {
        let target = self.shared.target.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(target) = target else { return };
        for attempt in 0..=self.shared.retries {
            let url = target.url_for(&fired.change, &fired.plan, self.shared.clock.now());
            let body = request::body(&fired.change, fired.plan.junk_body);
            let body = match fired.plan.slow {
                Some(slow) => Body::wrap(request::slowly(body, slow)),
                None => Body::from(body),
            };
            let answer = post(&self.client, &url, body).await;
            self.shared.ledger.answered(fired.number, &answer, attempt > 0);
            if answer.verdict != Verdict::TimedOut {
                return;
            }
        }
    }
}
