//! Profiles: setting fields, all or none of them, and reading them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Model;
use crate::emulator::code::Refusal;
use crate::protocol::time::Millis;

/// A field and its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// `Tag_Profile_…`
    #[serde(rename = "Tag")]
    pub tag: String,
    /// A string or a number.
    #[serde(rename = "Value")]
    pub value: Value,
}

/// Who changes a profile, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writer {
    /// An app admin through the REST API.
    Admin {
        /// Its identifier.
        identifier: String,
    },
    /// The account itself through a client.
    Client {
        /// `iOS`, `Android`, `Web`, …
        platform: String,
    },
}

impl Writer {
    pub(super) fn is_admin(&self) -> bool {
        matches!(self, Writer::Admin { .. })
    }

    /// The callback's OptPlatform.
    pub fn platform(&self) -> &str {
        match self {
            Writer::Admin { .. } => "RESTAPI",
            Writer::Client { platform } => platform,
        }
    }

    /// The callback's Operator_Account.
    pub fn operator<'a>(&'a self, account: &'a str) -> &'a str {
        match self {
            Writer::Admin { identifier } => identifier,
            Writer::Client { .. } => account,
        }
    }
}

/// A change that was made: what the callback tells of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Whose profile.
    pub account: String,
    /// Who did it.
    pub operator: String,
    /// From where.
    pub platform: String,
    /// The address it came from.
    pub client_ip: String,
    /// When, in milliseconds.
    pub event_time: Millis,
    /// The new values.
    pub items: Vec<Item>,
}

impl Model {
    /// Sets fields of one account, all or none. An unchanged value is a change too.
    pub fn set_profile(
        &mut self,
        writer: &Writer,
        account: &str,
        items: Vec<Item>,
        location: usize,
        now: Millis,
    ) -> Result<Change, Refusal> {
        if items.is_empty() {
            return Err(Refusal::because(40001, "there is no item to set"));
        }
        if !self.accounts.contains_key(account) {
            return Err(Refusal::new(40003));
        }
        for item in &items {
            self.check_writable(writer, &item.tag, &item.value, location)?;
        }
        let known = self.import(account);
        known.last_change = now.max(known.last_change.saturating_add(1));
        for item in &items {
            known.profile.insert(item.tag.clone(), item.value.clone());
        }
        Ok(Change {
            account: account.to_owned(),
            operator: writer.operator(account).to_owned(),
            platform: writer.platform().to_owned(),
            client_ip: String::new(),
            event_time: known.last_change,
            items,
        })
    }

    /// Whether these tags can be asked for.
    pub fn check_tags(&self, tags: &[String]) -> Result<(), Refusal> {
        tags.iter().try_for_each(|tag| self.check_readable(tag))
    }

    /// The fields among `tags` that the account has set, in that order.
    pub fn profile(&self, account: &str, tags: &[String]) -> Result<Vec<Item>, Refusal> {
        let known = self.accounts.get(account).ok_or_else(|| Refusal::new(40003))?;
        let item = |tag: &String| known.profile.get(tag).map(|value| Item { tag: tag.clone(), value: value.clone() });
        Ok(tags.iter().filter_map(item).collect())
    }
}
