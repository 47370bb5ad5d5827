//! Handlers that come with the program, from `[[handlers]]`: several of a kind allowed.

mod exec;
mod forward;
mod jetstream;
mod log;
mod push_attributes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::{Config, ConfigError, Dispatch, Handler, HandlerKind, StartAt};
use crate::dispatch::lane::Rules;
use crate::dispatch::{ProfileHandler, Registration, Start, Wants};
use crate::tencent::Client;
use exec::Exec;
use forward::Forward;
use jetstream::Jetstream;
use log::LogLine;
use push_attributes::PushAttributes;

/// The handler that an entry of the configuration describes. `clients`: of each app that has a secret key.
pub fn build(
    entry: &Handler,
    config: &Config,
    clients: &BTreeMap<u64, Client>,
    clock: &Clock,
) -> Result<Arc<dyn ProfileHandler>, ConfigError> {
    match entry.kind {
        HandlerKind::Exec => Ok(Arc::new(Exec::new(entry)?)),
        HandlerKind::Forward => Ok(Arc::new(Forward::new(entry, clock)?)),
        HandlerKind::Jetstream => Ok(Arc::new(Jetstream::new(entry)?)),
        HandlerKind::Log => Ok(Arc::new(LogLine::new(entry))),
        HandlerKind::PushAttributes => Ok(Arc::new(PushAttributes::new(entry, &config.apps, clients)?)),
    }
}

/// How a handler is run: as `[dispatch]` says, unless its own entry says otherwise.
pub fn registration(
    name: &str,
    handler: Arc<dyn ProfileHandler>,
    dispatch: &Dispatch,
    own: Option<&Handler>,
) -> Registration {
    let secs = |secs: u32| Duration::from_secs(secs.into());
    let retry = own.and_then(|own| own.retry_secs.as_ref()).unwrap_or(&dispatch.retry_secs);
    Registration {
        name: name.to_owned(),
        handler,
        start: start(own.and_then(|own| own.start).unwrap_or(dispatch.start)),
        rules: Rules {
            retry: retry.iter().copied().map(secs).collect(),
            concurrency: own.and_then(concurrency).unwrap_or(dispatch.concurrency),
        },
        limit: secs(own.and_then(|own| own.timeout_secs).unwrap_or(dispatch.timeout_secs)),
    }
}

/// What the entry says, or its kind needs.
fn concurrency(own: &Handler) -> Option<usize> {
    own.concurrency.or((own.kind == HandlerKind::PushAttributes).then_some(push_attributes::CONCURRENCY))
}

fn start(at: StartAt) -> Start {
    match at {
        StartAt::Beginning => Start::Beginning,
        StartAt::Now => Start::Now,
        StartAt::Time(time) => Start::Time(time),
    }
}

/// What the entry's filters say.
fn wants(config: &Handler) -> Wants {
    let mut wants = Wants::everything();
    if let Some(tags) = &config.tags {
        wants = wants.tags(tags);
    }
    if let Some(apps) = &config.apps {
        wants = wants.apps(apps.iter().filter_map(|app| i64::try_from(*app).ok()));
    }
    if config.previous == Some(true) { wants.previous_values() } else { wants }
}
