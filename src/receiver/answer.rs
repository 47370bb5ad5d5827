//! An answer in the callback's own shape, and what it counts as.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::protocol::reply;

/// A backend's answer.
pub(super) struct Relayed {
    pub status: StatusCode,
    pub content_type: Option<HeaderValue>,
    pub body: Bytes,
}

enum Body {
    Ok,
    Fail(Cow<'static, str>),
    Relayed(Box<Relayed>),
}

/// What the sender is told.
pub(super) struct Answer {
    status: StatusCode,
    body: Body,
    allow: Option<&'static str>,
    close: bool,
    retry_after: Option<Duration>,
    /// Metric label.
    pub outcome: &'static str,
    /// Metric label, from a bounded set; empty where no command was looked at.
    pub command: &'static str,
}

impl Answer {
    /// 200, OK/0.
    pub fn ok(outcome: &'static str, command: &'static str) -> Self {
        Answer::new(StatusCode::OK, Body::Ok, outcome).about(command)
    }

    /// FAIL/1; `info` is one plain sentence without internals.
    pub fn fail(status: StatusCode, outcome: &'static str, info: impl Into<Cow<'static, str>>) -> Self {
        Answer::new(status, Body::Fail(info.into()), outcome)
    }

    /// Somebody else's, as it came.
    pub fn relayed(relayed: Relayed) -> Self {
        Answer::new(relayed.status, Body::Relayed(Box::new(relayed)), "forwarded")
    }

    fn new(status: StatusCode, body: Body, outcome: &'static str) -> Self {
        Answer { status, body, allow: None, close: false, retry_after: None, outcome, command: "" }
    }

    pub fn about(self, command: &'static str) -> Self {
        Answer { command, ..self }
    }

    pub fn allowing(self, methods: &'static str) -> Self {
        Answer { allow: Some(methods), ..self }
    }

    /// The connection ends with it.
    pub fn closing(self) -> Self {
        Answer { close: true, ..self }
    }

    /// In whole seconds, at least one.
    pub fn retry_after(self, wait: Duration) -> Self {
        Answer { retry_after: Some(wait), ..self }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        let (content_type, mut response) = match self.body {
            Body::Ok => (Some(JSON), (self.status, reply::OK).into_response()),
            Body::Fail(info) => (Some(JSON), (self.status, reply::fail(&info)).into_response()),
            Body::Relayed(relayed) => (relayed.content_type, (self.status, relayed.body).into_response()),
        };
        match content_type {
            Some(content_type) => drop(response.headers_mut().insert(CONTENT_TYPE, content_type)),
            None => drop(response.headers_mut().remove(CONTENT_TYPE)),
        }
        if let Some(methods) = self.allow {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
        }
        if self.close {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            response.headers_mut().insert(RETRY_AFTER, u64::try_from(seconds).unwrap_or(u64::MAX).into());
        }
        response
    }
}
