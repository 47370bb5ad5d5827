//! Verification: recompute every digest and the chain, derive item rows and effective times again, compare.
//!
//! Works on rows as stored and knows no SQL. The first row that does not hold is named. Each chunk is checked against the chain
//! that is stored before it, which the chunk before has checked, so that several are under way at once.

mod check;
mod erasures;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::chain::Hash;
use super::model::{GENESIS, Head};
use super::prune::Anchor;
use super::{Store, StoreError};
use erasures::Erasures;

/// Entries of a chunk: with fewer, most of the time goes into planning statements.
const CHUNK: usize = 1024;
/// Chunks under way.
const AT_ONCE: usize = 4;

/// What is to be verified.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// From this entry on; its chain is held against what is stored of the one before.
    pub from: Option<i64>,
    /// Up to this entry.
    pub to: Option<i64>,
    /// What was noted elsewhere: these entries had these chains.
    pub heads: Vec<Head>,
}

/// The first thing that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq}: {why}")]
pub struct Fault {
    /// Which entry.
    pub seq: i64,
    /// Which column, and what is wrong with it.
    pub why: String,
}

/// What verification found.
#[derive(Debug)]
pub enum Verdict {
    /// Everything that was asked for holds.
    Holds {
        /// What was pruned before the first of them.
        pruned: Option<Anchor>,
        /// How many entries that are.
        entries: u64,
        /// The last of them.
        head: Head,
        /// How many of the heads that were noted are among them.
        heads: usize,
    },
    /// Nothing at or after this entry can be relied on.
    Broken(Fault),
}

/// Verifies the log as it is now; `progress` is told how many entries of how many are done.
pub async fn run(store: &Store, plan: Plan, progress: impl FnMut(u64, u64)) -> Result<Verdict, StoreError> {
    paced(store, plan, AT_ONCE, progress).await
}

/// The same beside other work: one chunk at a time, and after each a rest as long as it took.
pub async fn gently(store: &Store, plan: Plan) -> Result<Verdict, StoreError> {
    paced(store, plan, 1, |_, _| ()).await
}

async fn paced(
    store: &Store,
    plan: Plan,
    at_once: usize,
    mut progress: impl FnMut(u64, u64),
) -> Result<Verdict, StoreError> {
    loop {
        let anchor = store.anchor().await?;
        let verdict = after(store, anchor, &plan, at_once, &mut progress).await?;
        // What was pruned only now is no fault.
        if matches!(verdict, Verdict::Holds { .. }) || store.anchor().await? == anchor {
            return Ok(verdict);
        }
    }
}

/// Verifies what the log holds after the anchor.
async fn after(
    store: &Store,
    anchor: Option<Anchor>,
    plan: &Plan,
    at_once: usize,
    progress: &mut impl FnMut(u64, u64),
) -> Result<Verdict, StoreError> {
    let base = anchor.map_or(GENESIS, |anchor| anchor.head);
    let (first, newest) = store.span().await?.unwrap_or((base.seq + 1, base.seq));
    if first < 1 {
        return Ok(Verdict::Broken(Fault { seq: first, why: "sequences begin at 1".to_owned() }));
    }
    if let Some(Anchor { head, is_under_way }) = anchor {
        if first <= head.seq && !is_under_way {
            return Ok(Verdict::Broken(Fault {
                seq: first,
                why: "it was pruned, and rows of it are there".to_owned(),
            }));
        }
        if newest <= head.seq {
            let why = "the entry is missing: the newest one is never pruned".to_owned();
            return Ok(Verdict::Broken(Fault { seq: head.seq + 1, why }));
        }
    }
    let (from, to) = (plan.from.unwrap_or(1).max(base.seq + 1), plan.to.map_or(newest, |to| to.min(newest)));
    let mut heads: HashMap<i64, Hash> = HashMap::new();
    for head in &plan.heads {
        let why = match heads.insert(head.seq, head.chain) {
            Some(other) if other != head.chain => "two heads that were noted of it differ",
            _ if anchor.is_some() && head.seq == base.seq && head.chain != base.chain => {
                "the anchor that pruning left is not the head that was noted"
            }
            _ if head.seq > newest && plan.to.is_none() => "a head was noted of it, and the log ends before it",
            _ => continue,
        };
        return Ok(Verdict::Broken(Fault { seq: head.seq, why: why.to_owned() }));
    }
    let erasures = Arc::new(Erasures::read(store).await?);
    let total = u64::try_from((to - from + 1).max(0)).unwrap_or(0);
    let chunks = (from..=to).step_by(CHUNK).map(|low| (low, to.min(low + CHUNK as i64 - 1)));
    let mut verdicts = stream::iter(chunks.map(|range| chunk(store, range, erasures.clone(), base))).buffered(at_once);
    let (mut head, mut begun) = (base, Instant::now());
    while let Some(chains) = verdicts.try_next().await? {
        let chains = match chains {
            Ok(chains) => chains,
            Err(fault) => return Ok(Verdict::Broken(fault)),
        };
        for checked in chains {
            head = checked;
            if heads.get(&head.seq).is_some_and(|noted| *noted != head.chain) {
                let why = "its chain is not the one that was noted: it or an entry before it was altered";
                return Ok(Verdict::Broken(Fault { seq: head.seq, why: why.to_owned() }));
            }
        }
        progress(u64::try_from(head.seq - from + 1).unwrap_or(0), total);
        if at_once == 1 {
            tokio::time::sleep(begun.elapsed()).await;
            begun = Instant::now();
        }
    }
    let pruned = anchor.filter(|_| from == base.seq + 1);
    let known = if pruned.is_some() { base.seq..=to } else { from..=to };
    let heads = heads.keys().filter(|seq| known.contains(*seq)).count();
    Ok(Verdict::Holds { pruned, entries: total, head, heads })
}

/// The chains of a chunk.
async fn chunk(
    store: &Store,
    (mut low, high): (i64, i64),
    erasures: Arc<Erasures>,
    base: Head,
) -> Result<Result<Vec<Head>, Fault>, StoreError> {
    let mut heads = Vec::new();
    while low <= high {
        let fitting = store.fitting(low, high).await?;
        match part(store, (low, fitting), erasures.clone(), base).await? {
            Ok(checked) => heads.extend(checked),
            Err(fault) => return Ok(Err(fault)),
        }
        low = fitting + 1;
    }
    Ok(Ok(heads))
}

/// The chains of a part of it. What was erased only now is looked up again before it is called a fault.
async fn part(
    store: &Store,
    (low, high): (i64, i64),
    mut erasures: Arc<Erasures>,
    base: Head,
) -> Result<Result<Vec<Head>, Fault>, StoreError> {
    loop {
        let stored = store.raw((low - 1).max(base.seq + 1), high).await?;
        let known = erasures.clone();
        let checked = tokio::task::spawn_blocking(move || check::rows(low..=high, &stored, &known, &base))
            .await
            .map_err(|_| sqlx::Error::WorkerCrashed)?;
        let newest = erasures.newest;
        if checked.is_err() {
            erasures = Arc::new(Erasures::read(store).await?);
        }
        if erasures.newest == newest {
            return Ok(checked);
        }
    }
}
