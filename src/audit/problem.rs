//! Errors of the private listener: RFC 9457 problem documents.

use std::borrow::Cow;

use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What went wrong, for the client.
#[derive(Clone)]
pub(super) struct Problem {
    pub status: StatusCode,
    pub detail: Cow<'static, str>,
    pub parameter: Option<String>,
}

/// As it is sent.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(super) struct Document {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Problem { status, detail: detail.into(), parameter: None }
    }

    /// A parameter that is not as it should be: `what` goes on after its name.
    pub fn parameter(name: &str, what: impl AsRef<str>) -> Self {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
        let detail = format!("{shown} {}", what.as_ref());
        Problem { parameter: Some(shown), ..Problem::new(StatusCode::BAD_REQUEST, detail) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let itself = self.clone();
        let document = Document {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail,
            parameter: self.parameter,
        };
        let mut response = (self.status, axum::Json(document)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            for scheme in ["Bearer realm=\"portraitd\"", "Basic realm=\"portraitd\", charset=\"UTF-8\""] {
                response.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
            }
        }
        // For whoever says it in another form: the page does.
        response.extensions_mut().insert(itself);
        response
    }
}
