//! The receipt: when a request arrived and the 16 bytes that name it from then on.

use bytes::Bytes;
use rand::Rng;

use crate::protocol::body::Portrait;
use crate::protocol::query::Query;
use crate::protocol::time::Millis;
use crate::store::chain::{self, Personal};
use crate::store::model::{Auth, Kind, NewEntry, NewUnreadable, ReceiptId};

/// One request's arrival.
#[derive(Debug, Clone, Copy)]
pub(super) struct Receipt {
    pub at: Millis,
    id: ReceiptId,
}

impl Receipt {
    /// Time in the first six bytes, so that ids sort by arrival, then ten random ones.
    pub fn new(at: Millis) -> Self {
        let mut id = [0; 16];
        rand::rng().fill_bytes(&mut id);
        id[..6].copy_from_slice(&at.to_be_bytes()[2..]);
        Receipt { at, id }
    }

    pub fn hex(&self) -> String {
        hex::encode(self.id)
    }

    pub fn entry(
        self,
        app: i64,
        auth: Auth,
        portrait: Portrait,
        client_ip: Option<String>,
        platform: Option<String>,
        body: Bytes,
    ) -> NewEntry {
        let mut salt = [0; 16];
        rand::rng().fill_bytes(&mut salt);
        let digest = chain::digest(&Personal {
            salt: Some(&salt),
            account: Some(&portrait.account),
            operator: portrait.operator.as_deref(),
            event_time: portrait.event_time,
            client_ip: client_ip.as_deref(),
            platform: platform.as_deref(),
            body: Some(&body),
        });
        let dedupe = chain::dedupe_key(app, &body, portrait.event_time, self.at, self.id);
        NewEntry {
            receipt_id: self.id,
            received_at: self.at,
            sdk_app_id: app,
            kind: Kind::Callback,
            auth,
            account: portrait.account,
            operator: portrait.operator,
            event_time: portrait.event_time,
            client_ip,
            platform,
            body,
            items: portrait.items,
            salt,
            digest,
            dedupe,
        }
    }

    pub fn unreadable(
        self,
        app: Option<i64>,
        auth: Auth,
        reason: String,
        query: &Query<'_>,
        body: Bytes,
    ) -> NewUnreadable {
        NewUnreadable {
            receipt_id: self.id,
            received_at: self.at,
            sdk_app_id: app,
            command: query.command.once().and_then(crate::protocol::query::claim),
            reason,
            auth,
            client_ip: query.client_ip.clone(),
            platform: query.platform.clone(),
            body,
        }
    }
}
