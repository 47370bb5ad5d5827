//! Verification: recompute every digest and the chain, derive item rows and effective times again, compare.
//!
//! Works on rows as stored and knows no SQL. The first row that does not hold is named.

use super::chain::{self, Hash, Lasting, Personal};
use super::model::{GENESIS, Head, StoredEntry, StoredItem};
use super::{Store, StoreError};
use crate::protocol::{body, time};

/// Entries read at a time: few enough that the largest bodies fit into memory together.
const CHUNK: i64 = 256;

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
    /// Everything up to this head holds.
    Holds(Head),
    /// Nothing at or after this entry can be relied on.
    Broken(Fault),
}

/// Verifies the whole log as it is now; `progress` is told how many entries of how many are done.
pub async fn run(store: &Store, mut progress: impl FnMut(u64, u64)) -> Result<Verdict, StoreError> {
    let mut verifier = Verifier { head: GENESIS };
    let Some((first, last)) = store.span().await? else { return Ok(Verdict::Holds(GENESIS)) };
    if first < 1 {
        return Ok(Verdict::Broken(Fault { seq: first, why: "sequences begin at 1".to_owned() }));
    }
    let total = u64::try_from(last).unwrap_or(0);
    let mut from = 1;
    while from <= last {
        let to = last.min(from + CHUNK - 1);
        let (entries, items) = store.stored(from, to).await?;
        if let Err(fault) = verifier.check(from..=to, &entries, &items) {
            return Ok(Verdict::Broken(fault));
        }
        progress(u64::try_from(to).unwrap_or(0), total);
        from = to + 1;
    }
    Ok(Verdict::Holds(verifier.head))
}

struct Verifier {
    head: Head,
}

impl Verifier {
    /// Checks the entries and item rows of one range of sequences.
    fn check(
        &mut self,
        range: std::ops::RangeInclusive<i64>,
        entries: &[StoredEntry],
        mut items: &[StoredItem],
    ) -> Result<(), Fault> {
        let mut entries = entries.iter();
        for seq in range {
            let fault = |why: String| Fault { seq, why };
            let entry = entries
                .as_slice()
                .first()
                .filter(|entry| entry.seq == seq)
                .ok_or_else(|| fault("the entry is missing".to_owned()))?;
            entries.next();
            let own = items.iter().take_while(|item| item.seq == seq).count();
            let (mine, rest) = items.split_at(own);
            items = rest;
            let chain = check_entry(&self.head.chain, entry, mine).map_err(fault)?;
            self.head = Head { seq, chain };
        }
        Ok(())
    }
}

fn check_entry(previous: &Hash, entry: &StoredEntry, items: &[StoredItem]) -> Result<Hash, String> {
    let personal = Personal {
        salt: entry.salt.as_deref(),
        account: entry.account.as_deref(),
        operator: entry.operator.as_deref(),
        event_time: entry.event_time.map(|t| t.0),
        client_ip: entry.client_ip.as_deref(),
        platform: entry.platform.as_deref(),
        body: entry.body.as_deref(),
    };
    if chain::digest(&personal)[..] != entry.digest[..] {
        return Err(
            "digest does not match salt, account, operator, event_time, client_ip, platform and body".to_owned()
        );
    }
    let lasting = Lasting {
        seq: entry.seq,
        receipt_id: &entry.receipt_id,
        received_at: entry.received_at.0,
        sdk_app_id: entry.sdk_app_id,
        kind: &entry.kind,
        auth: &entry.auth,
        digest: &entry.digest,
    };
    let chain = chain::link(previous, &lasting);
    if chain[..] != entry.chain[..] {
        return Err("chain does not follow from the entry before it and its own receipt_id, received_at, sdk_app_id, kind, auth and digest"
            .to_owned());
    }
    if entry.effective_time.0 != time::effective(personal.event_time, entry.received_at.0) {
        return Err("effective_time does not follow from event_time and received_at".to_owned());
    }
    let body = entry.body.as_deref().ok_or("body is null")?;
    let portrait = body::parse(body).map_err(|e| format!("body cannot be read: {e}"))?;
    if personal.account != Some(&portrait.account)
        || personal.operator != portrait.operator.as_deref()
        || personal.event_time != portrait.event_time
    {
        return Err("account, operator or event_time is not what the body says".to_owned());
    }
    check_items(&portrait.items, items)?;
    Ok(chain)
}

fn check_items(derived: &[body::Item], stored: &[StoredItem]) -> Result<(), String> {
    for (at, item) in derived.iter().enumerate() {
        let Some(row) = stored.get(at).filter(|row| usize::try_from(row.ordinal) == Ok(at)) else {
            return Err(format!("item row {at} is missing in profile_changes"));
        };
        if row.tag != item.tag || row.value != item.value {
            return Err(format!("item row {at} in profile_changes is not what the body says"));
        }
    }
    match stored.get(derived.len()) {
        Some(extra) => Err(format!("item row {} in profile_changes is not in the body", extra.ordinal)),
        None => Ok(()),
    }
}
