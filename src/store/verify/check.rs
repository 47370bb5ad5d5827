//! Rows against what they say of each other.

use std::ops::RangeInclusive;

use super::Fault;
use super::erasures::Erasures;
use crate::protocol::{body, time};
use crate::store::chain::{self, Hash, Lasting, Personal};
use crate::store::erasure::{Record, remains};
use crate::store::error::MISSHAPEN;
use crate::store::model::{Head, Kind, StoredEntry, StoredItem};
use crate::store::stored::{Misshapen, Stored};

type Entry<'a> = StoredEntry<&'a str, &'a [u8]>;
type Item<'a> = StoredItem<&'a str>;

/// Checks the entries and item rows of one range of sequences. The entry before it comes first, unless that is the `base` after
/// which the log begins.
pub(super) fn rows(
    range: RangeInclusive<i64>,
    stored: &Stored,
    erasures: &Erasures,
    base: &Head,
) -> Result<Vec<Head>, Fault> {
    let (mut entries, mut items) = (stored.entries::<Entry<'_>>(), stored.items::<Item<'_>>().peekable());
    let (low, high) = range.into_inner();
    let (mut previous, mut own, mut heads) = (*base, Vec::new(), Vec::new());
    for seq in (low - 1).max(base.seq + 1)..=high {
        let entry = match entries.next() {
            Some(Ok(entry)) if entry.seq == seq => entry,
            Some(Err(row)) if row.seq == seq => return Err(misshapen(row)),
            _ => return Err(Fault { seq, why: "the entry is missing".to_owned() }),
        };
        own.clear();
        while let Some(item) = items.next_if(|row| row.as_ref().map_or_else(|row| row.seq, |row| row.seq) <= seq) {
            own.push(item.map_err(misshapen)?);
        }
        let chain = if seq < low {
            Hash::try_from(entry.chain).map_err(|_| "its chain has not 32 bytes".to_owned())
        } else {
            check(&previous.chain, &entry, &own, erasures)
        };
        previous = Head { seq, chain: chain.map_err(|why| Fault { seq, why })? };
        if seq >= low {
            heads.push(previous);
        }
    }
    Ok(heads)
}

fn misshapen(row: Misshapen) -> Fault {
    Fault { seq: row.seq, why: MISSHAPEN.to_owned() }
}

fn check(previous: &Hash, entry: &Entry<'_>, items: &[Item<'_>], erasures: &Erasures) -> Result<Hash, String> {
    let personal = Personal {
        salt: entry.salt,
        account: entry.account,
        operator: entry.operator,
        event_time: entry.event_time.map(|t| t.0),
        client_ip: entry.client_ip,
        platform: entry.platform,
        body: entry.body,
    };
    let is_erasure = entry.kind == Kind::Erasure.as_str();
    match erasures.remains_of(entry.seq) {
        Some(_) if is_erasure => return Err("an erasure names it, and it is one itself".to_owned()),
        Some(noted) => check_remains(noted, &personal, items)?,
        None => check_digest(&personal, entry.digest)?,
    }
    let lasting = Lasting {
        seq: entry.seq,
        receipt_id: entry.receipt_id,
        received_at: entry.received_at.0,
        sdk_app_id: entry.sdk_app_id,
        kind: entry.kind,
        auth: entry.auth,
        digest: entry.digest,
    };
    let chain = chain::link(previous, &lasting);
    if chain[..] != *entry.chain {
        return Err("chain does not follow from the entry before it and its own receipt_id, received_at, sdk_app_id, kind, auth and digest"
            .to_owned());
    }
    if entry.effective_time.0 != time::effective(personal.event_time, entry.received_at.0) {
        return Err("effective_time does not follow from event_time and received_at".to_owned());
    }
    match personal.body {
        Some(body) if is_erasure => check_erasure(entry.seq, body, &personal, items)?,
        Some(body) => check_body(body, &personal, items)?,
        None => {}
    }
    Ok(chain)
}

fn check_digest(personal: &Personal<'_>, digest: &[u8]) -> Result<(), String> {
    if chain::digest(personal)[..] == *digest {
        return if personal.body.is_some() { Ok(()) } else { Err("body is null".to_owned()) };
    }
    Err(match personal.body {
        Some(_) => "digest does not match salt, account, operator, event_time, client_ip, platform and body",
        None => "body is null, and no erasure names it",
    }
    .to_owned())
}

fn check_remains(noted: &Hash, personal: &Personal<'_>, items: &[Item<'_>]) -> Result<(), String> {
    if personal.body.is_some() {
        return Err("an erasure names it, and its body is there".to_owned());
    }
    if personal.operator.is_some() || personal.client_ip.is_some() || personal.platform.is_some() {
        return Err("an erasure names it, and operator, client_ip or platform is there".to_owned());
    }
    if (0..).zip(items).any(|(ordinal, item)| item.ordinal != ordinal) {
        return Err("an item row is missing in profile_changes".to_owned());
    }
    let left = items.iter().map(|item| (item.tag, item.value));
    if remains(personal.salt, personal.account, personal.event_time, left) != *noted {
        return Err("salt, account, event_time or the rows in profile_changes are not what its erasure left".to_owned());
    }
    Ok(())
}

fn check_erasure(seq: i64, body: &[u8], personal: &Personal<'_>, items: &[Item<'_>]) -> Result<(), String> {
    Record::of(seq, body)?;
    if *personal != (Personal { salt: personal.salt, body: Some(body), ..Personal::default() }) || !items.is_empty() {
        return Err("an erasure has neither account, operator, event_time, client_ip, platform nor items".to_owned());
    }
    Ok(())
}

fn check_body(body: &[u8], personal: &Personal<'_>, items: &[Item<'_>]) -> Result<(), String> {
    let portrait = body::parse(body).map_err(|e| format!("body cannot be read: {e}"))?;
    if personal.account != Some(&portrait.account)
        || personal.operator != portrait.operator.as_deref()
        || personal.event_time != portrait.event_time
    {
        return Err("account, operator or event_time is not what the body says".to_owned());
    }
    check_items(&portrait.items, items)
}

fn check_items(derived: &[body::Item], stored: &[Item<'_>]) -> Result<(), String> {
    for (at, item) in derived.iter().enumerate() {
        let Some(row) = stored.get(at).filter(|row| usize::try_from(row.ordinal) == Ok(at)) else {
            return Err(format!("item row {at} is missing in profile_changes"));
        };
        if row.tag != item.tag || row.value != Some(&item.value) {
            return Err(format!("item row {at} in profile_changes is not what the body says"));
        }
    }
    match stored.get(derived.len()) {
        Some(extra) => Err(format!("item row {} in profile_changes is not in the body", extra.ordinal)),
        None => Ok(()),
    }
}
