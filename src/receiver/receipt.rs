//! The receipt: when a request arrived and the 16 bytes that name it from then on.

use bytes::Bytes;
use rand::Rng;

use crate::protocol::query::Query;
use crate::protocol::time::Millis;
use crate::store::model::{Arrival, Auth, NewUnreadable, ReceiptId};

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

    /// A callback that arrived with this receipt, and the salt of its digest.
    pub fn arrival(self, app: i64, auth: Auth, query: Query<'_>, body: Bytes) -> Arrival {
        let mut salt = [0; 16];
        rand::rng().fill_bytes(&mut salt);
        Arrival {
            receipt_id: self.id,
            received_at: self.at,
            salt,
            sdk_app_id: app,
            auth,
            client_ip: query.client_ip,
            platform: query.platform,
            body,
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
