//! `/api/v1`: the log, read by whoever has the scope.

mod callback;
mod changes;
mod export;
mod params;
mod profile;
mod stream;
mod unreadable;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Serialize;

use super::problem::Problem;
use crate::stop::Stop;
use crate::store::{Store, StoreError};
pub(super) use params::Params;
pub(super) use stream::{keep_alive, tail};

/// What the routes read from.
#[derive(Clone)]
pub(super) struct Log {
    pub store: Arc<Store>,
    /// What is streamed ends with the service.
    pub stop: Stop,
}

pub(super) fn routes(log: Log) -> Router {
    Router::new()
        .route("/changes", get(changes::list))
        .route("/changes/stream", get(stream::stream))
        .route("/changes/export", get(export::export))
        .route("/callbacks/{seq}", get(callback::one))
        .route("/accounts/{account}/profile", get(profile::at))
        .route("/unreadable", get(unreadable::list))
        .with_state(log)
}

/// A page of a list.
#[derive(Serialize)]
pub(super) struct Listing<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

pub(super) fn unavailable(error: StoreError) -> Problem {
    tracing::warn!("the store could not answer: {error}");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer")
}
