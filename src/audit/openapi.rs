//! `/openapi.json`: what the private listener serves, as the routes themselves say it. What routes have in common is added here.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use bytes::Bytes;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Document, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;

use super::problem::{self, Problem};
use crate::config::Scope;

/// Where every document begins.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "portraitd",
        description = "The private listener: an append-only log of profile changes, read and operated. Credentials are needed \
                       where there are tokens; an operation's security names the scope that one must have."
    ),
    components(schemas(problem::Document)),
    modifiers(&Credentials)
)]
struct Beginning;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        for (name, scheme) in [("bearer", HttpAuthScheme::Bearer), ("basic", HttpAuthScheme::Basic)] {
            components.add_security_scheme(name, SecurityScheme::Http(Http::new(scheme)));
        }
    }
}

/// A router that everything else is merged into.
pub(super) fn router() -> OpenApiRouter {
    OpenApiRouter::with_openapi(Beginning::openapi())
}

/// Says that these routes need this scope, and how they refuse.
pub(super) fn needing<S: Send + Sync + Clone + 'static>(
    scope: Scope,
    mut routes: OpenApiRouter<S>,
) -> OpenApiRouter<S> {
    let name = match scope {
        Scope::Read => "read",
        Scope::Operate => "operate",
        Scope::Metrics => "metrics",
    };
    let items = routes.get_openapi_mut().paths.paths.values_mut();
    for item in items {
        let all = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete, &mut item.patch];
        for operation in all.into_iter().flatten() {
            guarded(operation, name);
        }
    }
    routes
}

fn guarded(operation: &mut Operation, scope: &str) {
    let either = ["bearer", "basic"].map(|scheme| SecurityRequirement::new(scheme, [scope]));
    operation.security = Some(either.into());
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    let refusal = ResponseBuilder::new()
        .description("What is wrong: a problem document per RFC 9457")
        .content("application/problem+json", problem)
        .build();
    operation.responses.responses.insert("default".to_owned(), RefOr::T(refusal));
}

/// The route of the document itself.
pub(super) fn route(document: &Document) -> Router {
    let text = document.to_json().map(Bytes::from).map_err(|error| tracing::error!("no OpenAPI document: {error}"));
    let answer = move || {
        let text = text.clone().map_err(|()| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error"));
        async move { text.map(|text| ([(CONTENT_TYPE, "application/json")], text)) }
    };
    Router::new().route("/openapi.json", get(answer))
}
