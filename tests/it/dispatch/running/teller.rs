//! A handler that tells what it is given and does what the test says, and a dispatcher that runs it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portraitd::clock::Clock;
use portraitd::dispatch::lane::Rules;
use portraitd::dispatch::{self, Context, Outcome, ProfileChange, ProfileHandler, Registration, Start, Wants};
use portraitd::stop::Stop;
use portraitd::store::Store;
use portraitd::store::subscription::{DeadLetter, HandlerRow};
use portraitd::telemetry::Metrics;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::harness::db::eventually;

/// The handler's name where a test has only one.
pub const NAME: &str = "teller";

/// What a handler was given.
#[derive(Debug)]
pub struct Given {
    pub seq: i64,
    pub account: String,
    pub attempt: u32,
    pub epoch: i64,
    pub superseded: bool,
    /// The first item's value before.
    pub old: Option<String>,
    /// Tags of the items that are.
    pub superseded_tags: Vec<String>,
    pub at: Instant,
    pub cancellation: CancellationToken,
}

/// What it does then.
#[derive(Clone)]
pub enum Deed {
    Answers(Outcome),
    AsksAgain(&'static str),
    Rejects(&'static str),
    Panics(&'static str),
    Hangs,
    /// Waits for a permit, and then this.
    After(Arc<Semaphore>, Box<Deed>),
}

pub const DONE: Deed = Deed::Answers(Outcome::Done);

impl Deed {
    pub fn after(gate: &Arc<Semaphore>, deed: Deed) -> Deed {
        Deed::After(gate.clone(), Box::new(deed))
    }
}

/// Nobody gets through until the test gives permits.
pub fn gate() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(0))
}

struct Teller<F> {
    wants: Wants,
    told: mpsc::UnboundedSender<Given>,
    deed: F,
    running: Arc<Mutex<Running>>,
}

/// How many attempts run, and how many did at most.
#[derive(Default)]
struct Running {
    now: usize,
    most: usize,
}

/// Counts an attempt for as long as it runs, however it ends.
struct Counted(Arc<Mutex<Running>>);

impl Counted {
    fn new(running: &Arc<Mutex<Running>>) -> Self {
        let mut count = running.lock().unwrap();
        count.now += 1;
        count.most = count.most.max(count.now);
        Counted(running.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.lock().unwrap().now -= 1;
    }
}

#[portraitd::async_trait]
impl<F: Fn(&Given) -> Deed + Send + Sync + 'static> ProfileHandler for Teller<F> {
    fn wants(&self) -> Wants {
        self.wants.clone()
    }

    async fn handle(&self, change: &ProfileChange, cx: &Context) -> Outcome {
        let _counted = Counted::new(&self.running);
        let given = Given {
            seq: change.seq,
            account: change.account.clone(),
            attempt: cx.attempt(),
            epoch: cx.epoch(),
            superseded: change.superseded,
            old: change.items.first().and_then(|item| item.raw_previous()).map(str::to_owned),
            superseded_tags: change
                .items
                .iter()
                .filter(|item| item.is_superseded())
                .map(|item| item.tag.clone())
                .collect(),
            at: Instant::now(),
            cancellation: cx.cancellation().clone(),
        };
        let mut deed = (self.deed)(&given);
        let _ = self.told.send(given);
        loop {
            deed = match deed {
                Deed::Answers(outcome) => return outcome,
                Deed::AsksAgain(why) => return cx.retry(why),
                Deed::Rejects(why) => return cx.reject(why),
                Deed::Panics(why) => panic!("{why}"),
                Deed::Hangs => std::future::pending().await,
                Deed::After(gate, deed) => {
                    gate.acquire().await.unwrap().forget();
                    *deed
                }
            }
        }
    }
}

/// How a handler is to be run.
pub struct Recipe {
    pub name: &'static str,
    pub wants: Wants,
    pub start: Start,
    pub retry_ms: Vec<u64>,
    pub concurrency: usize,
    pub limit: Duration,
    pub patience: Duration,
}

impl Default for Recipe {
    fn default() -> Self {
        Recipe {
            name: NAME,
            wants: Wants::everything(),
            start: Start::Beginning,
            retry_ms: vec![0, 0],
            concurrency: 8,
            limit: Duration::from_secs(60),
            patience: Duration::from_secs(60),
        }
    }
}

impl Recipe {
    /// Runs it on this store.
    pub fn run(self, store: &Arc<Store>, deed: impl Fn(&Given) -> Deed + Send + Sync + 'static) -> Dispatch {
        let (told, given) = mpsc::unbounded_channel();
        let (stop, metrics) = (Stop::new(), Arc::<Metrics>::default());
        let running = Arc::<Mutex<Running>>::default();
        let registration = Registration {
            name: self.name.to_owned(),
            handler: Arc::new(Teller { wants: self.wants, told, deed, running: running.clone() }),
            start: self.start,
            rules: Rules {
                retry: self.retry_ms.into_iter().map(Duration::from_millis).collect(),
                concurrency: self.concurrency,
            },
            limit: self.limit,
        };
        let run = dispatch::run(
            vec![registration],
            store.clone(),
            metrics.clone(),
            Clock::system(),
            self.patience,
            stop.clone(),
        );
        Dispatch { given, stop, task: tokio::spawn(run), metrics, running }
    }
}

/// A dispatcher that runs, as in a process of its own.
pub struct Dispatch {
    given: mpsc::UnboundedReceiver<Given>,
    pub stop: Stop,
    task: JoinHandle<()>,
    pub metrics: Arc<Metrics>,
    running: Arc<Mutex<Running>>,
}

impl Dispatch {
    /// What the handler is given next.
    pub async fn next(&mut self) -> Given {
        let next = tokio::time::timeout(Duration::from_secs(20), self.given.recv()).await;
        next.expect("something is handled within 20 seconds").expect("the dispatcher runs")
    }

    /// The sequences of the next attempts.
    pub async fn sequences(&mut self, count: usize) -> Vec<i64> {
        let mut seqs = Vec::new();
        while seqs.len() < count {
            seqs.push(self.next().await.seq);
        }
        seqs
    }

    #[track_caller]
    pub fn assert_idle(&mut self) {
        let more = self.given.try_recv();
        assert!(more.is_err(), "{more:?}");
    }

    /// How many attempts have run at the same time at most.
    pub fn most_at_once(&self) -> usize {
        self.running.lock().unwrap().most
    }

    /// A clean end: when it is over, and what was given that nobody has looked at.
    pub async fn ends(mut self) -> Vec<Given> {
        self.stop.soft();
        let ended = tokio::time::timeout(Duration::from_secs(20), &mut self.task).await;
        ended.expect("it ends within 20 seconds").expect("it does not panic");
        let mut rest = Vec::new();
        while let Ok(given) = self.given.try_recv() {
            rest.push(given);
        }
        rest
    }

    /// As by SIGKILL.
    pub async fn dies(self) {
        self.task.abort();
        let _ = self.task.await;
        let running = self.running;
        eventually("nothing of it runs any more", async || running.lock().unwrap().now == 0).await;
    }
}

/// The handler as operators see it.
pub async fn row(store: &Store, name: &str) -> Option<HandlerRow> {
    store.handlers().await.unwrap().into_iter().find(|row| row.handler == name)
}

/// Waits until the cursor is here, and nothing waits.
pub async fn is_at(store: &Store, name: &str, seq: i64) {
    let what = format!("{name} has come to {seq}");
    eventually(&what, async || row(store, name).await.is_some_and(|row| row.position == seq && row.waiting == 0)).await;
}

pub async fn dead_letters(store: &Store, name: &str) -> Vec<DeadLetter> {
    store.dead_letters(name, 0, 1000).await.unwrap()
}
