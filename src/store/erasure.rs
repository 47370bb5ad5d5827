//! Erasures: what an entry of kind `erasure` says, and what is left of the entries it names. `docs/proof.md` says the same.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::chain::{self, Hash, Personal};
use super::model::{Auth, DedupeKey, Kind, NewEntry, ReceiptId, Recorded, StoredItem};
use super::rows::ErasureRow;
use super::stamp::Stamp;
use super::{Store, StoreError};
use crate::protocol::time::Millis;

/// Whose data is erased.
#[derive(Debug, Clone)]
pub struct Whom {
    /// SDKAppID.
    pub app: i64,
    /// From_Account of entries that are erased whole.
    pub account: String,
    /// Also erase, from entries of others, what this account left there as their operator.
    pub as_operator: bool,
}

/// The entries that an entry of kind `erasure` names; none where it cannot be read.
pub fn named(entry: &ErasureRow) -> Vec<i64> {
    let record = entry.body.as_deref().and_then(|body| Record::of(entry.seq, body).ok());
    record.map_or_else(Vec::new, |record| record.erased.iter().map(|named| named.seq).collect())
}

/// Erases all there is of a person, step by step. After each step it rests longer than that took: every page of the log that is
/// touched is written whole, and appends wait for the same disk.
pub async fn run(
    store: &Store,
    whom: &Whom,
    now: impl Fn() -> Millis,
    mut tell: impl FnMut(Erased),
) -> Result<u64, StoreError> {
    let mut entries = 0;
    loop {
        let begun = Instant::now();
        let erased = store.erase(whom, now()).await?;
        if erased.entries == 0 {
            return Ok(entries);
        }
        entries += erased.entries;
        tell(Erased { entries, ..erased });
        tokio::time::sleep(begun.elapsed() * REST).await;
    }
}

/// Times as long as a step.
const REST: u32 = 3;

/// How far an erasure has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Erased {
    /// Entries that were erased.
    pub entries: u64,
    /// The entry that says so.
    pub recorded_as: Option<i64>,
}

/// The body of an entry of kind `erasure`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub erased: Vec<Named>,
}

/// An entry that was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub seq: i64,
    /// [`remains`] of it, in hex.
    #[serde(with = "hex::serde")]
    pub remains: Hash,
}

impl Record {
    /// What the body of entry `seq` says.
    pub fn of(seq: i64, body: &[u8]) -> Result<Self, String> {
        let record: Record = serde_json::from_slice(body).map_err(|error| format!("not an erasure's body: {error}"))?;
        match record.erased.iter().find(|named| !(1..seq).contains(&named.seq)) {
            Some(named) => Err(format!("an erasure cannot name entry {}, which does not come before it", named.seq)),
            None => Ok(record),
        }
    }

    fn body(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn entry(&self, app: i64, now: Millis) -> NewEntry {
        let (body, salt, receipt_id) = (self.body(), rand::random::<[u8; 16]>(), rand::random());
        let personal = Personal { salt: Some(&salt), body: Some(&body), ..Personal::default() };
        NewEntry {
            receipt_id,
            received_at: now,
            sdk_app_id: app,
            kind: Kind::Erasure,
            auth: Auth::None,
            account: None,
            operator: None,
            event_time: None,
            client_ip: None,
            platform: None,
            digest: chain::digest(&personal),
            dedupe: chain::dedupe_key(app, &body, None, now, receipt_id),
            body: body.into(),
            items: Vec::new(),
            salt,
        }
    }
}

/// SHA-256 over what an erasure leaves of an entry besides what the chain covers: salt, account, event_time, and tag and value of
/// each item.
pub(super) fn remains<'a>(
    salt: Option<&[u8]>,
    account: Option<&str>,
    event_time: Option<Millis>,
    items: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) -> Hash {
    let event_time = event_time.map(i64::to_be_bytes);
    let mut fields = vec![salt, account.map(str::as_bytes), event_time.as_ref().map(<[u8; 8]>::as_slice)];
    for (tag, value) in items {
        fields.extend([Some(tag.as_bytes()), value.map(str::as_bytes)]);
    }
    chain::of(&fields)
}

/// An entry that has something to erase.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Erasable {
    pub seq: i64,
    pub received_at: Stamp,
    pub event_time: Option<Stamp>,
    pub sdk_app_id: i64,
    pub receipt_id: Vec<u8>,
    pub account: Option<String>,
    pub body: Option<Vec<u8>>,
}

/// What one transaction erases, as columns.
pub(super) struct Batch {
    pub seqs: Vec<i64>,
    /// New ones for entries that keep something.
    pub salts: Vec<Option<[u8; 16]>>,
    /// All of the entry, not only what its operator left in it.
    pub wholes: Vec<bool>,
    pub keys: Vec<DedupeKey>,
    /// The entry that names them.
    pub record: NewEntry,
}

impl Batch {
    /// `items`: those of all the entries, in order.
    pub fn new(whom: &Whom, now: Millis, entries: &[Erasable], items: &[StoredItem]) -> Self {
        let (mut seqs, mut salts, mut wholes, mut keys, mut erased) = (vec![], vec![], vec![], vec![], vec![]);
        for entry in entries {
            let whole = entry.account.as_deref() == Some(&whom.account);
            let salt = (!whole).then(rand::random::<[u8; 16]>);
            let event_time = entry.event_time.map(|time| time.0);
            let own = items.iter().filter(|item| item.seq == entry.seq);
            let left = own.map(|item| (item.tag.as_str(), item.value.as_deref().filter(|_| !whole)));
            let account = entry.account.as_deref().filter(|_| !whole);
            let remains = remains(salt.as_ref().map(<[u8; 16]>::as_slice), account, event_time, left);
            erased.push(Named { seq: entry.seq, remains });
            let receipt = ReceiptId::try_from(&entry.receipt_id[..]);
            if let (Some(body), Ok(receipt)) = (&entry.body, receipt) {
                keys.push(chain::dedupe_key(entry.sdk_app_id, body, event_time, entry.received_at.0, receipt));
            }
            seqs.push(entry.seq);
            salts.push(salt);
            wholes.push(whole);
        }
        Batch { seqs, salts, wholes, keys, record: Record { erased }.entry(whom.app, now) }
    }

    /// What was done, the record having been appended.
    pub fn erased(&self, recorded: &[Recorded]) -> Erased {
        Erased { entries: self.seqs.len() as u64, recorded_as: recorded.iter().find_map(Recorded::seq) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_what_it_was_made_of_and_names_only_what_came_before_it() {
        let record = Record { erased: vec![Named { seq: 5, remains: [0xab; 32] }] };
        let body = record.body();
        assert_eq!(
            String::from_utf8_lossy(&body),
            format!(r#"{{"erased":[{{"seq":5,"remains":"{}"}}]}}"#, "ab".repeat(32))
        );
        assert_eq!(Record::of(6, &body), Ok(record));
        for (seq, body) in [(5, &body[..]), (9, br#"{"erased":[{"seq":0,"remains":""}]}"#), (9, b"{}"), (9, b"")] {
            assert!(Record::of(seq, body).is_err());
        }
    }

    /// Computed by an independent program; docs/proof.md shows it.
    #[test]
    fn what_remains_matches_the_vector_of_the_documentation() {
        let items = [("Tag_Profile_IM_Nick", None), ("Tag_Profile_IM_Gender", None)];
        assert_eq!(hex::encode(remains(None, None, Some(1_656_921_052_497), items.into_iter())), VECTOR);
    }

    const VECTOR: &str = "c25b43e9c53c51feb65767f51c9739ae7fe5e8990c10e47345846fcc455042fd";
}
