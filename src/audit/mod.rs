//! The private listener: health, readiness, metrics, the log as an API and as pages for people.
//!
//! `/healthz` and `/readyz` are open. Everything else passes the guard: a Host we answer to, a token with the right scope
//! when there are tokens, and the same origin without a Bearer token.

mod access;
mod api;
mod guard;
mod handlers;
mod openapi;
mod page;
mod problem;
mod shapes;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::clock::Clock;
use crate::config::{Admin, Scope};
use crate::journal::Health;
use crate::stop::Stop;
use crate::store::Store;
use crate::telemetry::Metrics;
use guard::Guard;
use problem::Problem;

/// How long the store may take to say that it would take an append.
const READY_TIME: Duration = Duration::from_secs(1);

/// The problem document for a connection that finds no room.
pub const TOO_MANY_CONNECTIONS: &str =
    r#"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"too many connections"}"#;

/// The Content-Security-Policy of what is no page.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

/// The private listener's routes.
pub fn router(
    config: &Admin,
    store: Arc<Store>,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    clock: Clock,
    stop: Stop,
) -> Router {
    let guard = Guard::new(config, metrics.clone());
    let door = |scope| middleware::from_fn_with_state(guard.of(scope), guard::check);
    let guarded = |scope, routes: OpenApiRouter| openapi::needing(scope, routes).route_layer(door(scope));
    let header = |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    let panics = metrics.panics.clone();

    let open = OpenApiRouter::new()
        .routes(routes!(alive))
        .routes(routes!(ready))
        .with_state(Readiness { store: store.clone(), health });
    let metrics = OpenApiRouter::new().routes(routes!(text)).with_state(metrics);
    let log = api::Log { store: store.clone(), stop, clock: clock.clone() };
    let pages = page::Pages { log: log.clone(), clock };
    let pages = page::read(pages.clone())
        .layer(Extension(store.clone()))
        .route_layer(door(Scope::Read))
        .merge(page::operate(pages).route_layer(door(Scope::Operate)));
    let log = api::routes(log).layer(Extension(store.clone()));
    let handlers =
        guarded(Scope::Read, handlers::read(store.clone())).merge(guarded(Scope::Operate, handlers::operate(store)));
    let (routes, document) = openapi::router()
        .merge(open)
        .merge(guarded(Scope::Metrics, metrics))
        .nest("/api/v1", guarded(Scope::Read, log))
        .nest("/api/v1/handlers", handlers)
        .split_for_parts();
    let document = openapi::route(&document).route_layer(middleware::from_fn_with_state(guard, guard::check));
    routes
        .merge(document)
        .merge(page::dressed(pages))
        .method_not_allowed_fallback(|| async { Problem::new(StatusCode::METHOD_NOT_ALLOWED, "not by this method") })
        .fallback(page::nowhere)
        .layer(SetResponseHeaderLayer::if_not_present(CONTENT_SECURITY_POLICY, HeaderValue::from_static(NOTHING)))
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(CACHE_CONTROL, "no-store"))
        .merge(page::assets())
        .layer(CatchPanicLayer::custom(move |_: Box<dyn std::any::Any + Send>| {
            panics.inc();
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error").into_response()
        }))
}

/// The process answers
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = String, content_type = "text/plain")))]
async fn alive() -> &'static str {
    "ok\n"
}

/// What readiness depends on.
#[derive(Clone)]
struct Readiness {
    store: Arc<Store>,
    health: Arc<Health>,
}

/// Whether a callback can be made durable
///
/// The body says where, or why not.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, description = "In the store or in the spool", body = String, content_type = "text/plain"),
        (status = 503, description = "In neither", body = String, content_type = "text/plain")
    )
)]
async fn ready(State(Readiness { store, health }): State<Readiness>) -> Response {
    if health.is_stuck() {
        let why = "not ready: neither the store nor the spool takes callbacks\n";
        return (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    }
    if health.spooled() > 0 {
        return format!("ready: spool: {} callbacks wait for the store\n", health.spooled()).into_response();
    }
    let why = match tokio::time::timeout(READY_TIME, store.check()).await {
        Ok(Ok(())) => return "ready: store\n".into_response(),
        Ok(Err(error)) => {
            tracing::warn!("the store is not ready: {error}");
            "takes no appends"
        }
        Err(_) => "does not answer",
    };
    format!("ready: spool: the store {why}\n").into_response()
}

/// Metrics, as OpenMetrics text
#[utoipa::path(
    get,
    path = "/metrics",
    responses((status = 200, body = String, content_type = "application/openmetrics-text"))
)]
async fn text(State(metrics): State<Arc<Metrics>>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match metrics.text() {
        Ok(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written").into_response(),
    }
}
