//! Gathers accounts into calls: the first one waits a little for company, and a call that is full goes at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Notify, oneshot};
use tokio::time::sleep;

use super::call;
use super::mapping::Mapped;
use super::queue::{Job, MOST, Queue, User};
use crate::tencent::{ATTEMPT, Client, Error};

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
            queue.push(Job { user: User { account: account.to_owned(), asked }, answer });
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

    /// Given up once nobody waits any more: whoever has the accounts now may send newer values. From here nothing else goes out
    /// for them until the vendor is done with what it has.
    async fn call(self: Arc<Self>, batch: Vec<Job>) {
        let (users, mut answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.user, job.answer)).unzip();
        let _over = Over { batcher: &self, accounts: users.iter().map(|user| user.account.clone()).collect() };
        let called = tokio::select! {
            failures = call::failures(&self.client, &users) => Some(failures),
            _ = join_all(answers.iter_mut().map(oneshot::Sender::closed)) => None,
        };
        let Some(mut failures) = called else { return sleep(ATTEMPT).await };
        for (user, answer) in users.iter().zip(answers) {
            // Nobody may wait for this one any more.
            let _ = answer.send(failures.remove(&user.account).map_or(Ok(()), Err));
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_call_nobody_waits_for_any_more_is_given_up_and_nothing_overtakes_it() {
        let vendor = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", vendor.local_addr().expect("its address"));
        let client = Client::builder(1_400_000_000, "key".into()).base_url(&url).build().expect("a client");
        let batcher = Batcher::new(client);
        let asked = Mapped { set: [("city".to_owned(), "Bern".to_owned())].into(), ..Mapped::default() };
        let (stays, leaves) = (batcher.send("a", asked.clone()), batcher.send("b", asked.clone()));
        let (mut stays, mut leaves) = (Box::pin(stays), Box::pin(leaves));
        let (mut call, _) = tokio::select! {
            call = vendor.accept() => call.expect("a connection"),
            _ = async { tokio::join!(&mut stays, &mut leaves) } => panic!("answered by nobody"),
        };
        drop(leaves);
        let mut request = vec![];
        let end = Duration::from_millis(300);
        timeout(end, call.read_to_end(&mut request)).await.expect_err("a still waits for the answer");
        drop(stays);
        // Far less than the call's deadline, and than an attempt's.
        timeout(Duration::from_secs(3), call.read_to_end(&mut request)).await.expect("given up").expect("and closed");
        assert!(!request.is_empty());
        timeout(end, batcher.send("a", asked)).await.expect_err("a waits");
        timeout(end, vendor.accept()).await.expect_err("and is not sent while the vendor may be at what it has");
    }
}
