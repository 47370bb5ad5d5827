//! Gathers accounts into calls: the first one waits a little for company, and a call that is full goes at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::call;
use super::mapping::Mapped;
use super::queue::{Job, MOST, Queue};
use crate::tencent::{Client, Error};

/// With a set and a removal each, calls that are not full stay at the vendor's 100 a second.
const COMPANY: Duration = Duration::from_millis(20);

/// One app's.
pub(super) struct Batcher {
    client: Client,
    queue: Mutex<Queue>,
    full: Notify,
}

impl Batcher {
    pub fn new(client: Client) -> Arc<Self> {
        Arc::new(Batcher { client, queue: Mutex::default(), full: Notify::new() })
    }

    /// Sends it with others. None when its call came to no end.
    pub async fn send(self: &Arc<Self>, account: &str, asked: Mapped) -> Option<Result<(), Error>> {
        let (answer, answered) = oneshot::channel();
        {
            let mut queue = self.queue();
            queue.push(Job { account: account.to_owned(), asked, answer });
            self.look_at(&mut queue);
        }
        answered.await.ok()
    }

    fn look_at(self: &Arc<Self>, queue: &mut Queue) {
        if queue.waiting() >= MOST {
            self.full.notify_one();
        }
        if queue.waiting() > 0 && !queue.is_gathering {
            queue.is_gathering = true;
            tokio::spawn(self.clone().gather());
        }
    }

    /// Until nobody can be sent. Whoever waits for a call that is under way is looked at again after it.
    async fn gather(self: Arc<Self>) {
        loop {
            let _ = tokio::time::timeout(COMPANY, self.full.notified()).await;
            let mut queue = self.queue();
            let batch = queue.take();
            if batch.is_empty() {
                queue.is_gathering = false;
                return;
            }
            tokio::spawn(self.clone().call(batch));
        }
    }

    async fn call(self: Arc<Self>, batch: Vec<Job>) {
        let _over = Over { batcher: &self, accounts: batch.iter().map(|job| job.account.clone()).collect() };
        let mut failures = call::failures(&self.client, &batch).await;
        for job in batch {
            // Nobody may wait any more.
            let _ = job.answer.send(failures.remove(&job.account).map_or(Ok(()), Err));
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// However a call ends, its accounts may be sent again.
struct Over<'b> {
    batcher: &'b Arc<Batcher>,
    accounts: Vec<String>,
}

impl Drop for Over<'_> {
    fn drop(&mut self) {
        let mut queue = self.batcher.queue();
        queue.over(self.accounts.iter().map(String::as_str));
        self.batcher.look_at(&mut queue);
    }
}
