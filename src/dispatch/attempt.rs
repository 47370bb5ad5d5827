//! One attempt, from the entry to the verdict.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::change::ProfileChange;
use super::feed::Page;
use super::handler::{Context, Outcome};
use super::lane::{Attempt, Verdict};
use super::worker::Worker;
use crate::store::StoreError;
use crate::telemetry::dispatch::Ended;

/// After the store has failed.
const AGAIN: Duration = Duration::from_millis(250);

pub(super) struct Trial {
    pub worker: Arc<Worker>,
    pub attempt: Attempt,
    pub epoch: i64,
    pub cancel: CancellationToken,
}

/// Which entry, and what came of it.
pub(super) async fn run(trial: Trial) -> (i64, Verdict) {
    let seq = trial.attempt.seq;
    // What has come since it was read may have superseded it.
    let may_be_old = |change: &ProfileChange| trial.attempt.is_followed && trial.worker.wants.hopes_for(change);
    let verdict = match trial.attempt.change.clone().filter(|change| !may_be_old(change)) {
        Some(change) => handle(&trial, &change).await,
        None => match entry(&trial.worker, seq).await {
            Ok(Some(change)) => handle(&trial, &change).await,
            Ok(None) => Verdict::Gone,
            Err(error) => {
                tracing::debug!(handler = trial.worker.registration.name, seq, "it cannot be read now: {error}");
                tokio::time::sleep(AGAIN).await;
                Verdict::Aborted
            }
        },
    };
    (seq, verdict)
}

async fn handle(trial: &Trial, change: &ProfileChange) -> Verdict {
    let (worker, limit) = (&trial.worker, trial.worker.registration.limit);
    let name = &worker.registration.name;
    let context = Context::new(name, trial.attempt.number, limit, trial.cancel.clone(), trial.epoch);
    let begun = Instant::now();
    let handling = AssertUnwindSafe(worker.registration.handler.handle(change, &context)).catch_unwind();
    let (ended, verdict) = tokio::select! {
        biased;
        outcome = tokio::time::timeout(limit, handling) => match outcome {
            Ok(Ok(outcome)) => verdict(outcome, context.why()),
            Ok(Err(panic)) => (Ended::Failed, Verdict::Failed(format!("panicked: {}", said(&*panic)), None)),
            Err(_) => (Ended::Failed, Verdict::Failed(format!("no answer within {} s", limit.as_secs_f32()), None)),
        },
        () = trial.cancel.cancelled() => (Ended::Aborted, Verdict::Aborted),
    };
    context.is_over();
    worker.metrics.attempt(ended);
    worker.metrics.duration.observe(begun.elapsed().as_secs_f64());
    if let Verdict::Failed(why, _) | Verdict::Rejected(why) = &verdict {
        tracing::debug!(handler = name, seq = change.seq, attempt = trial.attempt.number, "failed: {why}");
    }
    verdict
}

fn verdict(outcome: Outcome, why: Option<String>) -> (Ended, Verdict) {
    let why = |otherwise: &str| why.unwrap_or_else(|| otherwise.to_owned());
    match outcome {
        Outcome::Done => (Ended::Done, Verdict::Done),
        Outcome::Retry => (Ended::Failed, Verdict::Failed(why("the handler asked for a retry"), None)),
        Outcome::RetryAfter(wait) => (Ended::Failed, Verdict::Failed(why("the handler asked for a retry"), Some(wait))),
        Outcome::Reject => (Ended::Rejected, Verdict::Rejected(why("the handler rejected it"))),
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a word").chars().filter(|c| *c != '\0').take(500).collect()
}

/// What follows an entry, of that what the handler wants, with all that it asks for.
pub(super) async fn page(worker: &Worker, after: i64) -> Result<Page, StoreError> {
    let Page { mut changes, to } = worker.feed.after(after).await?;
    changes.retain(|change| worker.wants.include(change));
    let asks_about = |change: &Arc<ProfileChange>| {
        worker.wants.asks_for_previous() || worker.wants.asks_for_superseded() && change.superseded
    };
    if changes.iter().any(asks_about) {
        let mut with: Vec<ProfileChange> = changes.iter().map(|change| ProfileChange::clone(change)).collect();
        complete(worker, &mut with).await?;
        changes = with.into_iter().map(Arc::new).collect();
    }
    Ok(Page { changes, to })
}

/// One entry, read again. None when it was erased.
async fn entry(worker: &Worker, seq: i64) -> Result<Option<ProfileChange>, StoreError> {
    let rows = worker.store.entries(&[seq]).await?;
    let mut changes: Vec<_> = rows.into_iter().filter_map(ProfileChange::logged).collect();
    complete(worker, &mut changes).await?;
    Ok(changes.pop())
}

/// With what the handler asks for: values that were there before, and which items are superseded.
async fn complete(worker: &Worker, changes: &mut [ProfileChange]) -> Result<(), StoreError> {
    let (wants, store) = (&worker.wants, &worker.store);
    let among =
        |which: fn(&ProfileChange) -> bool| changes.iter().filter(|c| which(c)).map(|c| c.seq).collect::<Vec<_>>();
    let all = if wants.asks_for_previous() { among(|_| true) } else { Vec::new() };
    let superseded = if wants.asks_for_superseded() { among(|change| change.superseded) } else { Vec::new() };
    let previous = if all.is_empty() { Vec::new() } else { store.previous(&all).await? };
    let items = if superseded.is_empty() { Vec::new() } else { store.superseded_items(&superseded).await? };
    for of_it in previous {
        if let Some(change) = with_seq(changes, of_it.seq) {
            change.set_previous(of_it);
        }
    }
    for place in items {
        if let Some(change) = with_seq(changes, place.seq) {
            change.set_superseded(place.ordinal);
        }
    }
    Ok(())
}

/// They are in the order of the log.
fn with_seq(changes: &mut [ProfileChange], seq: i64) -> Option<&mut ProfileChange> {
    let at = changes.partition_point(|change| change.seq < seq);
    changes.get_mut(at).filter(|change| change.seq == seq)
}
