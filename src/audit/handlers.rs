//! `/api/v1/handlers`: where each handler is in the log, what failed, and steering them.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Extension, FromRequestParts, Path, Query, RawQuery, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use chrono::DateTime;
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::Access;
use super::api::Listing;
use super::guard::Caller;
use super::problem::Problem;
use super::shapes;
use crate::config::is_handler_name;
use crate::store::subscription::{Operator, Order, Ordered, Start};
use crate::store::{Store, StoreError};

/// Items of a page, unless asked for less or more.
const LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 1000;
/// What an order's body may have.
const MAX_BODY: usize = 4096;

pub(super) fn read(store: Arc<Store>) -> OpenApiRouter {
    let routes = OpenApiRouter::new().routes(routes!(list)).routes(routes!(dead_letters));
    routes.layer(Extension(store.clone())).with_state(store)
}

pub(super) fn operate(store: Arc<Store>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(rewind))
        .routes(routes!(retry))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(store)
}

/// The handler that the path names.
pub(super) struct Name(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct Named {
            name: String,
        }
        let Path(Named { name }) =
            Path::from_request_parts(parts, state).await.map_err(|error: PathRejection| bad(error.body_text()))?;
        if is_handler_name(&name) { Ok(Name(name)) } else { Err(no_handler(&name)) }
    }
}

/// Every handler the store knows, by name
#[utoipa::path(get, path = "/", responses((status = 200, body = Listing<shapes::Handler>)))]
async fn list(State(store): State<Arc<Store>>) -> Result<Response, Problem> {
    let items = store.handlers().await.map_err(unavailable)?;
    Ok(Json(Listing { items, next_cursor: None }).into_response())
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// At most so many
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before
    cursor: Option<i64>,
}

/// What a handler could not handle, oldest first
#[utoipa::path(
    get,
    path = "/{name}/dead-letters",
    params(("name" = String, Path, description = "The handler"), Paging),
    responses((status = 200, body = Listing<shapes::DeadLetter>))
)]
async fn dead_letters(
    State(store): State<Arc<Store>>,
    access: Access,
    Name(name): Name,
    RawQuery(query): RawQuery,
    paging: Result<Query<Paging>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(paging) = paging.map_err(|error| bad(error.body_text()))?;
    let limit = paging.limit.unwrap_or(LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(bad(format!("limit must be 1 to {MAX_LIMIT}")));
    }
    if !store.handlers().await.map_err(unavailable)?.iter().any(|handler| handler.handler == name) {
        return Err(no_handler(&name));
    }
    access.reads("handlers.read", Some(&name), query.as_deref()).await?;
    let items = store.dead_letters(&name, paging.cursor.unwrap_or(0), limit).await.map_err(unavailable)?;
    let is_full = items.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let next_cursor = items.last().filter(|_| is_full).map(|letter| letter.seq.to_string());
    Ok(Json(Listing { items, next_cursor }).into_response())
}

/// Holds a handler: nothing new is tried
#[utoipa::path(
    post,
    path = "/{name}/pause",
    params(("name" = String, Path, description = "The handler")),
    responses((status = 200, body = Value, example = json!({"name": "backend", "state": "paused"})))
)]
async fn pause(
    State(store): State<Arc<Store>>,
    Extension(caller): Extension<Caller>,
    Name(name): Name,
) -> Result<Response, Problem> {
    order(&store, &caller, &name, Order::Pause).await?;
    Ok(Json(json!({"name": name, "state": "paused"})).into_response())
}

/// Lets a paused handler go on
#[utoipa::path(
    post,
    path = "/{name}/resume",
    params(("name" = String, Path, description = "The handler")),
    responses((status = 200, body = Value, example = json!({"name": "backend", "state": "resumed"})))
)]
async fn resume(
    State(store): State<Arc<Store>>,
    Extension(caller): Extension<Caller>,
    Name(name): Name,
) -> Result<Response, Problem> {
    order(&store, &caller, &name, Order::Resume).await?;
    Ok(Json(json!({"name": name, "state": "resumed"})).into_response())
}

/// Where to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rewind {
    to: To,
}

/// `"beginning"`, an entry of the log, or a time in RFC 3339.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum To {
    Entry(i64),
    Word(String),
}

/// Lets a handler handle the log again from an earlier place on
#[utoipa::path(
    post,
    path = "/{name}/rewind",
    params(("name" = String, Path, description = "The handler")),
    request_body = Rewind,
    responses((status = 200, body = Value, example = json!({"name": "backend", "position": 1})))
)]
async fn rewind(
    State(store): State<Arc<Store>>,
    Extension(caller): Extension<Caller>,
    Name(name): Name,
    body: Result<Json<Rewind>, JsonRejection>,
) -> Result<Response, Problem> {
    const EXPECTED: &str = r#"the body must be {"to": …} with "beginning", an entry's number or a time in RFC 3339"#;
    let Json(Rewind { to }) = body.map_err(|error| match error {
        JsonRejection::MissingJsonContentType(_) => {
            Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body's Content-Type must be application/json")
        }
        _ => bad(EXPECTED.to_owned()),
    })?;
    let start = match to {
        To::Entry(seq) if seq > 0 => Start::Entry(seq),
        To::Word(word) if word == "beginning" => Start::Beginning,
        To::Word(word) => {
            let time = DateTime::parse_from_rfc3339(&word).map_err(|_| bad(EXPECTED.to_owned()))?;
            Start::Time(time.timestamp_millis())
        }
        To::Entry(_) => return Err(bad(EXPECTED.to_owned())),
    };
    let position = order(&store, &caller, &name, Order::Rewind(start)).await?;
    Ok(Json(json!({"name": name, "position": position})).into_response())
}

/// Tries a dead letter again, out of the log's order
#[utoipa::path(
    post,
    path = "/{name}/dead-letters/{seq}/retry",
    params(("name" = String, Path, description = "The handler"), ("seq" = i64, Path, description = "The entry")),
    responses((status = 200, body = Value, example = json!({"name": "backend", "seq": 7, "in_order": false})))
)]
async fn retry(
    State(store): State<Arc<Store>>,
    Extension(caller): Extension<Caller>,
    Name(name): Name,
    path: Result<Path<(String, i64)>, PathRejection>,
) -> Result<Response, Problem> {
    let Path((_, seq)) = path.map_err(|error| bad(error.body_text()))?;
    retried(&store, &caller, &name, seq).await?;
    Ok(Json(json!({"name": name, "seq": seq, "in_order": false})).into_response())
}

/// A dead letter is tried again.
pub(super) async fn retried(store: &Store, caller: &Caller, name: &str, seq: i64) -> Result<(), Problem> {
    match order(store, caller, name, Order::Retry(vec![seq])).await? {
        0 => Err(Problem::new(StatusCode::NOT_FOUND, format!("{name} has no dead letter {seq}"))),
        _ => Ok(()),
    }
}

pub(super) async fn order(store: &Store, caller: &Caller, name: &str, order: Order) -> Result<i64, Problem> {
    match store.order(name, &order, Operator(&caller.0)).await.map_err(unavailable)? {
        Ordered::Done(affected) => Ok(affected),
        Ordered::NoHandler => Err(no_handler(name)),
        Ordered::Ahead => {
            Err(Problem::new(StatusCode::CONFLICT, "the handler has not been there yet: a rewind only goes back"))
        }
    }
}

fn bad(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

fn no_handler(name: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is no handler {name:?}"))
}

fn unavailable(error: StoreError) -> Problem {
    tracing::warn!("the store could not answer: {error}");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer")
}
