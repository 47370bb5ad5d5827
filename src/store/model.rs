//! What goes into the log; what comes out of it is in `rows`.

use std::str::FromStr;

use bytes::Bytes;

use super::StoreError;
use super::chain::{self, Personal};
pub use super::rows::{Change, Link, StoredEntry, StoredItem, UnreadableRow};
use crate::protocol::body::{Item, Portrait};
use crate::protocol::command;
use crate::protocol::time::{self, Millis};

/// 16 bytes made at receipt; the idempotency key everywhere.
pub type ReceiptId = [u8; 16];

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Sent by the vendor.
    Callback,
    /// What the vendor said when it was asked; the log did not know any value before.
    Baseline,
    /// What the vendor said when it was asked; the log said something else.
    Reconcile,
    /// Names entries whose person was erased.
    Erasure,
}

impl Kind {
    /// As stored and as chained.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Callback => "callback",
            Kind::Baseline => "baseline",
            Kind::Reconcile => "reconcile",
            Kind::Erasure => "erasure",
        }
    }
}

/// What a kind may be, for people.
pub const KINDS: &str = "callback, baseline, reconcile or erasure";

impl FromStr for Kind {
    type Err = NotAKind;

    fn from_str(text: &str) -> Result<Self, NotAKind> {
        let all = [Kind::Callback, Kind::Baseline, Kind::Reconcile, Kind::Erasure];
        all.into_iter().find(|kind| kind.as_str() == text).ok_or(NotAKind)
    }
}

/// There is no such kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {KINDS}")]
pub struct NotAKind;

/// How the sender was authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// The Sign was verified.
    Sign,
    /// The app has no token.
    None,
    /// The Sign is right, its time is not. Never recorded, only kept as unreadable.
    Stale,
}

impl Auth {
    /// As stored and as chained.
    pub fn as_str(self) -> &'static str {
        match self {
            Auth::Sign => "sign",
            Auth::None => "none",
            Auth::Stale => "stale",
        }
    }

    /// The one of that name.
    pub fn named(name: &[u8]) -> Option<Self> {
        [Auth::Sign, Auth::None, Auth::Stale].into_iter().find(|auth| auth.as_str().as_bytes() == name)
    }
}

/// An entry's own fields, before it has a place in the log. The digest covers what erasing a person removes.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct NewEntry {
    pub receipt_id: ReceiptId,
    pub received_at: Millis,
    pub sdk_app_id: i64,
    pub kind: Kind,
    pub auth: Auth,
    /// None of an erasure.
    pub account: Option<String>,
    pub operator: Option<String>,
    pub event_time: Option<Millis>,
    pub client_ip: Option<String>,
    pub platform: Option<String>,
    pub body: Bytes,
    pub items: Vec<Item>,
    pub salt: [u8; 16],
    pub digest: chain::Hash,
    pub dedupe: DedupeKey,
}

/// How a callback arrived: what is known of it besides what its body says.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Arrival {
    pub receipt_id: ReceiptId,
    pub received_at: Millis,
    pub salt: [u8; 16],
    pub sdk_app_id: i64,
    pub auth: Auth,
    pub client_ip: Option<String>,
    pub platform: Option<String>,
    pub body: Bytes,
}

impl Arrival {
    /// The entry it becomes, `portrait` being what its body says.
    pub fn entry(self, portrait: Portrait) -> NewEntry {
        let digest = chain::digest(&Personal {
            salt: Some(&self.salt),
            account: Some(&portrait.account),
            operator: portrait.operator.as_deref(),
            event_time: portrait.event_time,
            client_ip: self.client_ip.as_deref(),
            platform: self.platform.as_deref(),
            body: Some(&self.body),
        });
        let dedupe =
            chain::dedupe_key(self.sdk_app_id, &self.body, portrait.event_time, self.received_at, self.receipt_id);
        NewEntry {
            receipt_id: self.receipt_id,
            received_at: self.received_at,
            sdk_app_id: self.sdk_app_id,
            kind: Kind::Callback,
            auth: self.auth,
            account: Some(portrait.account),
            operator: portrait.operator,
            event_time: portrait.event_time,
            client_ip: self.client_ip,
            platform: self.platform,
            body: self.body,
            items: portrait.items,
            salt: self.salt,
            digest,
            dedupe,
        }
    }
}

impl NewEntry {
    /// What is kept of it when the database refuses its data.
    pub fn unreadable(self, reason: String) -> NewUnreadable {
        NewUnreadable {
            receipt_id: self.receipt_id,
            received_at: self.received_at,
            sdk_app_id: Some(self.sdk_app_id),
            command: Some(command::PORTRAIT_SET.to_owned()),
            reason,
            auth: self.auth,
            client_ip: self.client_ip,
            platform: self.platform,
            body: self.body,
        }
    }

    /// When the change took effect.
    pub fn effective_time(&self) -> Millis {
        time::effective(self.event_time, self.received_at)
    }

    /// Bytes it occupies in a batch, roughly.
    pub fn size(&self) -> usize {
        self.body.len() * 2 + self.account.as_ref().map_or(0, String::len) + 256
    }
}

/// What makes two callbacks the same callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DedupeKey {
    /// EventTime, or the time of receipt when there is none.
    pub time: Millis,
    /// Part of the hash of app and body, or the receipt id when there is no EventTime.
    pub key: [u8; 16],
}

/// What became of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is in the log now, under this sequence.
    New(i64),
    /// It was in the log already.
    Known,
}

impl Recorded {
    /// Its sequence, when it is new.
    pub fn seq(&self) -> Option<i64> {
        if let Recorded::New(seq) = self { Some(*seq) } else { None }
    }
}

/// The newest entry. An empty log's head is sequence 0 and 32 zero bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Sequence of the newest entry.
    pub seq: i64,
    /// Its chain.
    pub chain: chain::Hash,
}

impl Head {
    /// The head as the database holds it.
    pub(super) fn stored(seq: i64, chain: Vec<u8>) -> Result<Self, StoreError> {
        match chain.try_into() {
            Ok(chain) => Ok(Head { seq, chain }),
            Err(_) => {
                Err(StoreError::Unsuitable(format!("the chain of entry {seq} has not 32 bytes; see portraitd verify")))
            }
        }
    }
}

/// Where every log begins.
pub const GENESIS: Head = Head { seq: 0, chain: [0; 32] };

/// An authentic body that could not be recorded.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct NewUnreadable {
    pub receipt_id: ReceiptId,
    pub received_at: Millis,
    pub sdk_app_id: Option<i64>,
    pub command: Option<String>,
    pub reason: String,
    pub auth: Auth,
    pub client_ip: Option<String>,
    pub platform: Option<String>,
    pub body: Bytes,
}

impl NewUnreadable {
    /// What makes it the same as one kept before.
    pub fn hash(&self) -> chain::Hash {
        let app = self.sdk_app_id.map(i64::to_be_bytes);
        chain::of(&[app.as_ref().map(<[u8; 8]>::as_slice), Some(self.reason.as_bytes()), Some(&self.body)])
    }
}
