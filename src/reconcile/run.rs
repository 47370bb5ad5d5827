//! One run over some accounts of one app: look, wait, look again, record.

use std::mem::take;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::compare::differences;
use super::entry::entries;
use super::pull::{Tags, pull};
use super::{Difference, Error, News, Settings, Summary, Tell};
use crate::clock::Clock;
use crate::protocol::time::Millis;
use crate::store::Store;
use crate::store::mark::Round;
use crate::store::reconcile::Found;
use crate::tencent::Client;
use crate::tencent::code::NO_SUCH_ACCOUNT;

/// Accounts that are compared together.
const TOGETHER: usize = 100;
/// Accounts that share a grace.
const STRETCH: u32 = 5_000;
/// How often an account is looked at again.
const AGAIN: u32 = 5;
/// How long the spool is waited for each time.
const SPOOL_PATIENCE: Duration = Duration::from_secs(30);
const SPOOL_POLL: Duration = Duration::from_millis(200);

/// Which accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// These, whether the log knows them or not.
    Named(Vec<String>),
    /// All that the log knows. Where the mark was left it goes on, and it is moved along.
    All(Option<Round>),
    /// Those with entries received at or after this time.
    Since(Millis),
}

/// A run.
pub struct Run<'r> {
    /// The log.
    pub store: &'r Store,
    /// The vendor.
    pub client: &'r Client,
    /// For when something was seen.
    pub clock: &'r Clock,
    /// How.
    pub settings: &'r Settings,
    /// Whether callbacks wait in the spool.
    pub is_spooled: &'r (dyn Fn() -> bool + Send + Sync),
    /// Hears what there is to tell.
    pub tell: &'r mut Tell<'r>,
}

/// What differed when an account was looked at.
struct Looked {
    account: String,
    /// Its newest entry in the log.
    newest: Option<i64>,
    /// When the vendor was asked.
    at: Millis,
    differences: Vec<Difference>,
}

impl Run<'_> {
    /// Reconciles them. `after`: those after this account.
    pub async fn reconcile(self, which: &Which, after: &str) -> Result<Summary, Error> {
        let app = i64::try_from(self.client.sdk_app_id()).unwrap_or_default();
        let mut tags = Tags::new(&self.settings.tags);
        for tag in self.store.tags_seen(app).await? {
            tags.add(&tag, self.tell);
        }
        Running { run: self, app, tags, summary: Summary::default() }.all(which, after).await
    }
}

struct Running<'r> {
    run: Run<'r>,
    app: i64,
    tags: Tags,
    summary: Summary,
}

impl Running<'_> {
    async fn all(mut self, which: &Which, after: &str) -> Result<Summary, Error> {
        let (since, round) = match which {
            Which::Named(accounts) => {
                for accounts in accounts.chunks(STRETCH as usize) {
                    self.stretch(accounts, true).await?;
                }
                return Ok(self.summary);
            }
            Which::All(round) => (0, *round),
            Which::Since(since) => (*since, None),
        };
        let mut next = Some(after.to_owned());
        while let Some(after) = next {
            let page = self.run.store.accounts(self.app, &after, since, STRETCH).await?;
            self.stretch(&page.accounts, false).await?;
            if let (Some(round), Some(last)) = (round, &page.last) {
                self.run.store.move_mark(round, last).await?;
            }
            next = page.last;
        }
        Ok(self.summary)
    }

    /// `is_named`: also those that the log does not know.
    async fn stretch(&mut self, accounts: &[String], is_named: bool) -> Result<(), Error> {
        let mut open = Vec::new();
        for accounts in accounts.chunks(TOGETHER) {
            let looked = self.look(accounts).await?;
            open.extend(looked.into_iter().filter(|looked| is_named || looked.newest.is_some()));
            self.summary.accounts += accounts.len() as u64;
            (self.run.tell)(News::Looked(self.summary.accounts));
        }
        open.retain(|looked| !looked.differences.is_empty());
        for _ in 0..AGAIN {
            if open.is_empty() {
                return Ok(());
            }
            sleep(self.run.settings.grace).await;
            if !self.spool_is_empty().await {
                continue;
            }
            for before in into_parts(take(&mut open)) {
                open.extend(self.look_again(before).await?);
            }
        }
        for looked in open {
            self.summary.unsettled += 1;
            (self.run.tell)(News::Unsettled { account: &looked.account });
        }
        Ok(())
    }

    /// What the log believes is read before the vendor is asked: what comes in between moves the account.
    async fn look(&mut self, accounts: &[String]) -> Result<Vec<Looked>, Error> {
        let Run { store, client, clock, .. } = self.run;
        let believed = store.believed(self.app, accounts).await?;
        for item in believed.iter().flat_map(|believed| &believed.items) {
            self.tags.add(&item.tag, self.run.tell);
        }
        let at = clock.now();
        let pulled = pull(client, accounts, &mut self.tags, self.run.tell).await?;
        let mut believed: std::collections::HashMap<_, _> = accounts.iter().zip(believed).collect();
        let mut all = Vec::with_capacity(pulled.len());
        for (account, result) in pulled {
            let Some(believed) = believed.remove(&account) else { continue };
            match result {
                Ok(items) => all.push(Looked {
                    newest: believed.newest,
                    at,
                    differences: differences(believed, self.tags.asked(), &items),
                    account,
                }),
                Err(error) if error.code() == Some(NO_SUCH_ACCOUNT) => {
                    self.summary.unknown += 1;
                    (self.run.tell)(News::Unknown { account: &account });
                }
                Err(error) => {
                    self.summary.failed += 1;
                    (self.run.tell)(News::Failed { account: &account, error: &error });
                }
            }
        }
        Ok(all)
    }

    /// Records what both looks found. What is left is still open.
    async fn look_again(&mut self, before: Vec<Looked>) -> Result<Vec<Looked>, Error> {
        let accounts: Vec<String> = before.iter().map(|looked| looked.account.clone()).collect();
        let (mut found, mut looked, mut open) = (Vec::new(), Vec::new(), Vec::new());
        for now in self.look(&accounts).await? {
            let Some(before) = before.iter().find(|before| before.account == now.account) else { continue };
            if before.newest.is_some() && now.newest.is_none() {
                // Erased meanwhile.
                continue;
            }
            let is_same = |now: &&Difference| before.differences.iter().any(|before| before.is_confirmed_by(now));
            let same: Vec<Difference> = now.differences.iter().filter(is_same).cloned().collect();
            if !same.is_empty() {
                let entries = entries(self.app, &now.account, &same, before.at, self.run.clock.now());
                found.push(Found { account: now.account.clone(), newest: now.newest, entries });
                looked.push((now, same));
            } else if !now.differences.is_empty() {
                open.push(now);
            }
        }
        let recorded = match self.run.settings.dry_run {
            true => vec![true; found.len()],
            false if found.is_empty() => Vec::new(),
            false => self.run.store.append_unless_moved(self.app, &found).await?,
        };
        for ((mut now, same), is_recorded) in looked.into_iter().zip(recorded) {
            if is_recorded {
                self.summary.count(&same);
                (self.run.tell)(News::Found { account: &now.account, differences: &same });
                now.differences.retain(|difference| !same.contains(difference));
            }
            if !now.differences.is_empty() {
                open.push(now);
            }
        }
        Ok(open)
    }

    /// Whether nothing waits in the spool any more.
    async fn spool_is_empty(&mut self) -> bool {
        let give_up = Instant::now() + SPOOL_PATIENCE;
        let mut is_told = false;
        while (self.run.is_spooled)() {
            if Instant::now() >= give_up {
                return false;
            }
            if !take(&mut is_told) {
                (self.run.tell)(News::WaitingForSpool);
            }
            is_told = true;
            sleep(SPOOL_POLL).await;
        }
        true
    }
}

/// As many at a time as are compared together.
fn into_parts(mut all: Vec<Looked>) -> Vec<Vec<Looked>> {
    let mut parts = Vec::new();
    while !all.is_empty() {
        parts.push(all.split_off(all.len().saturating_sub(TOGETHER)));
    }
    parts
}
