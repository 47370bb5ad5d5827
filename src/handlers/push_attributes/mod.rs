//! `push-attributes`: keeps push attributes in step with profile fields, many accounts in one call.
//!
//! Only the newest value of a field is sent: what the log has a newer one of is done without a call.

mod batcher;
mod call;
mod mapping;
mod queue;
mod verdict;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::config::{App, ConfigError, Handler};
use crate::dispatch::{Context, Outcome, ProfileChange, ProfileHandler, Wants};
use crate::tencent::Client;
use batcher::Batcher;
use mapping::Mapping;

/// As many attempts at a time as fill a call.
pub(super) const CONCURRENCY: usize = queue::MOST;

pub(super) struct PushAttributes {
    wants: Wants,
    mapping: Mapping,
    apps: HashMap<u64, Arc<Batcher>>,
}

impl PushAttributes {
    /// For the apps that the entry names, otherwise for all.
    pub fn new(entry: &Handler, apps: &[App], clients: &BTreeMap<u64, Client>) -> Result<Self, ConfigError> {
        let mapping = Mapping::new(entry.attributes.clone().unwrap_or_default());
        let all = || apps.iter().map(|app| app.sdk_app_id).collect();
        let batcher = |app: u64| match clients.get(&app) {
            Some(client) => Ok((app, Batcher::new(client.clone()))),
            None => Err(ConfigError(format!(
                "handlers: {:?}: app {app} has no secret key: set tencent.secret_key (PORTRAITD_SECRET_KEY), or \
                 secret_key in its [[apps]]",
                entry.name
            ))),
        };
        Ok(PushAttributes {
            wants: super::wants(entry).tags(mapping.tags()).superseded_items(),
            apps: entry.apps.clone().unwrap_or_else(all).into_iter().map(batcher).collect::<Result<_, _>>()?,
            mapping,
        })
    }
}

#[async_trait::async_trait]
impl ProfileHandler for PushAttributes {
    fn wants(&self) -> Wants {
        self.wants.clone()
    }

    async fn handle(&self, change: &ProfileChange, cx: &Context) -> Outcome {
        let mut mapped = self.mapping.of(change);
        let refused = std::mem::take(&mut mapped.refused);
        if !mapped.asks_for_nothing() {
            let app = u64::try_from(change.app).ok().and_then(|app| self.apps.get(&app));
            let Some(app) = app else {
                return cx.reject(format!("app {} is not in [[apps]], so there is no secret key for it", change.app));
            };
            match app.send(&change.account, mapped).await {
                Some(Ok(())) => {}
                Some(Err(error)) => return verdict::of(&error, cx),
                None => return cx.retry("its call came to no end"),
            }
        }
        if refused.is_empty() { Outcome::Done } else { cx.reject(refused.join("; ")) }
    }
}
