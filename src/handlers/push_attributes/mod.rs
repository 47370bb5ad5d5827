//! `push-attributes`: keeps push attributes in step with profile fields, many accounts in one call.
//!
//! Only the newest value of a field is sent: what the log has a newer one of is done without a call.

mod batcher;
mod call;
mod mapping;
mod queue;
mod verdict;

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::{ConfigError, Handler};
use crate::dispatch::{Context, Outcome, ProfileChange, ProfileHandler, Wants};
use crate::tencent::Client;
use batcher::Batcher;
use mapping::Mapping;

/// As many attempts at a time as fill a call.
pub(super) const CONCURRENCY: usize = queue::MOST;

pub(super) struct PushAttributes {
    wants: Wants,
    mapping: Mapping,
    apps: HashMap<i64, Arc<Batcher>>,
}

impl PushAttributes {
    /// `clients`: of each app that has one.
    pub fn new(config: &Handler, clients: &[(u64, Option<Client>)]) -> Result<Self, ConfigError> {
        let mapping = Mapping::new(config.attributes.clone().unwrap_or_default());
        let mut apps = HashMap::new();
        for app in apps_of(config, clients) {
            let client = clients.iter().find(|(other, _)| *other == app).and_then(|(_, client)| client.clone());
            let client = client.ok_or_else(|| {
                ConfigError(format!(
                    "handlers: {:?}: app {app} has no secret key: set tencent.secret_key (PORTRAITD_SECRET_KEY), or \
                     secret_key in its [[apps]]",
                    config.name
                ))
            })?;
            apps.extend(i64::try_from(app).ok().map(|app| (app, Batcher::new(client))));
        }
        let wants = super::wants(config).tags(mapping.tags()).superseded_items();
        Ok(PushAttributes { wants, mapping, apps })
    }
}

/// Those that the handler names, otherwise all.
fn apps_of(config: &Handler, clients: &[(u64, Option<Client>)]) -> Vec<u64> {
    config.apps.clone().unwrap_or_else(|| clients.iter().map(|(app, _)| *app).collect())
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
            let Some(app) = self.apps.get(&change.app) else {
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
