//! Callbacks as the receiver would hand them to the store, made by hand.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use portraitd::protocol::body;
use portraitd::store::chain;
use portraitd::store::model::{Auth, Kind, NewEntry, NewUnreadable, ReceiptId, Recorded};
use portraitd::store::{Store, StoreError};

use super::proof;

/// When everything here is received unless a test says otherwise: 2025-10-09T08:53:20Z.
pub const RECEIVED: i64 = 1_760_000_000_000;

pub const APP: i64 = 1_400_000_000;

pub const NICK: &str = "Tag_Profile_IM_Nick";

/// A callback under construction.
#[derive(Clone)]
pub struct Callback {
    app: i64,
    account: String,
    operator: String,
    event_time: Option<i64>,
    received_at: i64,
    receipt_id: ReceiptId,
    items: Vec<(String, String)>,
    padding: usize,
}

/// A callback of `account`'s own, with an EventTime unlike all others'.
pub fn callback(account: &str) -> Callback {
    let receipt_id = fresh_receipt();
    let count = i64::from_be_bytes(receipt_id[8..].try_into().expect("8 bytes"));
    Callback {
        app: APP,
        account: account.to_owned(),
        operator: account.to_owned(),
        event_time: Some(RECEIVED - 1_000_000 + count),
        received_at: RECEIVED,
        receipt_id,
        items: Vec::new(),
        padding: 0,
    }
}

/// 16 bytes no other receipt of this process has.
pub fn fresh_receipt() -> ReceiptId {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let mut id = [0; 16];
    id[8..].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    id
}

impl Callback {
    pub fn app(mut self, app: i64) -> Self {
        self.app = app;
        self
    }

    pub fn operator(mut self, operator: &str) -> Self {
        operator.clone_into(&mut self.operator);
        self
    }

    /// EventTime.
    pub fn at(mut self, event_time: i64) -> Self {
        self.event_time = Some(event_time);
        self
    }

    pub fn without_event_time(mut self) -> Self {
        self.event_time = None;
        self
    }

    pub fn received(mut self, at: i64) -> Self {
        self.received_at = at;
        self
    }

    /// The same callback, sent and received once more.
    pub fn again(mut self) -> Self {
        self.receipt_id = fresh_receipt();
        self
    }

    /// One ProfileItem; the value is JSON.
    pub fn item(mut self, tag: &str, value: &str) -> Self {
        self.items.push((tag.to_owned(), value.to_owned()));
        self
    }

    pub fn nick(self, nick: &str) -> Self {
        self.item(NICK, &format!("{nick:?}"))
    }

    /// Bytes of a field nobody reads.
    pub fn padded(mut self, bytes: usize) -> Self {
        self.padding = bytes;
        self
    }

    fn body(&self) -> String {
        let items: Vec<String> =
            self.items.iter().map(|(tag, value)| format!(r#"{{"Tag":"{tag}","Value":{value}}}"#)).collect();
        let time = self.event_time.map(|time| format!(r#","EventTime":{time}"#)).unwrap_or_default();
        format!(
            r#"{{"CallbackCommand":"Profile.CallbackPortraitSet","From_Account":"{}","Operator_Account":"{}","ProfileItem":[{}]{time},"Padding":"{}"}}"#,
            self.account,
            self.operator,
            items.join(","),
            "x".repeat(self.padding),
        )
    }

    pub fn build(self) -> NewEntry {
        let body = Bytes::from(self.body());
        let portrait = body::parse(&body).expect("a readable body");
        let mut salt = self.receipt_id;
        salt.reverse();
        NewEntry {
            receipt_id: self.receipt_id,
            received_at: self.received_at,
            sdk_app_id: self.app,
            kind: Kind::Callback,
            auth: Auth::Sign,
            digest: proof::hash(&[
                Some(&salt),
                Some(portrait.account.as_bytes()),
                portrait.operator.as_deref().map(str::as_bytes),
                portrait.event_time.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice),
                Some(b"127.0.0.1"),
                Some(b"RESTAPI"),
                Some(&body),
            ]),
            dedupe: chain::dedupe_key(self.app, &body, portrait.event_time, self.received_at, self.receipt_id),
            account: Some(portrait.account),
            operator: portrait.operator,
            event_time: portrait.event_time,
            client_ip: Some("127.0.0.1".to_owned()),
            platform: Some("RESTAPI".to_owned()),
            items: portrait.items,
            salt,
            body,
        }
    }
}

/// `count` callbacks of accounts `id0`, `id1`, …, each with a nickname.
pub fn callbacks(count: usize) -> Vec<NewEntry> {
    (0..count).map(|n| callback(&format!("id{n}")).nick(&format!("nick {n}")).build()).collect()
}

/// A body nobody can read.
pub fn unreadable(body: &str) -> NewUnreadable {
    NewUnreadable {
        receipt_id: fresh_receipt(),
        received_at: RECEIVED,
        sdk_app_id: Some(APP),
        command: Some("Profile.CallbackPortraitSet".to_owned()),
        reason: "the body is not JSON".to_owned(),
        auth: Auth::Sign,
        client_ip: None,
        platform: None,
        body: Bytes::from(body.to_owned()),
    }
}

/// Appends in one batch.
pub async fn append(store: &Store, entries: &[NewEntry]) -> Vec<Recorded> {
    try_append(store, entries).await.expect("the append is taken")
}

/// Appends in one batch, and what the store says.
pub async fn try_append(store: &Store, entries: &[NewEntry]) -> Result<Vec<Recorded>, StoreError> {
    store.append(&entries.iter().collect::<Vec<_>>()).await
}
