//! Push attributes: their names per app, their values per account.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Map;
use serde_json::{Value, json};

use super::answer::{self, Failed};
use super::call::Command;
use super::per_account::{PerAccount, Results, in_parts};
use super::{Client, Error, Limit, tag};

const SET: Command = Command::new("timpush", "set_attr");
const REMOVE: Command = Command::new("timpush", "remove_attr");
const GET: Command = Command::new("timpush", "get_attr");
const SET_NAME: Command = Command::new("timpush", "set_attr_name");
const GET_NAME: Command = Command::new("timpush", "get_attr_name");

/// An attribute's name, and what kind of account may have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttrName {
    /// At most 50 bytes.
    pub name: String,
    /// Fixed once it was set; without, the vendor takes UserIDs.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub attr_type: Option<AttrType>,
}

/// What kind of account may have an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum AttrType {
    /// The name somebody logs in with.
    UserID,
    /// A device's, made by the push service.
    RegistrationID,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(rename = "UserAttrs", default, deserialize_with = "answer::or_null")]
    users: Vec<User>,
    #[serde(rename = "ErrorList", default, deserialize_with = "answer::or_null")]
    errors: Vec<Failed>,
}

#[derive(Deserialize)]
struct User {
    #[serde(rename = "To_Account")]
    to_account: String,
    #[serde(rename = "Attrs", default, deserialize_with = "answer::or_null")]
    attrs: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Names {
    #[serde(rename = "AttrNames", default, deserialize_with = "answer::or_null")]
    names: BTreeMap<u8, String>,
    #[serde(rename = "AttrTypes", default, deserialize_with = "answer::or_null")]
    types: BTreeMap<u8, u8>,
}

impl Client {
    /// Sets attributes of many accounts: UserIDs, or RegistrationIDs.
    pub async fn set_attr(&self, users: &[(String, BTreeMap<String, String>)]) -> Result<PerAccount<()>, Error> {
        if self.inner.checks_limits {
            for (account, attrs) in users {
                limits::account(account)?;
                limits::some(account, attrs.len())?;
                attrs.iter().try_for_each(|(name, value)| limits::attr(name, value))?;
            }
        }
        Ok(self.change(SET, users, |attrs| json!(attrs)).await)
    }

    /// Removes attributes, by their names, of many accounts.
    pub async fn remove_attr(&self, users: &[(String, Vec<String>)]) -> Result<PerAccount<()>, Error> {
        if self.inner.checks_limits {
            for (account, names) in users {
                limits::account(account)?;
                limits::some(account, names.len())?;
                names.iter().try_for_each(|name| limits::name(name))?;
            }
        }
        Ok(self.change(REMOVE, users, |names| json!(names)).await)
    }

    async fn change<A: Clone>(
        &self,
        command: Command,
        users: &[(String, A)],
        attrs: impl Fn(&A) -> Value + Copy,
    ) -> PerAccount<()> {
        let deadline = self.deadline();
        in_parts(
            command.name,
            users,
            |(account, _)| account,
            |part| async move {
                let users = part.iter().map(|(account, what)| json!({ "To_Account": account, "Attrs": attrs(what) }));
                let body = json!({ "UserAttrs": users.collect::<Vec<_>>() });
                let answer: Attributes = self.call(command, &body, deadline).await?;
                // Those that the answer does not name are done.
                let mut results: Results<()> = part.into_iter().map(|(account, _)| (account, Ok(()))).collect();
                results.extend(answer::failures(command.name, answer.errors));
                Ok(results)
            },
        )
        .await
    }

    /// The attributes of many accounts.
    pub async fn get_attr(&self, accounts: &[String]) -> Result<PerAccount<BTreeMap<String, String>>, Error> {
        if self.inner.checks_limits {
            accounts.iter().try_for_each(|account| limits::account(account))?;
        }
        let deadline = self.deadline();
        Ok(in_parts(GET.name, accounts, String::as_str, |part| async move {
            let answer: Attributes = self.call(GET, &json!({ "To_Account": part }), deadline).await?;
            let mut results: Results<_> =
                answer.users.into_iter().map(|user| (user.to_account, Ok(user.attrs))).collect();
            results.extend(answer::failures(GET.name, answer.errors));
            Ok(results)
        })
        .await)
    }

    /// Names the app's attributes, by their numbers, 0 to 9.
    pub async fn set_attr_name(&self, names: &BTreeMap<u8, AttrName>) -> Result<(), Error> {
        if self.inner.checks_limits {
            limits::names(names)?;
        }
        let numbered = |(number, named): (&u8, &AttrName)| (number.to_string(), json!(named.name));
        let mut body = json!({ "AttrNames": names.iter().map(numbered).collect::<Map<_, _>>() });
        let types: Map<String, Value> = names
            .iter()
            .filter_map(|(number, named)| Some((number.to_string(), json!(named.attr_type? as u8))))
            .collect();
        if !types.is_empty() {
            body["AttrTypes"] = types.into();
        }
        self.call(SET_NAME, &body, self.deadline()).await.map(|answer::Done {}| ())
    }

    /// How the app's attributes are named.
    pub async fn get_attr_name(&self) -> Result<BTreeMap<u8, AttrName>, Error> {
        let Names { names, types } = self.call(GET_NAME, &json!({}), self.deadline()).await?;
        let named = |(number, name)| {
            let attr_type = types.get(&number).and_then(|number| match number {
                0 => Some(AttrType::UserID),
                1 => Some(AttrType::RegistrationID),
                _ => None,
            });
            (number, AttrName { name, attr_type })
        };
        Ok(names.into_iter().map(named).collect())
    }
}

/// What the vendor's pages allow.
mod limits {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{AttrName, Limit, tag};

    const MAX_BYTES: usize = 50;
    const MAX_ATTRS: u8 = 10;
    /// A RegistrationID is a UUID as text.
    const REGISTRATION_ID: usize = 36;

    pub fn account(account: &str) -> Result<(), Limit> {
        let is_registration_id =
            account.len() == REGISTRATION_ID && account.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        if is_registration_id { Ok(()) } else { tag::check_account(account) }
    }

    pub fn some(account: &str, count: usize) -> Result<(), Limit> {
        match count {
            1..=10 => Ok(()),
            _ => Err(Limit::new(format!("Attrs of {account:?}"), format!("must be 1 to {MAX_ATTRS}"))),
        }
    }

    pub fn name(name: &str) -> Result<(), Limit> {
        match name.len() {
            1..=MAX_BYTES => Ok(()),
            bytes => Err(Limit::new(
                format!("the attribute name {name:?}"),
                format!("{bytes} bytes, but it must be 1 to {MAX_BYTES}"),
            )),
        }
    }

    pub fn attr(attr: &str, value: &str) -> Result<(), Limit> {
        name(attr)?;
        match value.len() {
            ..=MAX_BYTES => Ok(()),
            bytes => Err(Limit::new(
                format!("the attribute {attr:?}"),
                format!("its value has {bytes} bytes, but {MAX_BYTES} is the most"),
            )),
        }
    }

    pub fn names(names: &BTreeMap<u8, AttrName>) -> Result<(), Limit> {
        if names.is_empty() || names.keys().any(|number| *number >= MAX_ATTRS) {
            return Err(Limit::new("AttrNames", "must name one at least, by numbers from 0 to 9"));
        }
        names.values().try_for_each(|named| name(&named.name))?;
        let distinct: BTreeSet<_> = names.values().map(|named| &named.name).collect();
        if distinct.len() < names.len() {
            return Err(Limit::new("AttrNames", "two attributes have the same name"));
        }
        Ok(())
    }
}
