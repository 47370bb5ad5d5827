//! An entry as JSON: everything that its digest and its chain cover, so that both can be computed from it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use crate::protocol::time::rfc3339;
use crate::store::{self, StoredEntry, StoredItem};

/// What the chain covers, and the chain. Nobody's data.
#[derive(Debug, Serialize)]
pub struct Link {
    seq: i64,
    receipt_id: String,
    received_at: String,
    received_at_ms: i64,
    sdk_app_id: i64,
    kind: String,
    auth: String,
    digest: String,
    chain: String,
}

impl From<store::Link> for Link {
    fn from(link: store::Link) -> Self {
        Link {
            seq: link.seq,
            receipt_id: hex::encode(link.receipt_id),
            received_at: rfc3339(link.received_at.0),
            received_at_ms: link.received_at.0,
            sdk_app_id: link.sdk_app_id,
            kind: link.kind,
            auth: link.auth,
            digest: hex::encode(link.digest),
            chain: hex::encode(link.chain),
        }
    }
}

/// The same with what the digest covers and the item rows, which are null once erased.
#[derive(Debug, Serialize)]
pub struct Entry {
    #[serde(flatten)]
    link: Link,
    salt: Option<String>,
    account: Option<String>,
    operator: Option<String>,
    event_time: Option<String>,
    event_time_ms: Option<i64>,
    client_ip: Option<String>,
    platform: Option<String>,
    body_base64: Option<String>,
    /// Ordinal, tag, and the value's JSON as text.
    items: Vec<(i32, String, Option<String>)>,
}

impl Entry {
    /// `items`: those of this entry, in order.
    pub fn new(entry: StoredEntry, items: &[StoredItem]) -> Self {
        Entry {
            link: Link {
                seq: entry.seq,
                receipt_id: hex::encode(entry.receipt_id),
                received_at: rfc3339(entry.received_at.0),
                received_at_ms: entry.received_at.0,
                sdk_app_id: entry.sdk_app_id,
                kind: entry.kind,
                auth: entry.auth,
                digest: hex::encode(entry.digest),
                chain: hex::encode(entry.chain),
            },
            salt: entry.salt.map(hex::encode),
            account: entry.account,
            operator: entry.operator,
            event_time: entry.event_time.map(|time| rfc3339(time.0)),
            event_time_ms: entry.event_time.map(|time| time.0),
            client_ip: entry.client_ip,
            platform: entry.platform,
            body_base64: entry.body.map(|body| BASE64_STANDARD.encode(body)),
            items: items.iter().map(|item| (item.ordinal, item.tag.clone(), item.value.clone())).collect(),
        }
    }
}
