//! Who may use the private listener: Host, origin, token, scope.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CONNECTION, HOST, ORIGIN, RETRY_AFTER};
use axum::http::uri::Authority;
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use subtle::ConstantTimeEq;

use super::problem::Problem;
use crate::config::{Admin, AdminToken, Scope};
use crate::failures::Failures;
use crate::protocol::time::millis;
use crate::telemetry::seldom::Seldom;
use crate::telemetry::{Metrics, RefusalLabels};

/// Wrong tokens that one source may try a minute. People mistype; a right one is never held up.
const FAILURES_PER_MINUTE: u32 = 10;

/// What a refusal may be counted as.
const REASONS: [&str; 6] = ["host", "origin", "no_token", "wrong_token", "limited", "scope"];

/// Who asks: the token's name.
#[derive(Clone)]
pub(super) struct Caller(pub Arc<str>);

/// What a route asks of a request: a Host we answer to, and with a scope also a token that has it.
#[derive(Clone)]
pub(super) struct Guard {
    door: Arc<Door>,
    scope: Option<Scope>,
}

/// What all routes have in common.
struct Door {
    hosts: Vec<String>,
    tokens: Vec<AdminToken>,
    failures: Failures,
    limited: Seldom,
    begun: Instant,
    metrics: Arc<Metrics>,
}

impl Guard {
    /// For routes that anybody may use who reaches us under a Host of ours.
    pub fn new(config: &Admin, metrics: Arc<Metrics>) -> Self {
        // Counters are there before they are needed, so that a first refusal shows as a rise.
        for reason in REASONS {
            drop(metrics.private_refused.get_or_create(&RefusalLabels { reason }));
        }
        let door = Door {
            hosts: config.hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            tokens: config.tokens.clone(),
            failures: Failures::new(FAILURES_PER_MINUTE),
            limited: Seldom::default(),
            begun: Instant::now(),
            metrics,
        };
        Guard { door: Arc::new(door), scope: None }
    }

    /// For routes that need this scope.
    pub fn of(&self, scope: Scope) -> Self {
        Guard { door: self.door.clone(), scope: Some(scope) }
    }

    fn check(&self, request: &Request) -> Result<Caller, Refusal> {
        let host = self.door.host(request).ok_or(Refusal::new(
            "host",
            StatusCode::MISDIRECTED_REQUEST,
            "this Host is neither a loopback name nor listed in admin.hosts",
        ))?;
        let credentials = Credentials::of(request.headers());
        let is_bearer = matches!(credentials, Some(Credentials::Bearer(_)));
        if !is_bearer && !same_origin(request.headers(), &host) && !is_followed_link(request) {
            return Err(Refusal::new("origin", StatusCode::FORBIDDEN, "a request from another origin"));
        }
        match self.scope {
            None => Ok(Caller("anonymous".into())),
            Some(scope) => self.door.token(credentials, scope, source(request.extensions())),
        }
    }
}

impl Door {
    /// The request's Host when it is one we answer to: a page that rebinds a name to our address carries that name.
    fn host(&self, request: &Request) -> Option<Authority> {
        let text = request.headers().get(HOST)?.to_str().ok()?;
        let authority: Authority = text.parse().ok()?;
        let name = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
        let loopback = name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        (loopback || self.hosts.contains(&name)).then_some(authority)
    }

    fn token(&self, credentials: Option<Credentials>, scope: Scope, source: IpAddr) -> Result<Caller, Refusal> {
        const NEEDED: &str = "a token is needed, as Bearer or as the password of Basic";
        const WITHOUT: &str = "the token's scopes do not include this";
        if self.tokens.is_empty() {
            return Ok(Caller("anonymous".into()));
        }
        // A browser asks without credentials first: that is not counted as a failure.
        let Some(Credentials::Bearer(secret) | Credentials::Basic(secret)) = credentials else {
            return Err(Refusal::new("no_token", StatusCode::UNAUTHORIZED, NEEDED));
        };
        let hash = hex::encode(digest::digest(&digest::SHA256, secret.as_bytes()));
        let known = self.tokens.iter().find(|token| bool::from(token.sha256.as_bytes().ct_eq(hash.as_bytes())));
        match known {
            None => Err(self.wrong_token(source)),
            Some(token) if token.scopes.contains(&scope) => Ok(Caller(token.name.as_str().into())),
            Some(_) => Err(Refusal::new("scope", StatusCode::FORBIDDEN, WITHOUT)),
        }
    }

    /// Loopback sources count too: behind one there may be a proxy, and whoever has a right token is not held up by it.
    fn wrong_token(&self, source: IpAddr) -> Refusal {
        let Err(wait) = self.failures.count(source, Instant::now()) else {
            return Refusal::new("wrong_token", StatusCode::UNAUTHORIZED, "the token is not known");
        };
        if self.limited.now(millis(self.begun.elapsed())) {
            tracing::warn!(%source, "{source} tries too many wrong tokens on the private listener");
        }
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens from this address");
        Refusal { reason: "limited", problem, wait: Some(wait) }
    }
}

/// The connection's peer. Only a router without our listener has none.
pub(super) fn source(extensions: &Extensions) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical())
}

/// A request that does not get in.
struct Refusal {
    reason: &'static str,
    problem: Problem,
    /// How long not to try again.
    wait: Option<Duration>,
}

impl Refusal {
    fn new(reason: &'static str, status: StatusCode, detail: &'static str) -> Self {
        Refusal { reason, problem: Problem::new(status, detail), wait: None }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        if let Some(wait) = self.wait {
            let seconds = u64::try_from(wait.as_millis().div_ceil(1000).max(1)).unwrap_or(u64::MAX);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// The middleware.
pub(super) async fn check(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    match guard.check(&request) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => {
            guard.door.metrics.private_refused.get_or_create(&RefusalLabels { reason: refusal.reason }).inc();
            refusal.into_response()
        }
    }
}

enum Credentials {
    Bearer(String),
    /// The password of Basic.
    Basic(String),
}

impl Credentials {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let (scheme, value) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        let value = value.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Credentials::Bearer(value.to_owned()));
        }
        if scheme.eq_ignore_ascii_case("basic") {
            let pair = String::from_utf8(BASE64_STANDARD.decode(value).ok()?).ok()?;
            return Some(Credentials::Basic(pair.split_once(':')?.1.to_owned()));
        }
        None
    }
}

fn is_unsafe(method: &Method) -> bool {
    ![Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

/// Somebody opened a link to us that stands elsewhere. Anything else that a foreign page makes a browser fetch would be recorded
/// as read by whoever has logged in with that browser.
fn is_followed_link(request: &Request) -> bool {
    let says = |name, value| request.headers().get(name).is_some_and(|found| found == value);
    !is_unsafe(request.method()) && says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document")
}

/// A browser says where a request comes from; one that does not say is not a browser's.
fn same_origin(headers: &HeaderMap, host: &Authority) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    match headers.get(ORIGIN) {
        None => true,
        Some(origin) => origin
            .to_str()
            .ok()
            .and_then(|origin| origin.split_once("://"))
            .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host.as_str())),
    }
}

#[cfg(test)]
mod tests;
