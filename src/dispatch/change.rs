//! One callback as handlers see it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::ser::{Error as _, SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::protocol::body::{self, Unreadable};
use crate::protocol::time::{self, Millis};
use crate::store::model::ReceiptId;
use crate::store::rows::{LoggedCallback, Previous};

/// One `Profile.CallbackPortraitSet` callback: whose profile, by whom, when, and the items that changed.
///
/// Serialized, it is the callback as JSON that every interface shows: the envelope, `receipt_id`, `items` with `tag`, `old`
/// (absent where the log knows none, or it was not looked up) and `new`, and the `body` (`body_base64` when it is not UTF-8).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileChange {
    /// Position in the log, from 1, without gaps.
    pub seq: i64,
    /// 16 bytes made at receipt: the idempotency key. A callback that is delivered twice carries the same one.
    pub receipt_id: ReceiptId,
    /// SDKAppID
    pub app: i64,
    /// From_Account: whose profile changed.
    pub account: String,
    /// Operator_Account: who changed it.
    pub operator: Option<String>,
    /// EventTime as the vendor gave it. Unix milliseconds.
    pub event_time: Option<Millis>,
    /// When the change took effect; history is ordered by it. Unix milliseconds.
    pub effective_time: Millis,
    /// When portraitd received it. Unix milliseconds.
    pub received_at: Millis,
    /// OptPlatform, an open set: RESTAPI, Web, Android, iOS, …
    pub platform: Option<String>,
    /// ClientIP, the vendor's claim.
    pub client_ip: Option<String>,
    /// `sign`: the Sign was verified; `none`: the app has no token, or it is no callback.
    pub auth: String,
    /// `callback`: sent by the vendor; `baseline`, `reconcile`: what it said when it was asked, of values that the log did not know,
    /// or had otherwise. Nobody knows their operator.
    pub kind: String,
    /// Whether the log knew a newer one for the account when this was read.
    pub superseded: bool,
    /// ProfileItem, in the body's order.
    pub items: Vec<ItemChange>,
    /// The body, byte for byte as received.
    pub body: Bytes,
}

/// One ProfileItem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemChange {
    /// Tag, such as `Tag_Profile_IM_Nick`.
    pub tag: String,
    new: String,
    old: Option<String>,
    superseded: bool,
}

/// A Value as a type. The vendor sends text and unsigned integers; an integer may also come as decimal text, see
/// [`Value::integer`].
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A JSON string.
    Text(String),
    /// A JSON number that is an unsigned integer.
    Integer(u64),
    /// Anything else; also text with a lone surrogate, which Rust cannot hold: see [`ItemChange::raw`].
    Other(serde_json::Value),
}

impl Value {
    fn of(json: &str) -> Self {
        match serde_json::from_str(json) {
            Ok(serde_json::Value::String(text)) => Value::Text(text),
            Ok(value) => value.as_u64().map_or(Value::Other(value), Value::Integer),
            Err(_) => Value::Other(serde_json::Value::Null),
        }
    }

    /// The text, when it is text.
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// The integer, also when it came as decimal text.
    pub fn integer(&self) -> Option<u64> {
        match self {
            Value::Integer(number) => Some(*number),
            Value::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        }
    }
}

impl ItemChange {
    /// The new value.
    pub fn value(&self) -> Value {
        Value::of(&self.new)
    }

    /// The new value as JSON, exactly as the vendor wrote it, insignificant white space aside.
    pub fn raw(&self) -> &str {
        &self.new
    }

    /// The value before, by effective time; none where the log knows none, or the handler did not ask for it.
    pub fn previous(&self) -> Option<Value> {
        self.old.as_deref().map(Value::of)
    }

    /// The value before as JSON.
    pub fn raw_previous(&self) -> Option<&str> {
        self.old.as_deref()
    }

    /// Whether the log knew a newer value of the tag for the account when this was read, in another callback; false unless
    /// the handler asked for it.
    pub fn is_superseded(&self) -> bool {
        self.superseded
    }

    /// As superseded, for tests of handlers.
    pub fn superseded(mut self) -> Self {
        self.superseded = true;
        self
    }

    /// With this JSON as the value before, for tests of handlers.
    pub fn with_previous(mut self, json: impl Into<String>) -> Self {
        self.old = Some(json.into());
        self
    }
}

impl ProfileChange {
    /// A change from a callback's body, so that a handler can be tried without a server: sequence 1, received when the
    /// event happened, everything that the body does not say left out. All fields can be set afterwards.
    pub fn from_body(app: i64, body: impl Into<Bytes>) -> Result<Self, Unreadable> {
        let body = body.into();
        let portrait = body::parse(&body)?;
        let at = portrait.event_time.unwrap_or_default();
        Ok(ProfileChange {
            seq: 1,
            receipt_id: ReceiptId::default(),
            app,
            account: portrait.account,
            operator: portrait.operator,
            event_time: portrait.event_time,
            effective_time: at,
            received_at: at,
            platform: None,
            client_ip: None,
            auth: "none".to_owned(),
            kind: "callback".to_owned(),
            superseded: false,
            items: portrait
                .items
                .into_iter()
                .map(|item| ItemChange { tag: item.tag, new: item.value, old: None, superseded: false })
                .collect(),
            body,
        })
    }

    /// An entry of the log; none once it was erased, or when it holds no change.
    pub fn logged(row: LoggedCallback) -> Option<Self> {
        let (seq, account) = (row.seq, row.account?);
        let change = ProfileChange::from_body(row.sdk_app_id, row.body?)
            .inspect_err(|error| {
                tracing::error!(seq, "an entry of the log cannot be read, handlers do not see it: {error}")
            })
            .ok()?;
        Some(ProfileChange {
            seq,
            receipt_id: row.receipt_id.try_into().ok()?,
            account,
            operator: row.operator,
            event_time: row.event_time.map(|time| time.0),
            effective_time: row.effective_time.0,
            received_at: row.received_at.0,
            platform: row.platform,
            client_ip: row.client_ip,
            auth: row.auth,
            kind: row.kind,
            superseded: row.superseded,
            ..change
        })
    }

    pub(crate) fn set_previous(&mut self, previous: Previous) {
        let item = usize::try_from(previous.ordinal).ok().and_then(|at| self.items.get_mut(at));
        if let Some(item) = item {
            item.old = previous.old;
        }
    }

    pub(crate) fn set_superseded(&mut self, ordinal: i32) {
        let item = usize::try_from(ordinal).ok().and_then(|at| self.items.get_mut(at));
        if let Some(item) = item {
            item.superseded = true;
        }
    }

    /// The idempotency key as text: 32 hex digits.
    pub fn receipt(&self) -> String {
        hex::encode(self.receipt_id)
    }

    /// The item of this tag, if it changed; the last one where it is given twice.
    pub fn item(&self, tag: &str) -> Option<&ItemChange> {
        self.items.iter().rev().find(|item| item.tag == tag)
    }
}

impl Serialize for ProfileChange {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut out = to.serialize_struct("ProfileChange", 15)?;
        out.serialize_field("seq", &self.seq)?;
        out.serialize_field("receipt_id", &self.receipt())?;
        out.serialize_field("app", &self.app)?;
        out.serialize_field("account", &self.account)?;
        out.serialize_field("operator", &self.operator)?;
        out.serialize_field("event_time", &self.event_time.map(time::rfc3339))?;
        out.serialize_field("effective_time", &time::rfc3339(self.effective_time))?;
        out.serialize_field("received_at", &time::rfc3339(self.received_at))?;
        out.serialize_field("platform", &self.platform)?;
        out.serialize_field("client_ip", &self.client_ip)?;
        out.serialize_field("auth", &self.auth)?;
        out.serialize_field("kind", &self.kind)?;
        out.serialize_field("superseded", &self.superseded)?;
        out.serialize_field("items", &self.items)?;
        match std::str::from_utf8(&self.body) {
            Ok(text) => out.serialize_field("body", text)?,
            Err(_) => out.serialize_field("body_base64", &BASE64_STANDARD.encode(&self.body))?,
        }
        out.end()
    }
}

impl Serialize for ItemChange {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let raw = |json: &str| RawValue::from_string(json.to_owned()).map_err(S::Error::custom);
        let mut out = to.serialize_map(None)?;
        out.serialize_entry("tag", &self.tag)?;
        if let Some(old) = &self.old {
            out.serialize_entry("old", &raw(old)?)?;
        }
        out.serialize_entry("new", &raw(&self.new)?)?;
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"From_Account":"id1","Operator_Account":"id2","EventTime":1656921052497,
        "ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"小明"},{"Tag":"Tag_Profile_IM_Level","Value":"7"},
                       {"Tag":"Tag_Profile_IM_Role","Value":8},{"Tag":"Tag_Profile_Custom_x"}]}"#;

    #[test]
    fn a_change_is_made_from_a_body_and_its_values_have_types() {
        let change = ProfileChange::from_body(1_400_000_000, BODY).unwrap();
        assert_eq!((change.account.as_str(), change.operator.as_deref()), ("id1", Some("id2")));
        let value = |tag: &str| change.item(tag).unwrap().value();
        assert_eq!(value("Tag_Profile_IM_Nick").text(), Some("小明"));
        assert_eq!(value("Tag_Profile_IM_Level").integer(), Some(7), "as text");
        assert_eq!(value("Tag_Profile_IM_Role").integer(), Some(8), "as a number");
        assert_eq!(value("Tag_Profile_Custom_x"), Value::Other(serde_json::Value::Null));
        assert!(change.item("Tag_Profile_IM_Image").is_none());
        assert!(ProfileChange::from_body(1, "{}").is_err());
    }

    #[test]
    fn as_json_it_is_the_envelope_the_items_and_the_body() {
        let mut change = ProfileChange::from_body(1_400_000_000, BODY).unwrap();
        change.items.truncate(1);
        change.items[0] = change.items[0].clone().with_previous(r#""old""#);
        change.body = Bytes::from_static(b"{}");
        let json = serde_json::to_string(&change).unwrap();
        assert_eq!(
            json,
            r#"{"seq":1,"receipt_id":"00000000000000000000000000000000","app":1400000000,"account":"id1","operator":"id2","event_time":"2022-07-04T07:50:52.497Z","effective_time":"2022-07-04T07:50:52.497Z","received_at":"2022-07-04T07:50:52.497Z","platform":null,"client_ip":null,"auth":"none","kind":"callback","superseded":false,"items":[{"tag":"Tag_Profile_IM_Nick","old":"old","new":"小明"}],"body":"{}"}"#
        );
        change.body = Bytes::from_static(b"\xff");
        assert!(serde_json::to_string(&change).unwrap().ends_with(r#""body_base64":"/w=="}"#));
    }
}
