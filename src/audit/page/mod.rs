//! The pages people read the log on: rendered here, whole without a script, a little livelier with one. Nothing comes from
//! outside, what others chose is shown as text in which nothing hides, and a view is its URL.

mod account;
mod asked;
mod assets;
mod callback;
mod changes;
mod chart;
mod form;
mod handlers;
mod invisible;
mod layout;
mod live;
mod rows;
mod steer;
mod tags;
mod unreadable;
mod value;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::api::Log;
use super::problem::Problem;
use crate::clock::Clock;
pub(super) use assets::routes as assets;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What pages are made from.
#[derive(Clone)]
pub(super) struct Pages {
    pub log: Log,
    pub clock: Clock,
}

pub(super) fn read(pages: Pages) -> Router {
    Router::new()
        // A callback that is sent here finds nothing, as at any other path.
        .route("/", get(changes::list).fallback(nowhere))
        .route("/live", get(live::rows))
        .route("/account", get(account::one))
        .route("/callbacks/{seq}", get(callback::one))
        .route("/handlers", get(handlers::list))
        .route("/unreadable", get(unreadable::list))
        .with_state(pages)
}

pub(super) fn operate(pages: Pages) -> Router {
    Router::new()
        .route("/handlers/{name}/pause", post(steer::pause))
        .route("/handlers/{name}/resume", post(steer::resume))
        .route("/handlers/{name}/dead-letters/{seq}/retry", post(steer::retry))
        .with_state(pages)
}

/// With the headers of pages; what goes wrong, the guard's refusals included, is a page as well.
pub(super) fn dressed(pages: Router) -> Router {
    pages.route_layer(middleware::from_fn(async |request: Request, next: Next| {
        let mut response = explained(next.run(request).await);
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        // Its own origin is told, so that a form can be known to come from here.
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        response
    }))
}

fn explained(mut response: Response) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let (mut parts, _) = response.into_parts();
    let mut page = layout::answer(problem.status, layout::error(&problem));
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(CONTENT_TYPE);
    page.headers_mut().extend(parts.headers);
    page
}

/// Whatever is at no path. Who reads pages gets one.
pub(super) async fn nowhere(headers: HeaderMap) -> Response {
    let response = Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path").into_response();
    let accepts = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if !accepts.contains("text/html") {
        return response;
    }
    let mut page = explained(response);
    page.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    page
}
