//! Other commands to a backend: the verified request goes there, its answer comes back. Bounded in time, size and number.

use std::net::IpAddr;
use std::time::Instant;

use axum::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, FORWARDED, HOST,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use bytes::{Bytes, BytesMut};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use tokio::sync::Semaphore;

use super::answer::{Answer, Relayed};
use crate::config::ConfigError;
use crate::protocol::command;
use crate::protocol::query::claim;
use crate::protocol::time::Millis;
use crate::telemetry::seldom::Seldom;

/// What an answer may have; Chat's are a few hundred bytes.
const MAX_ANSWER: usize = 1 << 20;
/// Requests under way; more count as failed.
const AT_ONCE: usize = 64;

/// RFC 9110, section 7.6.1, what concerns one hop only; and what belongs to this request alone.
const NOT_FORWARDED: [HeaderName; 14] = [
    CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HOST,
    COOKIE,
    CONTENT_LENGTH,
    EXPECT,
    ACCEPT_ENCODING,
    FORWARDED,
];
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where other commands go.
pub(super) struct Backend {
    url: Url,
    client: Client,
    room: Semaphore,
    failed: Seldom,
}

/// A verified request on its way.
pub(super) struct Forwarded<'a> {
    pub request: &'a Parts,
    pub body: Bytes,
    pub source: IpAddr,
    pub deadline: Instant,
}

impl Backend {
    pub fn new(url: &Url) -> Result<Self, ConfigError> {
        let client = Client::builder().redirect(Policy::none()).no_proxy().tcp_nodelay(true).build();
        let client = client.map_err(|error| ConfigError(format!("receiver.other_commands: {error}")))?;
        Ok(Backend { url: url.clone(), client, room: Semaphore::new(AT_ONCE), failed: Seldom::default() })
    }

    /// The backend's answer. If there is none: 503 where Chat waits for a decision, OK otherwise.
    pub async fn answer(&self, forwarded: Forwarded<'_>, name: &str, now: Millis) -> Answer {
        let label = command::label(name);
        let deadline = forwarded.deadline;
        let why = match tokio::time::timeout_at(deadline.into(), self.exchange(forwarded)).await {
            Ok(Ok(relayed)) => return Answer::relayed(relayed).about(label),
            Ok(Err(why)) => why,
            Err(_) => "no answer in time".to_owned(),
        };
        if self.failed.now(now) {
            tracing::warn!(callback.command = ?claim(name).unwrap_or_default(), "the backend for other commands failed: {why}");
        }
        if command::before_event(name).is_some() {
            let info = "whoever decides about this command cannot be asked";
            Answer::fail(StatusCode::SERVICE_UNAVAILABLE, "forward_failed", info).about(label)
        } else {
            Answer::ok("forward_failed", label)
        }
    }

    async fn exchange(&self, forwarded: Forwarded<'_>) -> Result<Relayed, String> {
        let _one = self.room.try_acquire().map_err(|_| format!("{AT_ONCE} requests are under way"))?;
        let mut url = self.url.clone();
        url.set_query(forwarded.request.uri.query());
        let has_login = !url.username().is_empty() || url.password().is_some();
        let headers = headers(&forwarded, has_login);
        // The error's own URL has the Sign in it.
        let said = |error: reqwest::Error| plain(&error.without_url());
        let mut response = self.client.post(url).headers(headers).body(forwarded.body).send().await.map_err(said)?;
        let status = response.status();
        if !status.is_success() && !status.is_client_error() {
            return Err(format!("it answered {status}"));
        }
        let content_type = response.headers().get(CONTENT_TYPE).cloned();
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(said)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(format!("its answer has more than {MAX_ANSWER} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Relayed { status, content_type, body: body.freeze() })
    }
}

fn headers(forwarded: &Forwarded<'_>, has_login: bool) -> HeaderMap {
    let given = &forwarded.request.headers;
    let of_this_hop: Vec<String> = given
        .get_all(CONNECTION)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let mut headers: HeaderMap = given
        .iter()
        .filter(|(name, _)| !NOT_FORWARDED.contains(name) && !of_this_hop.iter().any(|hop| hop == name.as_str()))
        .filter(|(name, _)| !(has_login && *name == AUTHORIZATION))
        .map(|(name, value)| (name.clone(), value.clone()))
        .fold(HeaderMap::new(), |mut headers, (name, value)| {
            headers.append(name, value);
            headers
        });
    // Whatever stood there, this is what we know.
    if let Ok(source) = HeaderValue::from_str(&forwarded.source.to_string()) {
        headers.insert(FORWARDED_FOR, source);
    }
    headers
}

/// An error and its causes, each said once.
fn plain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !said.contains(&more) {
            said = format!("{said}: {more}");
        }
        cause = error.source();
    }
    said
}
