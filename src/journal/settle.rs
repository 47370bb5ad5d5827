//! Entries into the store. If the database refuses the data of some, they are taken apart until the culprit stands alone.

use std::ops::Range;

use super::log::Log;
use crate::store::{NewEntry, Recorded, StoreError};

/// What became of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Recorded(Recorded),
    /// The database refuses its data, and why.
    Refused(String),
}

/// Appends entries in their order, at most `at_once` in a transaction. After an error some may be recorded.
pub(super) async fn settle(log: &dyn Log, entries: &[&NewEntry], at_once: usize) -> Result<Vec<Fate>, StoreError> {
    let mut fates = Vec::with_capacity(entries.len());
    let mut parts: Vec<Range<usize>> =
        (0..entries.len()).step_by(at_once).map(|start| start..entries.len().min(start + at_once)).collect();
    parts.reverse();
    while let Some(part) = parts.pop() {
        match log.append(&entries[part.clone()]).await {
            Ok(recorded) => fates.extend(recorded.into_iter().map(Fate::Recorded)),
            Err(StoreError::Data(error)) if part.len() == 1 => {
                fates.push(Fate::Refused(format!("the database refuses it: {}", plain(&error))));
            }
            Err(StoreError::Data(_)) => {
                let middle = part.start + part.len() / 2;
                parts.extend([middle..part.end, part.start..middle]);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(fates)
}

/// The same once more, or after an outage: what the store holds of these very receipts is not appended again, even where
/// its dedupe key is forgotten by now.
pub(super) async fn settle_again(
    log: &dyn Log,
    entries: &[&NewEntry],
    at_once: usize,
) -> Result<Vec<Fate>, StoreError> {
    let held = log.receipts(entries).await?;
    let missing: Vec<&NewEntry> =
        entries.iter().copied().filter(|entry| !held.contains_key(&entry.receipt_id)).collect();
    let mut settled = settle(log, &missing, at_once).await?.into_iter();
    let fate = |entry: &&NewEntry| match held.get(&entry.receipt_id) {
        Some(seq) => Fate::Recorded(Recorded::New(*seq)),
        None => settled.next().unwrap_or(Fate::Recorded(Recorded::Known)),
    };
    Ok(entries.iter().map(fate).collect())
}

/// What the database said, without the row it quotes in its detail.
fn plain(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}
