//! Who gets in, before anything that was sent is believed: sources on the allowlist, and not for ever those that fail to
//! authenticate.

use std::net::IpAddr;
use std::time::Instant;

use axum::http::StatusCode;
use axum::http::request::Parts;

use super::allowlist::Allowlist;
use super::answer::Answer;
use super::source::Proxies;
use crate::config::{self, ConfigError};
use crate::failures::Failures;
use crate::protocol::time::Millis;
use crate::telemetry::Metrics;
use crate::telemetry::seldom::Seldom;

/// The public listener's gate.
pub struct Gate {
    proxies: Proxies,
    allowlist: Option<Allowlist>,
    failures: Failures,
    strangers: Seldom,
    limited: Seldom,
}

impl Gate {
    /// As configured. An allowlist is read now and watched from then on.
    pub fn new(config: &config::Receiver, metrics: &Metrics) -> Result<Self, ConfigError> {
        let stale = &metrics.allowlist_stale;
        let allowlist = config.allowlist.as_deref().map(|path| Allowlist::open(path, stale.clone())).transpose();
        Ok(Gate {
            proxies: Proxies::new(&config.trusted_proxies),
            allowlist: allowlist.map_err(|why| ConfigError(format!("receiver.allowlist: {why}")))?,
            failures: Failures::new(config.auth_failures_per_minute),
            strangers: Seldom::default(),
            limited: Seldom::default(),
        })
    }

    /// Where a request comes from, if it may come from there.
    pub(super) fn admit(&self, request: &Parts, now: Millis) -> Result<IpAddr, Answer> {
        let source = self.proxies.source(request);
        if self.allowlist.as_ref().is_none_or(|list| list.holds(source)) {
            return Ok(source);
        }
        if self.strangers.now(now) {
            tracing::warn!(%source, "a request from {source} was refused: receiver.allowlist does not list it");
        }
        Err(Answer::fail(StatusCode::FORBIDDEN, "bad_source", "callbacks are not taken from this address"))
    }

    /// Counts a failed authentication; the answer to one too many.
    pub(super) fn failed(&self, source: IpAddr, begun: Instant, now: Millis) -> Result<(), Answer> {
        // Behind a loopback address there may be a proxy nobody configured, and behind that everybody.
        if source.is_loopback() {
            return Ok(());
        }
        let Err(wait) = self.failures.count(source, begun) else { return Ok(()) };
        if self.limited.now(now) {
            tracing::warn!(%source, "{source} fails to authenticate too often (receiver.auth_failures_per_minute)");
        }
        let info = "too many failed authentications from this address";
        Err(Answer::fail(StatusCode::TOO_MANY_REQUESTS, "limited", info).closing().retry_after(wait))
    }
}
