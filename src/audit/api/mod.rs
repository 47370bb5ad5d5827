//! `/api/v1`: the log, read by whoever has the scope.

mod callback;
mod changes;
mod export;
mod params;
mod profile;
mod proof;
mod stream;
mod unreadable;

use std::sync::Arc;

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::Problem;
use crate::clock::Clock;
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
    pub clock: Clock,
}

pub(super) fn routes(log: Log) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(changes::list))
        .routes(routes!(stream::stream))
        .routes(routes!(export::export))
        .routes(routes!(callback::one))
        .routes(routes!(profile::at))
        .routes(routes!(unreadable::list))
        .routes(routes!(proof::head))
        .routes(routes!(proof::one))
        .with_state(log)
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct Listing<T> {
    pub items: Vec<T>,
    /// The next page's `cursor`; null where there is nothing beyond
    pub next_cursor: Option<String>,
}

pub(super) fn unavailable(error: StoreError) -> Problem {
    tracing::warn!("the store could not answer: {error}");
    match error {
        // Asking again would not help.
        StoreError::Altered { .. } => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        _ => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer"),
    }
}
