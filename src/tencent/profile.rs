//! Profiles: `portrait_set` and `portrait_get`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::Command;
use super::per_account::{PerAccount, Results, in_parts};
use super::{Client, Error, Limit, answer, tag};

const SET: Command = Command::new("profile", "portrait_set");
const GET: Command = Command::new("profile", "portrait_get");

/// A profile field and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Such as `Tag_Profile_IM_Nick`.
    #[serde(rename = "Tag")]
    pub tag: String,
    /// A string, or an integer of the fields that have one.
    #[serde(rename = "Value")]
    pub value: Value,
}

#[derive(Deserialize)]
struct Profiles {
    #[serde(rename = "UserProfileItem", default, deserialize_with = "answer::or_null")]
    profiles: Vec<Profile>,
    #[serde(rename = "Fail_Account", default, deserialize_with = "answer::or_null")]
    failed: Vec<String>,
}

#[derive(Deserialize)]
struct Profile {
    #[serde(rename = "To_Account")]
    to_account: String,
    #[serde(rename = "ProfileItem", default, deserialize_with = "answer::or_null")]
    items: Vec<Item>,
    #[serde(rename = "ResultCode", default)]
    code: i64,
    #[serde(rename = "ResultInfo", default)]
    info: Option<String>,
}

impl Client {
    /// Sets fields of one account. The callback follows, as after any change.
    pub async fn portrait_set(&self, account: &str, items: &[Item]) -> Result<(), Error> {
        if self.inner.checks_limits {
            tag::check_account(account)?;
            if items.is_empty() {
                return Err(Limit::new("ProfileItem", "must name a field at least").into());
            }
            items.iter().try_for_each(|item| tag::check(&item.tag, &item.value))?;
        }
        let body = json!({ "From_Account": account, "ProfileItem": items });
        self.call(SET, &body, self.deadline()).await.map(|answer::Done {}| ())
    }

    /// These fields of these accounts. An account has only those of them that were ever set.
    pub async fn portrait_get(&self, accounts: &[String], tags: &[String]) -> Result<PerAccount<Vec<Item>>, Error> {
        if self.inner.checks_limits {
            accounts.iter().try_for_each(|account| tag::check_account(account))?;
            if tags.is_empty() {
                return Err(Limit::new("TagList", "must name a field at least").into());
            }
        }
        let deadline = self.deadline();
        Ok(in_parts(GET.name, accounts, String::as_str, |part| async move {
            let body = json!({ "To_Account": part, "TagList": tags });
            self.call(GET, &body, deadline).await.map(by_account)
        })
        .await)
    }
}

fn by_account(answer: Profiles) -> Results<Vec<Item>> {
    let mut results: Results<Vec<Item>> = answer
        .profiles
        .into_iter()
        .map(|Profile { to_account, items, code, info }| {
            let refused = || Error::Refused { command: GET.name, code, info: info.unwrap_or_default() };
            (to_account, if code == 0 { Ok(items) } else { Err(refused()) })
        })
        .collect();
    for account in answer.failed {
        let result = results.entry(account).or_insert_with(|| Ok(Vec::new()));
        if result.is_ok() {
            let why = "it names the account in Fail_Account, but does not say why".to_owned();
            *result = Err(Error::Answer { command: GET.name, why });
        }
    }
    results
}
