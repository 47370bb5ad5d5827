//! Push attributes: their names, at most ten of an app, and each account's values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Model;
use crate::emulator::code::Refusal;

/// Accounts in one call.
pub const MAX_USERS: usize = 100;
const MAX_NAMES: u8 = 10;
const MAX_BYTES: usize = 50;

/// An attribute's name, and which accounts have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeName {
    /// At most 50 bytes.
    pub name: String,
    /// 0: UserIDs, 1: RegistrationIDs. It never changes.
    pub account_type: u8,
}

impl Model {
    /// Sets names by number, beside those that are there; all or none.
    pub fn set_attribute_names(
        &mut self,
        names: &BTreeMap<String, Value>,
        types: &BTreeMap<String, Value>,
    ) -> Result<(), Refusal> {
        let invalid = |why: String| Refusal::because(90033, why);
        if let Some(key) = types.keys().find(|key| !names.contains_key(*key)) {
            return Err(invalid(format!("AttrTypes has {key:?}, AttrNames has not")));
        }
        let mut all = self.attribute_names.clone();
        for (key, name) in names {
            let number = number(key).ok_or_else(|| invalid(format!("{key:?} is not a number from 0 to 9")))?;
            let name = name.as_str().filter(|name| (1..=MAX_BYTES).contains(&name.len()));
            let name = name.ok_or_else(|| invalid(format!("the name of {key} must have 1 to {MAX_BYTES} bytes")))?;
            let known = all.get(&number).map(|known| known.account_type);
            let account_type = match types.get(key) {
                None => known.unwrap_or(0),
                Some(Value::Number(kind)) if kind.as_u64() == Some(0) => 0,
                Some(Value::Number(kind)) if kind.as_u64() == Some(1) => 1,
                Some(_) => return Err(invalid(format!("the type of {key} must be 0 or 1"))),
            };
            if known.is_some_and(|known| known != account_type) {
                return Err(invalid(format!("the type of {key} is set already and does not change")));
            }
            all.insert(number, AttributeName { name: name.to_owned(), account_type });
        }
        let twice = all.iter().find(|(at, one)| all.iter().any(|(other, it)| other > *at && it.name == one.name));
        if let Some((_, one)) = twice {
            return Err(invalid(format!("two attributes are named {:?}", one.name)));
        }
        self.attribute_names = all;
        Ok(())
    }

    /// Sets attributes of one account, all or none.
    pub fn set_attributes(&mut self, account: &str, values: &BTreeMap<String, Value>) -> Result<(), Refusal> {
        self.check_known(account)?;
        let mut new = BTreeMap::new();
        for (name, value) in values {
            let number = self.named(account, name)?;
            let text = value.as_str().filter(|text| text.len() <= MAX_BYTES);
            let text = text.ok_or_else(|| {
                Refusal::because(90033, format!("the value of {name:?} must be text of at most {MAX_BYTES} bytes"))
            })?;
            new.insert(number, text.to_owned());
        }
        self.import(account).attributes.extend(new);
        Ok(())
    }

    /// Removes attributes of one account, all or none. One that is not set is none to complain about.
    pub fn remove_attributes(&mut self, account: &str, names: &[String]) -> Result<(), Refusal> {
        self.check_known(account)?;
        let numbers = names.iter().map(|name| self.named(account, name)).collect::<Result<Vec<_>, _>>()?;
        self.import(account).attributes.retain(|number, _| !numbers.contains(number));
        Ok(())
    }

    /// Attributes of one account, by name.
    pub fn attributes(&self, account: &str) -> Result<BTreeMap<String, String>, Refusal> {
        self.check_known(account)?;
        let values = self.accounts.get(account).map(|known| known.attributes.clone()).unwrap_or_default();
        let named = values.into_iter().filter_map(|(number, value)| {
            let name = self.attribute_names.get(&number)?.name.clone();
            Some((name, value))
        });
        Ok(named.collect())
    }

    /// RegistrationIDs are made by the push service, so that any of them is known.
    fn check_known(&self, account: &str) -> Result<(), Refusal> {
        let known = is_registration_id(account) || self.accounts.contains_key(account);
        if known { Ok(()) } else { Err(Refusal::new(70107)) }
    }

    fn named(&self, account: &str, name: &str) -> Result<u8, Refusal> {
        let (number, found) =
            self.attribute_names.iter().find(|(_, attribute)| attribute.name == name).ok_or_else(|| {
                Refusal::because(90033, format!("no attribute is named {name:?}: set_attr_name first"))
            })?;
        if found.account_type != u8::from(is_registration_id(account)) {
            return Err(Refusal::new(90035));
        }
        Ok(*number)
    }
}

fn number(key: &str) -> Option<u8> {
    key.parse().ok().filter(|number| *number < MAX_NAMES && key.len() == 1)
}

/// A UUID in its usual form, 36 characters.
fn is_registration_id(account: &str) -> bool {
    account.len() == 36
        && account.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}
