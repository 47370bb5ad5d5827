//! The load: connections that each wait for their answers, or a fixed rate that does not wait for anybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::{JoinHandle, JoinSet};

use crate::callbacks::{Callback, Repeatable};
use crate::http::{Connection, Target};

/// The pause before a connection that ended is made again.
const PAUSE: Duration = Duration::from_millis(20);

/// What became of the callbacks.
#[derive(Default)]
pub struct Tally {
    /// Numbers that were answered 200.
    pub acknowledged: Vec<u64>,
    /// Answered otherwise.
    pub refused: usize,
    /// Not answered: the connection ended, or ten seconds passed.
    pub unanswered: usize,
    pub answers: Vec<Answer>,
}

#[derive(Clone, Copy)]
pub struct Answer {
    /// When it was due, after the begin.
    pub due: Duration,
    /// How long after that the answer was there.
    pub took: Duration,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.acknowledged.extend(other.acknowledged);
        self.refused += other.refused;
        self.unanswered += other.unanswered;
        self.answers.extend(other.answers);
    }

    /// What to say of the answer to a callback; false where the connection is of no more use.
    fn note(&mut self, callback: Callback, status: std::io::Result<u16>, due: Duration, took: Duration) -> bool {
        match status {
            Ok(200) => self.acknowledged.push(callback.number),
            Ok(_) => self.refused += 1,
            Err(_) => {
                self.unanswered += 1;
                return false;
            }
        }
        self.answers.push(Answer { due, took });
        true
    }

    pub fn slowest(&self) -> Duration {
        self.answers.iter().map(|answer| answer.took).max().unwrap_or_default()
    }

    pub fn p99(&self) -> Duration {
        p99(self.answers.iter().map(|answer| answer.took).collect())
    }
}

pub fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() * 99 / 100).copied().unwrap_or_default()
}

/// Connections that each send, wait for the answer and send the next, until `until` or the server's end. Some callbacks are
/// sent more than once.
pub fn closed(
    target: &Target,
    connections: usize,
    until: Instant,
    repeatable: &Arc<Repeatable>,
    random: &mut StdRng,
) -> JoinHandle<Tally> {
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..connections {
        let (target, repeatable) = (target.clone(), repeatable.clone());
        let mut random = StdRng::seed_from_u64(random.random());
        running.spawn(async move {
            let mut tally = Tally::default();
            let Ok(mut connection) = Connection::open(&target).await else { return tally };
            while Instant::now() < until {
                let (callback, sent) = (repeatable.choose(&mut random), Instant::now());
                let status = connection.post(callback).await;
                if !tally.note(callback, status, sent - begun, sent.elapsed()) {
                    break;
                }
            }
            tally
        });
    }
    tokio::spawn(sum(running))
}

/// A load at a fixed rate.
pub struct Open {
    begun: Instant,
    per_second: u64,
    taken: AtomicU64,
    stopped: AtomicBool,
}

impl Open {
    /// So many callbacks a second over so many connections, all different, until stopped, at the latest after `limit`. Times
    /// count from when a callback was due, also where no connection was free to send it.
    pub fn start(
        target: &Target,
        per_second: u64,
        connections: usize,
        limit: Duration,
    ) -> (Arc<Self>, JoinHandle<Tally>) {
        let (taken, stopped) = (AtomicU64::new(0), AtomicBool::new(false));
        let load = Arc::new(Open { begun: Instant::now(), per_second, taken, stopped });
        let mut running = JoinSet::new();
        for _ in 0..connections {
            running.spawn(load.clone().connection(target.clone(), limit));
        }
        (load, tokio::spawn(sum(running)))
    }

    /// For so long; everything that was sent is answered by then.
    pub async fn run(target: &Target, per_second: u64, connections: usize, time: Duration) -> anyhow::Result<Tally> {
        Ok(Self::start(target, per_second, connections, time).1.await?)
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    async fn connection(self: Arc<Self>, target: Target, limit: Duration) -> Tally {
        let mut tally = Tally::default();
        let mut connection = None;
        loop {
            let ticket = self.taken.fetch_add(1, Ordering::Relaxed);
            let due = Duration::from_nanos(ticket * 1_000_000_000 / self.per_second);
            tokio::time::sleep_until((self.begun + due).into()).await;
            if self.stopped.load(Ordering::Relaxed) || self.begun.elapsed() > limit {
                return tally;
            }
            let callback = Callback::next();
            let mut open = match connection.take() {
                Some(open) => open,
                None => match Connection::open(&target).await {
                    Ok(open) => open,
                    Err(_) => {
                        tally.unanswered += 1;
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                },
            };
            let status = open.post(callback).await;
            let took = self.begun.elapsed() - due;
            connection = tally.note(callback, status, due, took).then_some(open);
        }
    }
}

async fn sum(mut running: JoinSet<Tally>) -> Tally {
    let mut all = Tally::default();
    while let Some(done) = running.join_next().await {
        all.add(done.expect("a connection does not panic"));
    }
    all
}
