//! The log, read once for all handlers: blocks of entries that whoever is near shares.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::change::ProfileChange;
use super::newest::Newest;
use crate::clock::Clock;
use crate::protocol::time;
use crate::stop::Stop;
use crate::store::rows::LoggedCallback;
use crate::store::{Store, StoreError};

/// Entries in a block.
const BLOCK: i64 = 256;
/// Bytes of bodies in a block.
const BYTES: usize = 2 << 20;
/// Blocks that are kept.
const KEPT: usize = 8;
/// How often the log's end is looked up: while it moves, and while it does not.
const BUSY: Duration = Duration::from_millis(25);
const IDLE: Duration = Duration::from_millis(250);
const CALM: Duration = Duration::from_secs(10);
/// News of the log's end are no closer than this, so that what arrives one by one is read together.
const PACE: Duration = Duration::from_millis(20);

pub(super) struct Feed {
    store: Arc<Store>,
    clock: Clock,
    newest: Mutex<Newest>,
    head: watch::Sender<i64>,
    blocks: Mutex<VecDeque<(i64, Arc<tokio::sync::Mutex<Block>>)>>,
}

/// Entries `from + 1 ..= to` of a block's range.
struct Block {
    from: i64,
    to: i64,
    bytes: usize,
    changes: Vec<Arc<ProfileChange>>,
}

/// What follows a place in the log.
pub(super) struct Page {
    pub changes: Vec<Arc<ProfileChange>>,
    /// The entry it goes up to. Those in between that are not there hold nothing for handlers.
    pub to: i64,
}

impl Feed {
    pub fn new(store: Arc<Store>, clock: Clock) -> Self {
        Feed { store, clock, newest: Mutex::new(Newest::new()), head: watch::Sender::new(0), blocks: Mutex::default() }
    }

    /// Where the log ends.
    pub fn head(&self) -> watch::Receiver<i64> {
        self.head.subscribe()
    }

    /// Keeps an eye on the log's end. What this process writes is told at once; what others write is looked up.
    pub async fn follow(&self, stop: Stop) {
        let mut written = self.store.appended();
        let (mut moved, mut looked) = (Instant::now(), Instant::now());
        loop {
            let pause = if moved.elapsed() < CALM { BUSY } else { IDLE };
            let next_look = looked + pause;
            let head = tokio::select! {
                Ok(()) = written.changed() => *written.borrow_and_update(),
                () = tokio::time::sleep_until(next_look.into()) => {
                    looked = Instant::now();
                    match self.store.head().await {
                        Ok(head) => head.seq,
                        Err(_) => continue,
                    }
                }
                () = stop.ending() => return,
            };
            if self.head.send_if_modified(|known| std::mem::replace(known, head.max(*known)) < head) {
                (moved, looked) = (Instant::now(), Instant::now());
                tokio::select! {
                    () = tokio::time::sleep(PACE) => {}
                    () = stop.ending() => return,
                }
            }
        }
    }

    /// What follows this entry, as far as its block goes and a page may be large.
    pub async fn after(&self, seq: i64) -> Result<Page, StoreError> {
        let number = seq / BLOCK;
        let (block, end) = (self.block(number, seq), (number + 1) * BLOCK);
        let mut block = block.lock().await;
        if seq < block.from {
            let to = block.from;
            drop(block);
            let (changes, to) = self.read(seq, to).await?;
            return Ok(Page { changes, to });
        }
        if block.to <= seq {
            let (changes, to) = self.read(seq, end).await?;
            let bytes: usize = changes.iter().map(|change| change.body.len()).sum();
            if block.to < seq || block.bytes + bytes > BYTES {
                *block = Block { from: seq, to: seq, bytes: 0, changes: Vec::new() };
            }
            block.bytes += bytes;
            block.to = to.max(seq);
            block.changes.extend(changes);
        }
        let first = block.changes.partition_point(|change| change.seq <= seq);
        Ok(Page { changes: block.changes[first..].to_vec(), to: block.to })
    }

    async fn read(&self, after: i64, to: i64) -> Result<(Vec<Arc<ProfileChange>>, i64), StoreError> {
        let end = *self.head.borrow();
        let mut rows = self.store.page(after, to, i64::try_from(BYTES).unwrap_or(i64::MAX)).await?;
        let Some(last) = rows.last().map(|row| row.seq) else {
            // Old entries may have been dropped.
            let next = self.store.next_after(after).await?;
            return Ok((Vec::new(), next.map_or(after, |next| next - 1)));
        };
        self.mark_superseded(after, &mut rows, last >= end).await?;
        Ok((rows.into_iter().filter_map(ProfileChange::logged).map(Arc::new).collect(), last))
    }

    async fn mark_superseded(
        &self,
        after: i64,
        rows: &mut [LoggedCallback],
        at_the_end: bool,
    ) -> Result<(), StoreError> {
        let unclear: Vec<i64> = {
            let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
            newest.remember(after, rows, time::latest_effective(self.clock.now()));
            let unclear = rows.iter_mut().filter_map(|row| {
                match newest.is_superseded(row).filter(|superseded| *superseded || at_the_end) {
                    Some(superseded) => row.superseded = superseded,
                    None => return Some(row.seq),
                }
                None
            });
            unclear.collect()
        };
        if !unclear.is_empty() {
            let superseded = self.store.superseded(&unclear).await?;
            rows.iter_mut().for_each(|row| row.superseded |= superseded.binary_search(&row.seq).is_ok());
        }
        Ok(())
    }

    fn block(&self, number: i64, seq: i64) -> Arc<tokio::sync::Mutex<Block>> {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, block)) = blocks.iter().find(|(at, _)| *at == number) {
            return block.clone();
        }
        if blocks.len() == KEPT {
            blocks.pop_front();
        }
        let block = Arc::new(tokio::sync::Mutex::new(Block { from: seq, to: seq, bytes: 0, changes: Vec::new() }));
        blocks.push_back((number, block.clone()));
        block
    }
}
