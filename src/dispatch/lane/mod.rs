//! One handler's way through the log, as a state machine: it says what is to be done next and is told what came of it. It
//! does nothing itself, knows no clock and no store, so that a simulation can drive it through any history.
//!
//! - The **cursor** passes an entry when it was handled, does not concern the handler, or is in the deliveries.
//! - The **reach** is how far entries may be started. Both are durable before anything relies on them, so that whoever takes
//!   over after an unclean end knows what may have been started: those are **suspects** and are tried one by one.
//! - Within an account the order of the log holds. An entry that fails is **parked** in the deliveries, and the later ones
//!   of its account behind it. So is one that takes long, while it runs: the cursor does not wait for it.
//! - When attempts over many accounts have all failed, the lane is **stalled**, see `stall.rs`.

mod choose;
mod ended;
mod lines;
mod parked;
mod settle;
mod stall;
mod window;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;

use super::change::ProfileChange;
use crate::protocol::time::Millis;
use crate::store::subscription::{Checkpoint, Orders, Subscription, Waiting};
use lines::{Key, Lines};
use parked::{Deliveries, Parked, Phase};
use settle::Durable;
use stall::Stall;
use window::Window;

/// Entries between cursor and reach.
const WIDTH: std::ops::RangeInclusive<i64> = 64..=4096;
/// What is settled is written this often, unless something waits for it.
const LAZY: Millis = 500;
/// The lease is renewed this often.
pub const HEARTBEAT: Millis = 1000;
/// What runs longer than this does not hold the cursor.
const LONG: Millis = 1000;

/// What a lane keeps to.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Waits after the first failed attempt, the second, and so on.
    pub retry: Vec<Duration>,
    /// Attempts at a time.
    pub concurrency: usize,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Work {
    /// Try an entry.
    Attempt(Attempt),
    /// Make this durable.
    Write(Checkpoint),
    /// Read the log after this sequence.
    Read(i64),
}

/// One attempt.
#[derive(Debug)]
pub struct Attempt {
    /// The entry.
    pub seq: i64,
    /// From 1.
    pub number: u32,
    /// Whether later ones of its account wait behind it.
    pub is_followed: bool,
    /// None where it has to be read again.
    pub change: Option<Arc<ProfileChange>>,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is handled.
    Done,
    /// It failed, and why; perhaps how long to wait at least.
    Failed(String, Option<Duration>),
    /// It is not to be tried again, and why.
    Rejected(String),
    /// It was called off, and does not count.
    Aborted,
    /// There is no such entry any more.
    Gone,
}

/// How a lane stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// The cursor, as the store has it.
    pub position: i64,
    /// The log's newest entry, as far as known.
    pub head: i64,
    /// When the oldest entry was received that waits and is not in the deliveries.
    pub oldest: Option<Millis>,
    /// Deliveries.
    pub parked: usize,
    /// Whether nothing gets through.
    pub is_stalled: bool,
}

/// See the module.
pub struct Lane {
    rules: Rules,
    random: SmallRng,
    /// As the store has it.
    durable: Durable,
    /// Entries up to here are in the window, the deliveries, or do not concern the handler.
    read_to: i64,
    /// The log's newest entry, as far as known.
    head: i64,
    window: Window,
    lines: Lines,
    parked: Deliveries,
    /// Accounts an attempt is running for.
    busy: HashSet<Key>,
    stall: Stall,
    suspects_to: i64,
    solo: Solo,
    width: i64,
    highest_started: i64,
    is_reading: bool,
    writing: Option<Durable>,
    written_at: Millis,
    orders: Orders,
    is_held: bool,
    is_stopping: bool,
}

/// The entry of the window that is tried alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Solo {
    seq: i64,
    /// Which time this is.
    starts: u32,
    /// It may start once the store knows of it.
    is_wanted: bool,
    /// The store knows of it.
    is_armed: bool,
}

impl Lane {
    /// Goes on where the last owner stopped, or was stopped. `head` is the log's newest entry.
    pub fn resume(
        rules: Rules,
        from: &Subscription,
        waiting: Vec<Waiting>,
        head: i64,
        now: Millis,
        random: SmallRng,
    ) -> Self {
        let solo = Solo { seq: from.solo_seq, starts: from.solo_starts.unsigned_abs(), ..Solo::default() };
        let durable = Durable::of(from);
        let mut lane = Lane {
            rules,
            random,
            durable,
            read_to: from.position,
            head,
            window: Window::default(),
            lines: Lines::default(),
            parked: Deliveries::default(),
            busy: HashSet::new(),
            stall: Stall::default(),
            suspects_to: from.reach.min(head),
            solo,
            width: *WIDTH.start(),
            highest_started: from.position,
            is_reading: false,
            writing: None,
            written_at: now,
            orders: from.orders,
            is_held: false,
            is_stopping: false,
        };
        if from.is_stalled {
            lane.stall.begin(now);
        }
        for row in waiting {
            lane.load(row, now);
        }
        // Whether anything succeeded since is not known; the first success says so.
        for key in lane.parked.failing() {
            lane.stall.failed(&key);
        }
        lane
    }

    fn load(&mut self, row: Waiting, now: Millis) {
        let Some(account) = row.account else {
            self.parked.drop_row(row.seq);
            return;
        };
        let key = (row.app, account);
        let is_head = !row.in_order || self.lines.join(&key, row.seq);
        let phase = match row.due_in {
            _ if !is_head || row.running => Phase::Behind,
            due_in => Phase::Due(now + due_in.unwrap_or(0).max(0)),
        };
        let parked = Parked {
            key,
            in_order: row.in_order,
            attempts: row.attempts.unsigned_abs(),
            phase,
            suspect: row.running,
            solo_starts: row.solo_starts.unsigned_abs(),
            error: row.error,
        };
        self.parked.load(row.seq, parked);
    }

    /// Dead letters that an operator wants tried again, among what waits in the store.
    pub fn reload(&mut self, waiting: Vec<Waiting>, now: Millis) {
        for row in waiting.into_iter().filter(|row| !row.in_order) {
            if self.parked.get(row.seq).is_none() && self.window.slot(row.seq).is_none() {
                self.load(row, now);
            }
        }
    }

    /// The log has grown.
    pub fn log_at(&mut self, head: i64) {
        self.head = self.head.max(head);
    }

    /// Nothing is started until this is taken back: the lease may be somebody else's by now.
    pub fn hold(&mut self, held: bool) {
        self.is_held = held;
    }

    /// Nothing new is started.
    pub fn stop(&mut self) {
        self.is_stopping = true;
    }

    /// Attempts under way.
    pub fn running(&self) -> usize {
        self.busy.len()
    }

    /// What is to be done now; none when something has to happen first.
    pub fn step(&mut self, now: Millis) -> Option<Work> {
        if let Some(attempt) = self.next_attempt(now) {
            return Some(Work::Attempt(attempt));
        }
        if self.writing.is_none() && self.must_write(now) {
            return Some(Work::Write(self.checkpoint(now, false)));
        }
        if self.may_read() {
            self.is_reading = true;
            return Some(Work::Read(self.read_to));
        }
        None
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        Status {
            position: self.durable.position,
            head: self.head,
            oldest: self.window.first().map(|slot| slot.change.received_at),
            parked: self.parked.len(),
            is_stalled: self.stall.is_on(),
        }
    }

    /// When to step again although nothing happened.
    pub fn wakes_at(&self) -> Millis {
        let write = self.written_at + if self.has_settled() { LAZY } else { HEARTBEAT };
        let write = [Some(write), self.long_at()].into_iter().flatten().min().filter(|_| self.writing.is_none());
        let is_idle =
            self.orders.paused || self.is_held || self.is_stopping || self.busy.len() >= self.rules.concurrency;
        let due = match self.stall.next_probe() {
            Some(probe) => self.busy.is_empty().then_some(probe),
            None => self.parked.next_due().map(|(at, _)| at),
        };
        [write, due.filter(|_| !is_idle)].into_iter().flatten().min().unwrap_or(self.written_at + HEARTBEAT)
    }
}
