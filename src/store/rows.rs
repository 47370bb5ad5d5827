//! What comes out of the log: rows as they are stored, and a change as everything that shows changes shows it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::ser::{Error as _, SerializeStruct};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::query::Place;
use super::stamp::Stamp;
use crate::protocol::time;

/// One kept body, as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs)]
pub struct UnreadableRow {
    pub id: i64,
    pub first_at: Stamp,
    pub last_at: Stamp,
    pub times: i64,
    pub sdk_app_id: Option<i64>,
    pub command: Option<String>,
    pub reason: String,
    pub auth: String,
    pub client_ip: Option<String>,
    pub platform: Option<String>,
    pub body: Vec<u8>,
}

/// A row of `callbacks`, as stored; times in milliseconds. Its text and bytes are its own, unless they are borrowed.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct StoredEntry<Text = String, Blob = Vec<u8>> {
    pub seq: i64,
    pub received_at: Stamp,
    pub event_time: Option<Stamp>,
    pub effective_time: Stamp,
    pub sdk_app_id: i64,
    pub kind: Text,
    pub auth: Text,
    pub account: Option<Text>,
    pub operator: Option<Text>,
    pub client_ip: Option<Text>,
    pub platform: Option<Text>,
    pub receipt_id: Blob,
    pub salt: Option<Blob>,
    pub digest: Blob,
    pub chain: Blob,
    pub body: Option<Blob>,
}

/// Of an entry of kind `erasure`, what its digest covers, and the digest.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs)]
pub struct ErasureRow {
    pub seq: i64,
    pub salt: Option<Vec<u8>>,
    pub digest: Vec<u8>,
    pub body: Option<Vec<u8>>,
}

/// What the chain covers of an entry, as stored, and its chain. Nobody's data.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[allow(missing_docs)]
pub struct Link {
    pub seq: i64,
    pub receipt_id: Vec<u8>,
    pub received_at: Stamp,
    pub sdk_app_id: i64,
    pub kind: String,
    pub auth: String,
    pub digest: Vec<u8>,
    pub chain: Vec<u8>,
}

/// A row of `profile_changes`, as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[allow(missing_docs)]
pub struct StoredItem<Text = String> {
    pub seq: i64,
    pub ordinal: i32,
    pub tag: Text,
    /// None once erased.
    pub value: Option<Text>,
}

/// An entry as handlers need it.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs)]
pub struct LoggedCallback {
    pub seq: i64,
    pub receipt_id: Vec<u8>,
    pub received_at: Stamp,
    pub event_time: Option<Stamp>,
    pub effective_time: Stamp,
    pub sdk_app_id: i64,
    pub kind: String,
    pub auth: String,
    /// None once erased; so are `operator`, `client_ip`, `platform` and `body`.
    pub account: Option<String>,
    pub operator: Option<String>,
    pub client_ip: Option<String>,
    pub platform: Option<String>,
    pub body: Option<Vec<u8>>,
    /// Whether the log knows a newer one for the account, where that was looked up.
    #[sqlx(default)]
    pub superseded: bool,
}

/// The value an item had before.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs)]
pub struct Previous {
    pub seq: i64,
    pub ordinal: i32,
    /// None where the log knows none.
    pub old: Option<String>,
}

/// One change, as everything that shows changes shows it.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs)]
pub struct Change {
    pub seq: i64,
    pub ordinal: i32,
    pub app: i64,
    pub account: Option<String>,
    pub operator: Option<String>,
    pub tag: String,
    pub old: Option<String>,
    /// None once erased.
    pub new: Option<String>,
    pub event_time: Option<Stamp>,
    pub effective_time: Stamp,
    pub received_at: Stamp,
    pub platform: Option<String>,
    pub client_ip: Option<String>,
    pub auth: String,
    pub kind: String,
}

impl Change {
    /// Where in the log it is.
    pub fn place(&self) -> Place {
        Place { seq: self.seq, ordinal: self.ordinal }
    }
}

impl Serialize for UnreadableRow {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut out = to.serialize_struct("UnreadableRow", 11)?;
        out.serialize_field("id", &self.id)?;
        out.serialize_field("first_at", &time::rfc3339(self.first_at.0))?;
        out.serialize_field("last_at", &time::rfc3339(self.last_at.0))?;
        out.serialize_field("times", &self.times)?;
        out.serialize_field("app", &self.sdk_app_id)?;
        out.serialize_field("command", &self.command)?;
        out.serialize_field("reason", &self.reason)?;
        out.serialize_field("auth", &self.auth)?;
        out.serialize_field("client_ip", &self.client_ip)?;
        out.serialize_field("platform", &self.platform)?;
        match std::str::from_utf8(&self.body) {
            Ok(text) => out.serialize_field("body", text)?,
            Err(_) => out.serialize_field("body_base64", &BASE64_STANDARD.encode(&self.body))?,
        }
        out.end()
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let raw = |json: &str| RawValue::from_string(json.to_owned()).map_err(S::Error::custom);
        let mut out = to.serialize_struct("Change", 14 + usize::from(self.old.is_some()))?;
        out.serialize_field("seq", &self.seq)?;
        out.serialize_field("ordinal", &self.ordinal)?;
        out.serialize_field("app", &self.app)?;
        out.serialize_field("account", &self.account)?;
        out.serialize_field("operator", &self.operator)?;
        out.serialize_field("tag", &self.tag)?;
        match &self.old {
            Some(old) => out.serialize_field("old", &raw(old)?)?,
            None => out.skip_field("old")?,
        }
        match &self.new {
            Some(new) => out.serialize_field("new", &raw(new)?)?,
            None => out.serialize_field("erased", &true)?,
        }
        out.serialize_field("event_time", &self.event_time.map(|t| time::rfc3339(t.0)))?;
        out.serialize_field("effective_time", &time::rfc3339(self.effective_time.0))?;
        out.serialize_field("received_at", &time::rfc3339(self.received_at.0))?;
        out.serialize_field("platform", &self.platform)?;
        out.serialize_field("client_ip", &self.client_ip)?;
        out.serialize_field("auth", &self.auth)?;
        out.serialize_field("kind", &self.kind)?;
        out.end()
    }
}
