//! Profiles from the vendor. A tag that the app does not have is found and left out; an account with which a request is refused
//! is found too, so that it does not take the others with it.

use std::collections::BTreeSet;

use super::{Error, News, Tell};
use crate::tencent::code::NO_SUCH_ACCOUNT;
use crate::tencent::{self, Client, Item, PerAccount, tag};

/// The vendor's code for a tag that the app does not have.
const NO_SUCH_TAG: i64 = 40009;
/// From here on codes are about the call, whatever it asks for.
const GATEWAY: i64 = 60000;
/// Tags asked for at most: an app has 12 standard ones and up to 20 of its own.
const MAX_TAGS: usize = 200;

/// The tags to ask for.
pub(super) struct Tags {
    asked: Vec<String>,
    known: BTreeSet<String>,
    /// One answer knew an account and did not know another: that is said of each by itself, and not of a whole call.
    unknown_singly: bool,
}

impl Tags {
    /// These; none stands for the standard ones.
    pub fn new(configured: &[String]) -> Self {
        let standard = || tag::standard().iter().map(|tag| tag.name.to_owned()).collect();
        let asked: Vec<String> = if configured.is_empty() { standard() } else { configured.to_vec() };
        Tags { known: asked.iter().cloned().collect(), asked, unknown_singly: false }
    }

    /// Asks for this one too, unless it was left out.
    pub fn add(&mut self, tag: &str, tell: &mut Tell<'_>) {
        if self.known.contains(tag) {
            return;
        }
        self.known.insert(tag.to_owned());
        match self.asked.len() < MAX_TAGS {
            true => self.asked.push(tag.to_owned()),
            false => tell(News::LeftOut { tag, why: "there are too many tags in the log" }),
        }
    }

    pub fn asked(&self) -> &[String] {
        &self.asked
    }

    /// Leaves out what the app does not have. Whether anything was left out.
    async fn leave_out(&mut self, client: &Client, account: &str, tell: &mut Tell<'_>) -> Result<bool, Error> {
        let account = [account.to_owned()];
        let before = self.asked.len();
        let mut parts = vec![self.asked.clone()];
        while let Some(part) = parts.pop() {
            let results = client.portrait_get(&account, &part).await?;
            if !results.iter().any(|(_, result)| is_no_such_tag(result)) {
                continue;
            }
            if let [tag] = &part[..] {
                tell(News::LeftOut { tag, why: "the app has no such profile field" });
                self.asked.retain(|asked| asked != tag);
            } else {
                let (one, other) = part.split_at(part.len() / 2);
                parts.extend([one.to_vec(), other.to_vec()]);
            }
        }
        Ok(self.asked.len() < before)
    }
}

/// The profiles of these accounts, in any order.
pub(super) async fn pull(
    client: &Client,
    accounts: &[String],
    tags: &mut Tags,
    tell: &mut Tell<'_>,
) -> Result<PerAccount<Vec<Item>>, Error> {
    let mut pulled = Vec::with_capacity(accounts.len());
    let mut parts = vec![accounts.to_vec()];
    while let Some(part) = parts.pop() {
        if tags.asked().is_empty() {
            return Err(Error::NoTags);
        }
        let results = match client.portrait_get(&part, tags.asked()).await {
            Ok(results) => results,
            Err(error) => part.iter().map(|account| (account.clone(), Err(error.clone()))).collect(),
        };
        let refusing = results.iter().find(|(_, result)| is_no_such_tag(result));
        if let Some((account, _)) = refusing
            && tags.leave_out(client, account, tell).await?
        {
            parts.push(part);
            continue;
        }
        let is_unknown = |(_, result): &(_, Result<_, tencent::Error>)| is_code(result, NO_SUCH_ACCOUNT);
        tags.unknown_singly |= results.iter().any(is_unknown) && results.iter().any(|(_, result)| result.is_ok());
        match of_all(&results) {
            Some(error) if tags.unknown_singly && error.code() == Some(NO_SUCH_ACCOUNT) => pulled.extend(results),
            Some(error) if is_about_the_call(error, part.len()) => return Err(error.clone().into()),
            Some(_) if part.len() > 1 => {
                let (one, other) = part.split_at(part.len() / 2);
                parts.extend([one.to_vec(), other.to_vec()]);
            }
            _ => pulled.extend(results),
        }
    }
    Ok(pulled)
}

fn is_no_such_tag(result: &Result<Vec<Item>, tencent::Error>) -> bool {
    is_code(result, NO_SUCH_TAG)
}

fn is_code(result: &Result<Vec<Item>, tencent::Error>, code: i64) -> bool {
    result.as_ref().is_err_and(|error| error.code() == Some(code))
}

/// The error that all of them have.
fn of_all(results: &PerAccount<Vec<Item>>) -> Option<&tencent::Error> {
    let first = results.first()?.1.as_ref().err()?;
    results.iter().all(|(_, result)| result.as_ref().err() == Some(first)).then_some(first)
}

/// Any other account would fail like this.
fn is_about_the_call(error: &tencent::Error, accounts: usize) -> bool {
    match error {
        tencent::Error::Limit(_) => false,
        tencent::Error::Refused { code, .. } => *code >= GATEWAY,
        tencent::Error::Answer { .. } => accounts > 1,
        tencent::Error::Deadline { .. } | tencent::Error::Transport { .. } => true,
    }
}
