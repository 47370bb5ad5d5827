//! What a history happens in: a store, two processes, a handler that works or does not, operators.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use portraitd::dispatch::ProfileChange;
use portraitd::dispatch::lane::{Lane, Rules, Verdict, Work};
use portraitd::store::Store;
use portraitd::store::subscription::{Checkpoint, Lease, Operator, Order, Ordered, Orders, Start};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::harness::db::Database;
use crate::harness::entries::{append, callback};

const ACCOUNTS: u32 = 7;
const CONCURRENCY: usize = 3;
const RETRY_SECS: [u64; 2] = [1, 5];
/// Failed attempts before a callback is a dead letter.
const ATTEMPTS: u32 = 3;
const LEASE_MS: i64 = 3000;

/// How a callback behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Nature {
    Good,
    /// It always fails.
    Poison,
    /// The handler will not have it.
    Rejected,
    /// Whoever handles it dies.
    Killer,
}

/// What is known of one callback.
#[derive(Debug)]
struct Truth {
    account: String,
    nature: Nature,
    done: u32,
    failures: u32,
    rejections: u32,
    /// Processes that died, or lost the handler, while it was handled.
    deaths: u32,
    /// Somebody made it a dead letter.
    buried: bool,
    /// An operator had it tried again: it may be out of order.
    out_of_order: bool,
}

impl Truth {
    /// Later ones of its account may be handled.
    fn is_over(&self) -> bool {
        self.done + self.rejections > 0 || self.buried
    }
}

enum Pending {
    Attempt(i64),
    Read(i64),
    Write(Checkpoint),
}

struct Process {
    owner: String,
    epoch: i64,
    lane: Lane,
    pending: Vec<Pending>,
    /// It does nothing until it thaws.
    frozen: bool,
    orders: Orders,
}

pub struct World {
    db: Database,
    store: Store,
    chance: SmallRng,
    seed: u64,
    handler: String,
    now: i64,
    base: i64,
    truth: BTreeMap<i64, Truth>,
    processes: Vec<Process>,
    owners: u32,
    newest_epoch: i64,
    down: bool,
    /// Accounts that failed since anything succeeded.
    failing: HashSet<String>,
}

impl World {
    pub async fn new(db: Database) -> Self {
        let store = db.store().await;
        World {
            db,
            store,
            chance: SmallRng::seed_from_u64(0),
            seed: 0,
            handler: String::new(),
            now: 0,
            base: 0,
            truth: BTreeMap::new(),
            processes: Vec::new(),
            owners: 0,
            newest_epoch: 0,
            down: false,
            failing: HashSet::new(),
        }
    }

    /// Another handler on the same log, from here on.
    pub async fn begin(&mut self, seed: u64) {
        self.seed = seed;
        self.chance = SmallRng::seed_from_u64(seed);
        self.handler = format!("history-{seed}-{}", rand::random::<u32>());
        self.now = 1_000_000;
        self.base = self.store.head().await.unwrap().seq;
        self.truth.clear();
        self.processes.clear();
        self.newest_epoch = 0;
        self.down = false;
        self.failing.clear();
        self.store.subscribe(&self.handler, Start::Now).await.unwrap();
    }

    pub async fn something_happens(&mut self) {
        match self.chance.random_range(0..100) {
            0..12 => self.callbacks_arrive().await,
            12..72 => self.something_ends().await,
            72..84 => {
                let ms = [5, 50, 120, 1100, 6000][self.chance.random_range(0..5)];
                self.time_passes(ms).await;
            }
            84..90 => self.somebody_takes_over().await,
            90..92 => self.down = !self.down,
            92..94 => self.somebody_dies(),
            94..96 => self.somebody_freezes().await,
            96..97 => self.processes.iter_mut().for_each(|process| process.frozen = false),
            97..98 => self.somebody_leaves().await,
            _ => self.an_operator_acts().await,
        }
        self.everybody_steps();
    }

    async fn callbacks_arrive(&mut self) {
        let count = self.chance.random_range(1..8);
        let mut arriving = Vec::new();
        for _ in 0..count {
            let account = format!("a{}", self.chance.random_range(0..ACCOUNTS));
            let nature = match self.chance.random_range(0..40) {
                0..2 => Nature::Poison,
                2 => Nature::Rejected,
                3 => Nature::Killer,
                _ => Nature::Good,
            };
            arriving.push((account, nature));
        }
        self.arrive(arriving).await;
    }

    async fn arrive(&mut self, arriving: Vec<(String, Nature)>) {
        let entries: Vec<_> = arriving.iter().map(|(account, _)| callback(account).nick("x").build()).collect();
        let recorded = append(&self.store, &entries).await;
        for (recorded, (account, nature)) in recorded.iter().zip(arriving) {
            let seq = recorded.seq().expect("all are new");
            let truth = Truth {
                account,
                nature,
                done: 0,
                failures: 0,
                rejections: 0,
                deaths: 0,
                buried: false,
                out_of_order: false,
            };
            self.truth.insert(seq, truth);
        }
        let head = self.head();
        self.processes.iter_mut().for_each(|process| process.lane.log_at(head));
    }

    fn head(&self) -> i64 {
        self.truth.last_key_value().map_or(self.base, |(seq, _)| *seq)
    }

    async fn time_passes(&mut self, ms: i64) {
        self.now += ms;
        let earlier = match self.db.is_postgres() {
            true => format!("lease_until - interval '{ms} milliseconds'"),
            false => format!("lease_until - {ms}"),
        };
        let sql = format!("UPDATE subscriptions SET lease_until = {earlier} WHERE handler = '{}'", self.handler);
        self.db.execute(&sql).await;
    }

    async fn somebody_takes_over(&mut self) {
        if self.processes.iter().filter(|process| !process.frozen).count() > 1 {
            return;
        }
        self.owners += 1;
        let owner = format!("process {}", self.owners);
        let lease = Lease { handler: &self.handler, owner: &owner, epoch: 0, millis: LEASE_MS };
        let Some(found) = self.store.acquire(lease).await.unwrap() else { return };
        assert!(found.epoch > self.newest_epoch, "seed {}: an epoch came twice", self.seed);
        self.newest_epoch = found.epoch;
        let waiting = self.store.waiting(&self.handler).await.unwrap();
        let rules = Rules { retry: RETRY_SECS.map(Duration::from_secs).to_vec(), concurrency: CONCURRENCY };
        let random = SmallRng::seed_from_u64(self.chance.random());
        let lane = Lane::resume(rules, &found, waiting, self.head(), self.now, random);
        let (epoch, orders) = (found.epoch, found.orders);
        self.processes.push(Process { owner, epoch, lane, pending: Vec::new(), frozen: false, orders });
    }

    fn pick(&mut self) -> Option<usize> {
        let awake: Vec<usize> = (0..self.processes.len()).filter(|at| !self.processes[*at].frozen).collect();
        (!awake.is_empty()).then(|| awake[self.chance.random_range(0..awake.len())])
    }

    /// As by SIGKILL. What it had sent to the store may still arrive.
    fn somebody_dies(&mut self) {
        if let Some(at) = self.pick() {
            self.dies(at);
        }
    }

    fn dies(&mut self, at: usize) {
        for pending in self.processes.remove(at).pending {
            if let Pending::Attempt(seq) = pending {
                self.truth.get_mut(&seq).unwrap().deaths += 1;
            }
        }
    }

    /// Past its lease.
    async fn somebody_freezes(&mut self) {
        if let Some(at) = self.pick() {
            self.processes[at].frozen = true;
            self.time_passes(LEASE_MS + 1).await;
        }
    }

    /// As by SIGTERM, when nothing is under way.
    async fn somebody_leaves(&mut self) {
        let Some(at) = self.pick() else { return };
        if self.processes[at].pending.is_empty() {
            let mut process = self.processes.remove(at);
            process.lane.stop();
            let last = process.lane.checkpoint(self.now, true);
            self.store.checkpoint(lease(&self.handler, &process), &last).await.unwrap();
        }
    }

    async fn an_operator_acts(&mut self) {
        let order = match self.chance.random_range(0..8) {
            0 => Order::Pause,
            1..5 => Order::Resume,
            5 => Order::Rewind(Start::Entry(self.chance.random_range(self.base..=self.head()) + 1)),
            _ => Order::Retry(Vec::new()),
        };
        if let Order::Retry(_) = order {
            for letter in self.store.dead_letters(&self.handler, 0, 1000).await.unwrap() {
                let truth = self.truth.get_mut(&letter.seq).unwrap();
                truth.out_of_order = true;
            }
        }
        let ordered = self.store.order(&self.handler, &order, Operator("the simulation")).await.unwrap();
        if let (Order::Rewind(Start::Entry(from)), Ordered::Done(_)) = (order, ordered) {
            for (_, truth) in self.truth.range_mut(from..) {
                (truth.done, truth.failures, truth.rejections, truth.deaths) = (0, 0, 0, 0);
                truth.buried = false;
            }
            // Whoever owned it finds out when it settles; what it starts until then is its own business.
            self.newest_epoch += 1;
        }
    }

    fn everybody_steps(&mut self) {
        let mut at = 0;
        while at < self.processes.len() {
            match self.steps(at) {
                true => at += 1,
                false => self.dies(at),
            }
        }
    }

    /// Whether it survives.
    fn steps(&mut self, at: usize) -> bool {
        if self.processes[at].frozen {
            return true;
        }
        while let Some(work) = self.processes[at].lane.step(self.now) {
            let pending = match work {
                Work::Read(after) => Pending::Read(after),
                Work::Write(checkpoint) => {
                    for dead in checkpoint.changed.iter().filter(|delivery| delivery.dead) {
                        self.truth.get_mut(&dead.seq).unwrap().buried = true;
                    }
                    Pending::Write(checkpoint)
                }
                Work::Attempt(attempt) => {
                    self.begins(at, attempt.seq);
                    Pending::Attempt(attempt.seq)
                }
            };
            let killer = matches!(pending, Pending::Attempt(seq) if self.truth[&seq].nature == Nature::Killer);
            self.processes[at].pending.push(pending);
            if killer {
                return false;
            }
        }
        true
    }

    /// An attempt begins: it is this account's turn, and nobody else's who still owns the handler.
    fn begins(&self, at: usize, seq: i64) {
        let (seed, process, truth) = (self.seed, &self.processes[at], &self.truth[&seq]);
        if process.epoch < self.newest_epoch {
            return;
        }
        let of_account = |seq: &i64| self.truth[seq].account == truth.account;
        let running: Vec<i64> = self.processes[at]
            .pending
            .iter()
            .filter_map(|pending| if let Pending::Attempt(seq) = pending { Some(*seq) } else { None })
            .collect();
        assert!(!running.iter().any(of_account), "seed {seed}: {seq} begins while its account is handled: {running:?}");
        assert!(running.len() < CONCURRENCY, "seed {seed}: too many at a time");
        if !truth.out_of_order {
            let earlier = self
                .truth
                .range(..seq)
                .find(|(seq, earlier)| of_account(seq) && !earlier.out_of_order && !earlier.is_over());
            assert!(earlier.is_none(), "seed {seed}: {seq} begins before {earlier:?} is over");
        }
    }

    async fn something_ends(&mut self) {
        let Some(at) = self.pick() else { return };
        let pending = &mut self.processes[at].pending;
        if pending.is_empty() {
            return;
        }
        let ended = pending.swap_remove(self.chance.random_range(0..pending.len()));
        match ended {
            Pending::Attempt(seq) => self.attempt_ends(at, seq),
            Pending::Read(after) => self.read_ends(at, after).await,
            Pending::Write(checkpoint) => self.write_ends(at, checkpoint).await,
        }
    }

    fn attempt_ends(&mut self, at: usize, seq: i64) {
        let truth = self.truth.get_mut(&seq).unwrap();
        let verdict = match truth.nature {
            _ if self.down || truth.nature == Nature::Poison => {
                truth.failures += 1;
                self.failing.insert(truth.account.clone());
                Verdict::Failed("it failed".to_owned(), None)
            }
            Nature::Rejected => {
                truth.rejections += 1;
                self.failing.clear();
                Verdict::Rejected("not this one".to_owned())
            }
            _ => {
                truth.done += 1;
                self.failing.clear();
                Verdict::Done
            }
        };
        self.processes[at].lane.ended(seq, verdict, self.now);
    }

    async fn read_ends(&mut self, at: usize, after: i64) {
        if self.chance.random_range(0..20) == 0 {
            return self.processes[at].lane.not_read();
        }
        let to = after + self.chance.random_range(1..20);
        let rows = self.store.page(after, to, 1 << 20).await.unwrap();
        let to = rows.last().map_or(after, |row| row.seq);
        let changes = rows.into_iter().filter_map(ProfileChange::logged).map(Arc::new).collect();
        self.processes[at].lane.read(changes, to);
    }

    async fn write_ends(&mut self, at: usize, checkpoint: Checkpoint) {
        let outcome = self.chance.random_range(0..20);
        if outcome == 0 {
            return self.processes[at].lane.not_written();
        }
        let process = &self.processes[at];
        let written = self.store.checkpoint(lease(&self.handler, process), &checkpoint).await.unwrap();
        assert!(
            written.is_none() || process.epoch == self.newest_epoch,
            "seed {}: epoch {} settled although {} is the newest",
            self.seed,
            process.epoch,
            self.newest_epoch
        );
        let Some(orders) = written else { return self.dies(at) };
        self.look_at_the_dead(&checkpoint);
        let process = &mut self.processes[at];
        if outcome == 1 {
            return process.lane.not_written();
        }
        process.lane.written(orders);
        if orders.orders != process.orders.orders {
            process.orders = orders;
            let waiting = self.store.waiting(&self.handler).await.unwrap();
            process.lane.reload(waiting, self.now);
        }
    }

    /// Nothing dies that deserves to live, and an outage kills nothing.
    fn look_at_the_dead(&self, checkpoint: &Checkpoint) {
        for dead in checkpoint.changed.iter().filter(|delivery| delivery.dead) {
            let (seed, truth) = (self.seed, &self.truth[&dead.seq]);
            let deserved = match truth.nature {
                // A start whose process died before the end was written down, or before it even began, counts.
                _ if dead.error.as_deref().is_some_and(|why| why.starts_with("three times the process ended")) => {
                    truth.deaths + truth.done + truth.failures + truth.rejections > 0
                }
                // What is rejected may have failed often enough before anybody could look at it.
                Nature::Rejected => truth.rejections > 0 || truth.failures >= ATTEMPTS,
                Nature::Poison | Nature::Good | Nature::Killer => truth.failures >= ATTEMPTS,
            };
            assert!(deserved, "seed {seed}: {dead:?} is a dead letter: {truth:?}");
        }
    }

    /// Everything works again: all that was recorded is handled or a dead letter, and only the bad are dead.
    pub async fn comes_to_rest(&mut self) {
        self.down = false;
        self.store.order(&self.handler, &Order::Resume, Operator("the simulation")).await.unwrap();
        while !self.processes.is_empty() {
            self.dies(0);
        }
        self.time_passes(LEASE_MS + 1).await;
        for round in 0.. {
            if round == 5000 {
                let (status, waiting) = (self.processes[0].lane.status(), self.store.waiting(&self.handler).await);
                panic!("seed {}: it does not come to rest: {status:?}, {waiting:?}", self.seed);
            }
            if self.processes.is_empty() {
                self.time_passes(LEASE_MS + 1).await;
                self.somebody_takes_over().await;
            }
            self.everybody_steps();
            if self.processes.is_empty() {
                continue;
            }
            if self.processes[0].pending.is_empty() {
                let status = self.processes[0].lane.status();
                if status.position == self.head() && self.store.waiting(&self.handler).await.unwrap().is_empty() {
                    break;
                }
                if status.is_stalled {
                    self.arrive(vec![(format!("late {round}"), Nature::Good)]).await;
                }
                self.now += 500;
            }
            self.something_ends().await;
        }
        self.is_as_promised().await;
    }

    async fn is_as_promised(&self) {
        let seed = self.seed;
        let dead: HashSet<i64> =
            self.store.dead_letters(&self.handler, 0, 100_000).await.unwrap().iter().map(|letter| letter.seq).collect();
        for (seq, truth) in &self.truth {
            assert!(truth.done > 0 || dead.contains(seq), "seed {seed}: {seq} is neither handled nor dead: {truth:?}");
            if truth.nature != Nature::Good {
                assert!(dead.contains(seq) || truth.out_of_order || truth.done > 0, "seed {seed}: {seq} {truth:?}");
            }
        }
    }
}

fn lease<'a>(handler: &'a str, process: &'a Process) -> Lease<'a> {
    Lease { handler, owner: &process.owner, epoch: process.epoch, millis: LEASE_MS }
}
