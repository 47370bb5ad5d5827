//! An answer in the callback's own shape, and what it counts as.

use std::borrow::Cow;

use axum::http::header::{ALLOW, CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::protocol::reply;

/// What the sender is told.
pub(super) struct Answer {
    status: StatusCode,
    info: Option<Cow<'static, str>>,
    allow: Option<&'static str>,
    close: bool,
    /// Metric label.
    pub outcome: &'static str,
    /// Metric label, from a bounded set; empty where no command was looked at.
    pub command: &'static str,
}

impl Answer {
    /// 200, OK/0.
    pub fn ok(outcome: &'static str, command: &'static str) -> Self {
        Answer { status: StatusCode::OK, info: None, allow: None, close: false, outcome, command }
    }

    /// FAIL/1; `info` is one plain sentence without internals.
    pub fn fail(status: StatusCode, outcome: &'static str, info: impl Into<Cow<'static, str>>) -> Self {
        Answer { status, info: Some(info.into()), allow: None, close: false, outcome, command: "" }
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
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        let mut response = match self.info {
            None => (self.status, reply::OK).into_response(),
            Some(info) => (self.status, reply::fail(&info)).into_response(),
        };
        response.headers_mut().insert(CONTENT_TYPE, JSON);
        if let Some(methods) = self.allow {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
        }
        if self.close {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
