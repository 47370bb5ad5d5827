//! The push attributes' five commands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Call;
use super::answer::{Answer, Style};
use crate::emulator::code::Refusal;
use crate::emulator::model::{MAX_USERS, Model};
use crate::emulator::vendor::Vendor;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Users<T> {
    user_attrs: Vec<User<T>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct User<T> {
    #[serde(rename = "To_Account")]
    account: String,
    attrs: T,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failure {
    #[serde(rename = "To_Account")]
    account: String,
    error_code: u32,
    error_info: String,
}

impl Failure {
    fn of(account: &str, Refusal { code, info }: Refusal) -> Self {
        Failure { account: account.to_owned(), error_code: code, error_info: info }
    }
}

pub(super) fn set(vendor: &Vendor, call: &Call, body: &[u8]) -> Result<Answer, Refusal> {
    of_users::<BTreeMap<String, Value>>(vendor, call, body, Model::set_attributes)
}

pub(super) fn remove(vendor: &Vendor, call: &Call, body: &[u8]) -> Result<Answer, Refusal> {
    of_users::<Vec<String>>(vendor, call, body, |model, account, names| model.remove_attributes(account, names))
}

/// Account by account; those that fail are listed, and the call succeeds.
fn of_users<T: for<'de> Deserialize<'de>>(
    vendor: &Vendor,
    call: &Call,
    body: &[u8],
    act: impl Fn(&mut Model, &str, &T) -> Result<(), Refusal>,
) -> Result<Answer, Refusal> {
    let Users::<T> { user_attrs } = parse(body)?;
    check_count(user_attrs.len())?;
    let mut failures = Vec::new();
    for User { account, attrs } in &user_attrs {
        if let Err(refusal) = ordered(vendor, call, account).and_then(|()| act(&mut vendor.model(), account, attrs)) {
            failures.push(Failure::of(account, refusal));
        }
    }
    Ok(Answer::ok(Style::Plain).with_some("ErrorList", failures))
}

#[derive(Deserialize)]
struct Accounts {
    #[serde(rename = "To_Account")]
    accounts: Vec<String>,
}

pub(super) fn get(vendor: &Vendor, call: &Call, body: &[u8]) -> Result<Answer, Refusal> {
    let Accounts { accounts } = parse(body)?;
    check_count(accounts.len())?;
    let (mut users, mut failures) = (Vec::new(), Vec::new());
    for account in accounts {
        match ordered(vendor, call, &account).and_then(|()| vendor.model().attributes(&account)) {
            Ok(attrs) => users.push(User { account, attrs }),
            Err(refusal) => failures.push(Failure::of(&account, refusal)),
        }
    }
    Ok(Answer::ok(Style::Plain).with("UserAttrs", users).with_some("ErrorList", failures))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Names {
    attr_names: BTreeMap<String, Value>,
    #[serde(default)]
    attr_types: BTreeMap<String, Value>,
}

pub(super) fn set_names(vendor: &Vendor, _: &Call, body: &[u8]) -> Result<Answer, Refusal> {
    let Names { attr_names, attr_types } = parse(body)?;
    vendor.model().set_attribute_names(&attr_names, &attr_types)?;
    Ok(Answer::ok(Style::Plain))
}

pub(super) fn get_names(vendor: &Vendor, _: &Call, _: &[u8]) -> Result<Answer, Refusal> {
    let model = vendor.model();
    let names: BTreeMap<String, &str> =
        model.attribute_names.iter().map(|(number, one)| (number.to_string(), one.name.as_str())).collect();
    let types: BTreeMap<String, u8> =
        model.attribute_names.iter().map(|(number, one)| (number.to_string(), one.account_type)).collect();
    Ok(Answer::ok(Style::Plain).with("AttrNames", names).with("AttrTypes", types))
}

fn ordered(vendor: &Vendor, call: &Call, account: &str) -> Result<(), Refusal> {
    match vendor.orders.take(call.name, Some(account)).and_then(|order| order.refusal()) {
        Some(refusal) => Err(refusal),
        None => Ok(()),
    }
}

fn parse<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::because(90001, format!("failed to parse the JSON: {error}")))
}

fn check_count(count: usize) -> Result<(), Refusal> {
    if count > MAX_USERS {
        return Err(Refusal::because(90018, format!("{count} accounts, more than {MAX_USERS}")));
    }
    Ok(())
}
