//! What can be done with the log: each verb is one transaction, or one statement, on whichever dialect it is.

use std::collections::HashMap;

use tokio::sync::watch;

use super::erasure::{Erased, Whom};
use super::model::ReceiptId;
use super::rows::{ErasureRow, LoggedCallback, Previous};
use super::stored::Stored;
use super::subscription::{
    Checkpoint, DeadLetter, HandlerRow, Lease, Operator, Order, Ordered, Orders, Start, Subscription, Waiting,
};
use super::{
    Access, Condition, Dialect, Head, Link, NewEntry, NewUnreadable, Place, Recorded, Result, Store, StoredEntry,
    StoredItem, UnreadableRow, either,
};
use crate::protocol::time::Millis;

impl Store {
    /// Appends entries in one transaction, in their order; says of each whether it is new or was known already.
    /// Calling it again with the same entries, also after an unknown outcome, records none of them twice.
    pub async fn append(&self, entries: &[&NewEntry]) -> Result<Vec<Recorded>> {
        let recorded = either!(self.dialect()?, store => store.append(entries).await)?;
        if let Some(newest) = recorded.iter().filter_map(Recorded::seq).max() {
            self.has_appended(newest);
        }
        Ok(recorded)
    }

    /// Erases some of a person's entries, and appends the entry that names them: to be called until nothing was left to erase.
    pub async fn erase(&self, whom: &Whom, now: Millis) -> Result<Erased> {
        let erased = either!(self.dialect()?, store => store.erase(whom, now).await)?;
        if let Some(newest) = erased.recorded_as {
            self.has_appended(newest);
        }
        Ok(erased)
    }

    /// Drops unreadable bodies that name the account. Returns how many.
    pub async fn erase_elsewhere(&self, whom: &Whom) -> Result<u64> {
        either!(self.dialect()?, store => store.erase_elsewhere(whom).await)
    }

    /// Tells whoever follows, unless they know of a newer one.
    pub(super) fn has_appended(&self, newest: i64) {
        self.appended.send_if_modified(|known| std::mem::replace(known, newest.max(*known)) < newest);
    }

    /// The newest sequence that this process appended.
    pub fn appended(&self) -> watch::Receiver<i64> {
        self.appended.subscribe()
    }

    /// Which of these entries' receipts the log holds, and under which sequence.
    pub async fn receipts(&self, entries: &[&NewEntry]) -> Result<HashMap<ReceiptId, i64>> {
        either!(self.dialect()?, store => store.receipts(entries).await)
    }

    /// Keeps a body that cannot be recorded; the same again is counted.
    pub async fn keep_unreadable(&self, body: &NewUnreadable) -> Result<()> {
        either!(self.dialect()?, store => store.keep_unreadable(body).await)
    }

    /// Attaches partitions ahead of need. Returns the first sequence that has no place yet.
    pub async fn extend(&self) -> Result<i64> {
        either!(self.dialect()?, store => store.extend().await)
    }

    /// Forgets dedupe keys that were recorded `window_secs` ago or earlier, by the database's clock.
    pub async fn prune_recent(&self, window_secs: i64) -> Result<u64> {
        either!(self.dialect()?, store => store.prune_recent(window_secs).await)
    }

    /// Drops the oldest unreadable bodies until at most `max_bytes` are kept. Returns how many went.
    pub async fn bound_unreadable(&self, max_bytes: u64) -> Result<u64> {
        either!(self.dialect()?, store => store.bound_unreadable(max_bytes).await)
    }

    /// The newest entry's sequence and chain.
    pub async fn head(&self) -> Result<Head> {
        either!(self.dialect()?, store => store.head().await)
    }

    /// Unreadable bodies before this one, newest first.
    pub async fn unreadable(&self, before: Option<i64>, limit: u32) -> Result<Vec<UnreadableRow>> {
        either!(self.dialect()?, store => store.unreadable(before, limit).await)
    }

    /// How much of `from..=to`, one entry at least, is read at a time: few enough that the largest bodies fit into memory
    /// together. Returns the last of them.
    pub async fn fitting(&self, from: i64, to: i64) -> Result<i64> {
        either!(self.dialect()?, store => store.fitting(from, to).await)
    }

    /// Entries and item rows with sequences in `from..=to`, in order, as they are stored.
    pub async fn stored(&self, from: i64, to: i64) -> Result<(Vec<StoredEntry>, Vec<StoredItem>)> {
        let stored = self.raw(from, to).await?;
        let entries = stored.entries().collect::<std::result::Result<_, _>>()?;
        Ok((entries, stored.items().collect::<std::result::Result<_, _>>()?))
    }

    /// The same, not read yet.
    pub(super) async fn raw(&self, from: i64, to: i64) -> Result<Stored> {
        either!(self.dialect()?, store => store.stored(from, to).await)
    }

    /// What the chain covers of entries with sequences in `from..=to`, in order.
    pub async fn links(&self, from: i64, to: i64) -> Result<Vec<Link>> {
        either!(self.dialect()?, store => store.links(from, to).await)
    }

    /// Entries of kind `erasure` after this one, in order, as they are stored.
    pub async fn erasures(&self, after: i64, limit: u32) -> Result<Vec<ErasureRow>> {
        either!(self.dialect()?, store => store.erasures(after, limit).await)
    }

    /// The lowest and highest sequence that any row of the log carries, items included.
    pub async fn span(&self) -> Result<Option<(i64, i64)>> {
        either!(self.dialect()?, store => store.span().await)
    }

    /// Whether an append would be taken now.
    pub async fn check(&self) -> Result<()> {
        either!(self.dialect()?, store => store.check().await)
    }

    /// What is to be said about the database, and what time it has.
    pub async fn conditions(&self) -> Result<(Vec<Condition>, Option<Millis>)> {
        either!(self.dialect()?, store => store.conditions().await)
    }

    /// Entries with sequences in `after+1..=to`, in order, as handlers need them: at least the first, and no more when their
    /// bodies have reached `bytes`. None is marked as superseded.
    pub async fn page(&self, after: i64, to: i64, bytes: i64) -> Result<Vec<LoggedCallback>> {
        either!(self.dialect()?, store => store.page(after, to, bytes).await)
    }

    /// The first sequence after this one.
    pub async fn next_after(&self, seq: i64) -> Result<Option<i64>> {
        either!(self.dialect()?, store => store.next_after(seq).await)
    }

    /// These entries, in order.
    pub async fn entries(&self, seqs: &[i64]) -> Result<Vec<LoggedCallback>> {
        either!(self.dialect()?, store => store.entries(seqs).await)
    }

    /// Which of these entries are superseded, in order.
    pub async fn superseded(&self, seqs: &[i64]) -> Result<Vec<i64>> {
        either!(self.dialect()?, store => store.superseded(seqs).await)
    }

    /// Which items of these entries are superseded: another entry has a newer value of the tag for the account.
    pub async fn superseded_items(&self, seqs: &[i64]) -> Result<Vec<Place>> {
        either!(self.dialect()?, store => store.superseded_items(seqs).await)
    }

    /// What the items of these entries were before, where the log knows.
    pub async fn previous(&self, seqs: &[i64]) -> Result<Vec<Previous>> {
        either!(self.dialect()?, store => store.previous(seqs).await)
    }

    /// Makes a handler known; one that is known keeps its place.
    pub async fn subscribe(&self, handler: &str, from: Start) -> Result<()> {
        either!(self.dialect()?, store => store.subscribe(handler, from).await)
    }

    /// Takes the handler's lease under a new epoch; none while somebody else has it. The lease's own epoch does not count.
    pub async fn acquire(&self, lease: Lease<'_>) -> Result<Option<Subscription>> {
        either!(self.dialect()?, store => store.acquire(lease).await)
    }

    /// Makes durable what the owner did, and renews the lease; none when it is not the owner any more.
    pub async fn checkpoint(&self, lease: Lease<'_>, to: &Checkpoint) -> Result<Option<Orders>> {
        either!(self.dialect()?, store => store.checkpoint(lease, to).await)
    }

    /// The handler's deliveries that are not dead, in order.
    pub async fn waiting(&self, handler: &str) -> Result<Vec<Waiting>> {
        either!(self.dialect()?, store => store.waiting(handler).await)
    }

    /// Records who does what, durably.
    pub async fn record_access(&self, row: Access<'_>) -> Result<()> {
        either!(self.dialect()?, store => store.record_access(row).await)
    }

    /// Does what an operator wants of a handler, and records who wanted it.
    pub async fn order(&self, handler: &str, order: &Order, by: Operator<'_>) -> Result<Ordered> {
        either!(self.dialect()?, store => store.order(handler, order, by).await)
    }

    /// All handlers ever seen, by name.
    pub async fn handlers(&self) -> Result<Vec<HandlerRow>> {
        either!(self.dialect()?, store => store.handlers().await)
    }

    /// A handler's dead letters after this sequence, in order.
    pub async fn dead_letters(&self, handler: &str, after: i64, limit: u32) -> Result<Vec<DeadLetter>> {
        either!(self.dialect()?, store => store.dead_letters(handler, after, limit).await)
    }
}
