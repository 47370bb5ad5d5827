//! portrait_set and portrait_get.

use serde::{Deserialize, Serialize};

use super::Call;
use super::answer::{Answer, Style};
use crate::emulator::code::Refusal;
use crate::emulator::model::{Item, MAX_USERS, Writer};
use crate::emulator::vendor::Vendor;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Set {
    #[serde(rename = "From_Account")]
    account: String,
    profile_item: Vec<Item>,
}

pub(super) fn set(vendor: &Vendor, call: &Call, body: &[u8]) -> Result<Answer, Refusal> {
    let Set { account, profile_item } = serde_json::from_slice(body).map_err(|_| Refusal::new(40001))?;
    if account.is_empty() {
        return Err(Refusal::new(40001));
    }
    let writer = Writer::Admin { identifier: call.identifier.clone() };
    vendor.change(&writer, &account, &call.client_ip, profile_item)?;
    Ok(Answer::ok(Style::Profile))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Get {
    #[serde(rename = "To_Account", default)]
    accounts: Vec<String>,
    tag_list: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OfAccount<'a> {
    #[serde(rename = "To_Account")]
    account: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_item: Option<Vec<Item>>,
    result_code: u32,
    result_info: String,
}

pub(super) fn get(vendor: &Vendor, call: &Call, body: &[u8]) -> Result<Answer, Refusal> {
    let Get { accounts, tag_list } = serde_json::from_slice(body).map_err(|_| Refusal::new(40001))?;
    if accounts.is_empty() {
        return Err(Refusal::new(40002));
    }
    if accounts.len() > MAX_USERS {
        return Err(Refusal::because(
            40001,
            format!("To_Account has {} accounts, more than {MAX_USERS}", accounts.len()),
        ));
    }
    if tag_list.is_empty() {
        return Err(Refusal::because(40001, "TagList is empty"));
    }
    let model = vendor.model();
    model.check_tags(&tag_list)?;
    let of_account = |account| {
        let ordered = vendor.orders.take(call.name, Some(account)).and_then(|order| order.refusal());
        let read = ordered.map_or_else(|| model.profile(account, &tag_list), Err);
        match read {
            Ok(items) => OfAccount { account, profile_item: Some(items), result_code: 0, result_info: String::new() },
            Err(Refusal { code, info }) => {
                OfAccount { account, profile_item: None, result_code: code, result_info: info }
            }
        }
    };
    let all: Vec<OfAccount> = accounts.iter().map(|account| of_account(account)).collect();
    let failed: Vec<&str> = all.iter().filter(|one| one.result_code != 0).map(|one| one.account).collect();
    Ok(Answer::ok(Style::Profile).with("UserProfileItem", &all).with_some("Fail_Account", failed))
}
