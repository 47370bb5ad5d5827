//! What the vendor keeps of an app: accounts, their profiles, push attributes. It knows no HTTP.

mod attributes;
mod file;
mod profile;
mod tags;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::protocol::time::Millis;
pub use attributes::{AttributeName, MAX_USERS};
pub use file::File;
pub use profile::{Change, Item, Writer};
pub use tags::CustomField;

/// Everything there is of one app.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Model {
    /// By UserID, or RegistrationID where it has attributes.
    pub accounts: BTreeMap<String, Account>,
    /// `Tag_Profile_Custom_<keyword>`, as declared in the console.
    pub custom_fields: Vec<CustomField>,
    /// Names of the push attributes, by their number.
    pub attribute_names: BTreeMap<u8, AttributeName>,
}

/// One user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// Fields that were set, by tag.
    pub profile: BTreeMap<String, Value>,
    /// Push attributes, by the number of their name.
    pub attributes: BTreeMap<u8, String>,
    /// EventTime of the last change. It grows with every change, so that no two changes of an account share one.
    pub last_change: Millis,
}

/// The longest UserID, in bytes.
const MAX_USER_ID: usize = 32;

/// Whether this can be a UserID: printable ASCII, at most 32 bytes.
pub fn is_user_id(text: &str) -> bool {
    (1..=MAX_USER_ID).contains(&text.len()) && text.bytes().all(|b| (0x20..=0x7e).contains(&b))
}

impl Model {
    /// An account that is there afterwards, new or not.
    pub fn import(&mut self, account: &str) -> &mut Account {
        self.accounts.entry(account.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests;
