//! Random histories of deliveries, repetitions, outages, lost acknowledgements, crashes and restarts, on a real store and a
//! real spool, with a store between them that fails as the history says. Each history checks promises 1 to 4.
//!
//! The clock and all chance come from the history's seed; a seed that fails belongs into [`KEPT`].

mod faulty;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portraitd::journal::{Health, Journal, Outcome, Recorder, Spool};
use portraitd::store::model::ReceiptId;
use portraitd::store::verify::{self, Verdict};
use portraitd::store::{NewEntry, Store};
use portraitd::telemetry::Metrics;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinHandle;

use crate::harness::db::{Database, eventually};
use crate::harness::entries::{Callback, RECEIVED, callback, unreadable};
use crate::harness::proof::assert_chained;
use faulty::{Faulty, Weather};

/// Seeds of histories that once failed.
const KEPT: [u64; 0] = [];
const STEPS: usize = 25;

/// What is to be true of a callback in the end.
struct Sent {
    callback: Callback,
    timed: bool,
    /// Receipts that were answered OK.
    acknowledged: Vec<ReceiptId>,
}

struct History {
    chance: SmallRng,
    now: i64,
    _db: Database,
    folder: PathBuf,
    store: Arc<Store>,
    faulty: Arc<Faulty>,
    running: Option<(Journal, JoinHandle<()>, Arc<Health>)>,
    sent: Vec<Sent>,
    /// Something was delivered twice.
    repeated: bool,
    /// So many of those sent must not be delivered again, because their keys are forgotten.
    forgotten: usize,
    /// What a reader has seen of the log so far.
    seen: Vec<(i64, Vec<u8>)>,
}

impl History {
    async fn new(seed: u64, db: Database, folder: PathBuf) -> Self {
        let store = Arc::new(db.store().await);
        let faulty = Arc::new(Faulty::new(store.clone()));
        let chance = SmallRng::seed_from_u64(seed);
        let mut history = History {
            chance,
            now: RECEIVED,
            _db: db,
            folder,
            store,
            faulty,
            running: None,
            sent: Vec::new(),
            repeated: false,
            forgotten: 0,
            seen: Vec::new(),
        };
        history.start();
        history
    }

    fn start(&mut self) {
        let spool = Spool::open(&self.folder, 1 << 30).expect("the spool opens");
        let budget = Duration::from_millis(15);
        let (journal, writer) = Journal::new(self.faulty.clone(), spool, budget, Arc::new(Metrics::default()));
        let health = writer.health();
        self.running = Some((journal, tokio::spawn(writer.run()), health));
    }

    async fn step(&mut self) {
        self.now += self.chance.random_range(0..600_000);
        match self.chance.random_range(0..100) {
            0..45 => self.deliver_new().await,
            45..60 => self.deliver_again().await,
            60..65 => self.deliver_unreadable().await,
            65..85 => {
                let weather = [
                    Weather::Good,
                    Weather::Good,
                    Weather::Down,
                    Weather::LosesAnswers,
                    Weather::Mute,
                    Weather::MuteAfterwards,
                ];
                let which = self.chance.random_range(0..weather.len());
                self.faulty.set(weather[which]);
            }
            85..93 => self.crash().await,
            93..96 => self.restart().await,
            96..98 => self.window_passes().await,
            _ => self.keys_are_forgotten().await,
        }
        self.read().await;
    }

    async fn deliver_new(&mut self) {
        for _ in 0..self.chance.random_range(1..12) {
            let account = format!("id{}", self.chance.random_range(0..5));
            let timed = self.chance.random_bool(0.6);
            let sent = callback(&account).nick("x").received(self.now);
            let callback = if timed { sent } else { sent.without_event_time() };
            self.sent.push(Sent { callback, timed, acknowledged: Vec::new() });
            if self.chance.random_bool(0.3) {
                self.deliver(vec![self.sent.len() - 1]).await;
            }
        }
        let waiting = (self.forgotten..self.sent.len()).filter(|at| self.sent[*at].acknowledged.is_empty()).collect();
        self.deliver(waiting).await;
    }

    /// What was sent before comes again, as Chat's retry on time-out does.
    async fn deliver_again(&mut self) {
        let count = self.sent.len();
        if count == self.forgotten {
            return;
        }
        self.repeated = true;
        let again: HashSet<usize> = (0..8).map(|_| self.chance.random_range(self.forgotten..count)).collect();
        self.deliver(again.into_iter().filter(|at| self.sent[*at].timed).collect()).await;
    }

    /// Each under a new receipt, all at once.
    async fn deliver(&mut self, which: Vec<usize>) {
        let entries: Vec<NewEntry> =
            which.iter().map(|at| self.sent[*at].callback.clone().again().received(self.now).build()).collect();
        let Some((journal, ..)) = &self.running else { return };
        let deadline = Instant::now() + Duration::from_secs(20);
        let answers = entries.iter().map(|entry| journal.record(entry.clone(), deadline)).collect();
        let outcomes = crate::journal::support::together(answers).await;
        for ((at, entry), outcome) in which.into_iter().zip(entries).zip(outcomes) {
            assert_ne!(outcome, Outcome::Refused);
            if outcome != Outcome::Unavailable {
                self.sent[at].acknowledged.push(entry.receipt_id);
            }
        }
    }

    async fn deliver_unreadable(&mut self) {
        let Some((journal, ..)) = &self.running else { return };
        assert!(journal.keep(unreadable("[]"), Instant::now() + Duration::from_secs(20)).await);
    }

    /// The process ends at once; the record it was writing may be torn.
    async fn crash(&mut self) {
        let Some((journal, writer, _)) = self.running.take() else { return };
        if self.chance.random_bool(0.5) {
            // Somebody's callback is on its way when it happens; nobody hears what became of it.
            let entry = callback("midway").nick("x").received(self.now).build();
            drop(journal.record(entry, Instant::now()));
            tokio::task::yield_now().await;
        }
        writer.abort();
        let _ = writer.await;
        drop(journal);
        if self.chance.random_bool(0.5) {
            self.tear();
        }
        eventually("the spool's lock is free", async || Spool::open(&self.folder, 1 << 30).is_ok()).await;
        self.start();
    }

    fn tear(&mut self) {
        use std::io::Write;
        let files = std::fs::read_dir(&self.folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let newest = files.filter(|file| file.extension().is_some_and(|extension| extension == "spool")).max();
        let Some(newest) = newest else { return };
        let length = self.chance.random_range(1..200);
        let torn: Vec<u8> = b"PSP1\0\0\x01\0".iter().copied().cycle().take(length).collect();
        let mut file = std::fs::OpenOptions::new().append(true).open(newest).expect("a segment");
        file.write_all(&torn).expect("torn");
    }

    /// A stop as by SIGTERM: whatever waits is made durable first.
    async fn restart(&mut self) {
        let Some((journal, writer, _)) = self.running.take() else { return };
        drop(journal);
        writer.await.expect("it ends well");
        eventually("the spool's lock is free", async || Spool::open(&self.folder, 1 << 30).is_ok()).await;
        self.start();
    }

    /// Dedupe keys are forgotten. What was lost on the way back before that must still not be recorded twice.
    async fn window_passes(&mut self) {
        self.faulty.set(Weather::Good);
        self.drained().await;
        self.store.prune_recent(-10).await.expect("pruned");
        self.check().await;
        // From here on the same body again is a new change.
        self.sent.clear();
        (self.repeated, self.forgotten) = (false, 0);
    }

    /// The same in the middle of whatever is going on, by another replica: the receipts must be enough for what we try again.
    async fn keys_are_forgotten(&mut self) {
        if !self.repeated {
            self.store.prune_recent(-10).await.expect("pruned");
            self.forgotten = self.sent.len();
        }
    }

    async fn drained(&self) {
        let Some((.., health)) = &self.running else { return };
        eventually("the spool is drained", async || health.spooled() == 0).await;
    }

    /// Whoever has read up to a sequence never sees it change, nor anything new at or below it.
    async fn read(&mut self) {
        let (rows, _) = self.store.stored(1, i64::MAX).await.expect("readable");
        let rows: Vec<_> = rows.into_iter().map(|row| (row.seq, row.chain)).collect();
        assert!(rows.starts_with(&self.seen), "what was read before is still what it was");
        self.seen = rows;
    }

    async fn check(&mut self) {
        let rows = assert_chained(&self.store).await;
        let (mut receipts, mut bodies) = (HashMap::new(), HashMap::new());
        for row in &rows {
            *receipts.entry(row.receipt_id.clone()).or_insert(0) += 1;
            *bodies.entry(row.body.clone().unwrap_or_default()).or_insert(0) += 1;
        }
        assert!(receipts.values().all(|times| *times == 1), "a receipt is recorded once");
        for sent in &self.sent {
            let body = sent.callback.clone().build().body.to_vec();
            let times = bodies.get(&body).copied().unwrap_or(0);
            if sent.timed {
                assert!(times <= 1, "recorded {times} times");
                assert!(times == 1 || sent.acknowledged.is_empty(), "acknowledged and missing");
            }
            for receipt in sent.acknowledged.iter().filter(|_| !sent.timed) {
                assert!(receipts.contains_key(&receipt[..]), "acknowledged and missing");
            }
        }
        assert!(matches!(
            verify::run(&self.store, verify::Plan::default(), |_, _| ()).await.expect("it runs"),
            Verdict::Holds { .. }
        ));
    }
}

async fn run(seed: u64, db: Database) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut history = History::new(seed, db, folder.path().to_owned()).await;
    for _ in 0..STEPS {
        history.step().await;
    }
    history.faulty.set(Weather::Good);
    history.drained().await;
    history.check().await;
}

/// Histories of this run; more with HISTORIES=n, others with SEED=n.
async fn many(of: impl AsyncFn() -> Database, histories: u64) {
    let given = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let first = given("SEED").unwrap_or(1);
    let histories = given("HISTORIES").unwrap_or(histories);
    for seed in KEPT.into_iter().chain(first..first + histories) {
        let named = Named(seed);
        run(seed, of().await).await;
        drop(named);
    }
}

/// Says which history it was.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was SEED={0}; SEED={0} HISTORIES=1 runs it again", self.0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_histories_keep_the_promises_on_sqlite() {
    many(Database::sqlite, 40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_histories_keep_the_promises_on_postgres() {
    many(Database::postgres, 15).await;
}
