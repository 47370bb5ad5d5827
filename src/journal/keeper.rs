//! Keeps what is unreadable, one body at a time, beside the entries: a slow or locked table holds up no callback that can
//! be recorded, and two replicas that keep the same bodies cannot block each other. (On SQLite both share the one
//! connection that writes.)

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::Aside;
use super::log::Log;
use crate::store::StoreError;

pub(super) struct Keeper {
    log: Arc<dyn Log>,
    limit: Duration,
    running: Option<JoinHandle<(Aside, Result<(), StoreError>)>>,
}

impl Keeper {
    pub fn new(log: Arc<dyn Log>, limit: Duration) -> Self {
        Keeper { log, limit, running: None }
    }

    pub fn is_idle(&self) -> bool {
        self.running.is_none()
    }

    /// Begins to keep a body; only while idle.
    pub fn begin(&mut self, aside: Aside) {
        let (log, limit) = (self.log.clone(), self.limit);
        self.running = Some(tokio::spawn(async move {
            let kept = match tokio::time::timeout(limit, log.keep(&aside.body)).await {
                Ok(kept) => kept,
                Err(_) => Err(StoreError::Slow(limit.as_millis())),
            };
            (aside, kept)
        }));
    }

    /// Resolves when the body under way is kept or cannot be; never while idle.
    pub async fn over(&mut self) -> Option<(Aside, Result<(), StoreError>)> {
        let Some(running) = &mut self.running else { return std::future::pending().await };
        let done = running.await.ok();
        self.running = None;
        done
    }
}
