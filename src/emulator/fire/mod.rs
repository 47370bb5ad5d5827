//! The vendor's sender: after a change, one POST to the app's URL. Two seconds, keep-alive, one attempt, and what nobody took
//! is gone; again on time-out only where that is switched on.
//!
//! Callbacks of one account go over one connection, in the order of the changes, unless a fault says otherwise.

mod lane;
mod ledger;
mod request;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::faults::{Dice, Faults, Plan};
use super::model::Change;
use crate::clock::Clock;
use lane::{Lane, client};
use ledger::Ledger;
pub use ledger::{Callback, Counters};
pub use request::{Answer, Target, Verdict};
pub(super) use request::{body, post};

/// Callbacks that may wait; the vendor's queue is not endless either. More are lost, and counted.
const QUEUE: usize = 65_536;

/// What every lane needs.
struct Shared {
    target: RwLock<Option<Target>>,
    ledger: Ledger,
    /// Callbacks queued or under way.
    pending: watch::Sender<usize>,
    /// Further attempts after a time-out.
    retries: u32,
    clock: Clock,
}

/// A callback on its way to a lane.
struct Fired {
    number: u64,
    change: Change,
    plan: Plan,
}

/// Fires callbacks until it is dropped.
pub(super) struct Sender {
    shared: Arc<Shared>,
    dice: Mutex<Dice>,
    seed: u64,
    lanes: Vec<mpsc::Sender<Fired>>,
    _tasks: JoinSet<()>,
}

/// How a sender begins.
pub(super) struct Start {
    pub target: Option<Target>,
    pub faults: Faults,
    pub seed: u64,
    pub retries: u32,
    pub connections: usize,
    pub clock: Clock,
}

impl Sender {
    pub fn start(start: Start) -> anyhow::Result<Self> {
        let Start { target, faults, seed, retries, connections, clock } = start;
        let (pending, _) = watch::channel(0);
        let shared =
            Arc::new(Shared { target: RwLock::new(target), ledger: Ledger::default(), pending, retries, clock });
        let mut tasks = JoinSet::new();
        let mut lanes = Vec::new();
        for _ in 0..connections.max(1) {
            let (lane, queue) = mpsc::channel(QUEUE / connections.max(1));
            tasks.spawn(Lane::new(shared.clone())?.run(queue));
            lanes.push(lane);
        }
        Ok(Sender { shared, dice: Mutex::new(Dice::new(faults, seed)), seed, lanes, _tasks: tasks })
    }

    /// Takes a change to tell of. Nothing waits for it to be told.
    pub fn fire(&self, change: Change) {
        if self.target().is_none() {
            return;
        }
        let plan = self.dice().next();
        let number = self.shared.ledger.begin(&change, &plan);
        if plan.drop {
            return;
        }
        let mut hasher = DefaultHasher::new();
        change.account.hash(&mut hasher);
        let lane = &self.lanes[hasher.finish() as usize % self.lanes.len()];
        self.shared.pending.send_modify(|pending| *pending += 1);
        if lane.try_send(Fired { number, change, plan }).is_err() {
            self.shared.ledger.overflowed(number);
            self.shared.pending.send_modify(|pending| *pending -= 1);
        }
    }

    pub fn target(&self) -> Option<Target> {
        self.shared.target.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_target(&self, target: Option<Target>) {
        *self.shared.target.write().unwrap_or_else(PoisonError::into_inner) = target;
    }

    pub fn faults(&self) -> Faults {
        self.dice().faults.clone()
    }

    pub fn set_faults(&self, faults: Faults) {
        self.dice().faults = faults;
    }

    /// As at the start, but for what is under way.
    pub fn reset(&self) {
        *self.dice() = Dice::new(Faults::default(), self.seed);
        self.shared.ledger.clear();
    }

    pub fn counters(&self) -> Counters {
        Counters { pending: *self.shared.pending.borrow(), ..self.shared.ledger.counters() }
    }

    pub fn callbacks(&self, wanted: impl Fn(&Callback) -> bool, limit: usize) -> Vec<Callback> {
        self.shared.ledger.list(wanted, limit)
    }

    /// Waits until everything that was fired is answered, failed or lost; whether that is so.
    pub async fn drain(&self, patience: Duration) -> bool {
        let mut pending = self.shared.pending.subscribe();
        tokio::time::timeout(patience, pending.wait_for(|pending| *pending == 0)).await.is_ok()
    }

    /// The console's check: an empty object, the command only in the query.
    pub async fn check(&self, with_app: bool) -> anyhow::Result<Answer> {
        let target = self.target().ok_or_else(|| anyhow::anyhow!("no callback URL is set"))?;
        let url = target.check_url(with_app, self.shared.clock.now());
        Ok(post(&client()?, &url, "{}".to_owned().into()).await)
    }

    fn dice(&self) -> std::sync::MutexGuard<'_, Dice> {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
