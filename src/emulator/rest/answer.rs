//! Answers in the shapes of the vendor's pages.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::emulator::code::Refusal;

/// What an answer has besides the three fields that all have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// ErrorDisplay.
    Profile,
    /// Nothing.
    Plain,
}

pub(super) struct Answer(Map<String, Value>);

impl Answer {
    pub fn ok(style: Style) -> Self {
        Answer::of(style, "OK", 0, "")
    }

    pub fn refused(style: Style, refusal: &Refusal) -> Self {
        Answer::of(style, "FAIL", refusal.code, &refusal.info)
    }

    fn of(style: Style, status: &str, code: u32, info: &str) -> Self {
        let answer = Answer(Map::new()).with("ActionStatus", status).with("ErrorCode", code).with("ErrorInfo", info);
        if style == Style::Profile { answer.with("ErrorDisplay", "") } else { answer }
    }

    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        self.0.insert(name.to_owned(), json!(value));
        self
    }

    /// With a list, unless it is empty.
    pub fn with_some<T: Serialize>(self, name: &str, list: Vec<T>) -> Self {
        if list.is_empty() { self } else { self.with(name, list) }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json")], Value::Object(self.0).to_string()).into_response()
    }
}
