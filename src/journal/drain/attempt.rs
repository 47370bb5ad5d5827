//! One step: the next records of the spool into the store.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::{DrainError, Step};
use crate::journal::log::Log;
use crate::journal::settle::{Fate, settle_again};
use crate::journal::spool::{Batch, Reader, Record};
use crate::journal::taken::Taken;
use crate::store::{NewEntry, NewUnreadable, Recorded, StoreError};
use crate::telemetry::Metrics;

/// Records behind a stubborn one, of which an entry may prove that the store takes others.
const WITNESSES: usize = 8;

/// What a step needs, so that it can run beside the writer.
pub(super) struct Attempt {
    pub log: Arc<dyn Log>,
    pub metrics: Arc<Metrics>,
    pub reader: Reader,
    pub at_once: usize,
    pub limit: Duration,
    /// Steps have failed for so long that a single record may be to blame.
    pub may_set_aside: bool,
}

impl Attempt {
    pub async fn run(self) -> Step {
        let Attempt { log, metrics, mut reader, at_once, limit, may_set_aside } = self;
        let read = move || Ok((reader.batch(at_once)?, if may_set_aside { reader.batch(WITNESSES)? } else { None }));
        let (batch, behind) = tokio::task::spawn_blocking(read).await.unwrap_or(Err(DrainError::Panicked))?;
        let Some(Batch { records, part }) = batch else { return Ok(None) };
        let slow = || Err(StoreError::Slow(limit.as_millis()));
        let Err(error) = timeout(limit, take(&*log, &metrics, records)).await.unwrap_or_else(|_| slow()) else {
            return Ok(Some(Taken { part, stubborn: None }));
        };
        if part.records == 1
            && let Some(Batch { records, .. }) = behind
            && timeout(limit, takes_one_of(&*log, &records)).await.unwrap_or(Ok(false))?
        {
            return Ok(Some(Taken { part, stubborn: Some(error.to_string()) }));
        }
        Err(error.into())
    }
}

/// All of them are in the store, or an error.
async fn take(log: &dyn Log, metrics: &Metrics, records: Vec<Record>) -> Result<(), StoreError> {
    let (mut entries, mut unreadable) = (Vec::new(), Vec::new());
    for record in records {
        match record {
            Record::Entry(entry) => entries.push(entry),
            Record::Unreadable(body) => unreadable.push(body),
        }
    }
    unreadable.extend(append(log, metrics, entries).await?);
    for body in &unreadable {
        log.keep(body).await?;
    }
    Ok(())
}

/// What the store refuses comes back.
async fn append(log: &dyn Log, metrics: &Metrics, entries: Vec<NewEntry>) -> Result<Vec<NewUnreadable>, StoreError> {
    let fates = settle_again(log, &entries.iter().collect::<Vec<_>>(), entries.len().max(1)).await?;
    let mut refused = Vec::new();
    for (entry, fate) in entries.into_iter().zip(fates) {
        match fate {
            Fate::Recorded(Recorded::New(seq)) => drop(metrics.log_seq.set(seq)),
            Fate::Recorded(Recorded::Known) => drop(metrics.duplicates.inc()),
            Fate::Refused(reason) => refused.push(entry.unreadable(reason)),
        }
    }
    Ok(refused)
}

/// Whether the store takes one of these entries now. It must be a new one: whatever writes nothing proves nothing.
async fn takes_one_of(log: &dyn Log, records: &[Record]) -> Result<bool, StoreError> {
    let entries = records.iter().filter_map(|record| match record {
        Record::Entry(entry) => Some(entry),
        Record::Unreadable(_) => None,
    });
    let entries: Vec<&NewEntry> = entries.collect();
    let held = log.receipts(&entries).await?;
    for entry in entries.into_iter().filter(|entry| !held.contains_key(&entry.receipt_id)) {
        if let Ok(recorded) = log.append(&[entry]).await
            && matches!(recorded[..], [Recorded::New(_)])
        {
            return Ok(true);
        }
    }
    Ok(false)
}
