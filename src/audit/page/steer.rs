//! The buttons of `/handlers`: forms that order something and come back to the page, which says what was done.

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::Pages;
use super::asked::Asked;
use crate::audit::guard::Caller;
use crate::audit::handlers::{Name, order, retried};
use crate::audit::problem::Problem;
use crate::store::subscription::Order;

pub(super) async fn pause(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    Name(name): Name,
) -> Result<Response, Problem> {
    order(&pages.log.store, &caller, &name, Order::Pause).await?;
    Ok(back(Asked::default().with("did", "pause").with("name", name)))
}

pub(super) async fn resume(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    Name(name): Name,
) -> Result<Response, Problem> {
    order(&pages.log.store, &caller, &name, Order::Resume).await?;
    Ok(back(Asked::default().with("did", "resume").with("name", name)))
}

pub(super) async fn retry(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    Name(name): Name,
    path: Result<Path<(String, i64)>, PathRejection>,
) -> Result<Response, Problem> {
    let Path((_, seq)) = path.map_err(|_| Problem::parameter("seq", "must be an entry's number"))?;
    retried(&pages.log.store, &caller, &name, seq).await?;
    Ok(back(Asked::default().with("did", "retry").with("name", name).with("seq", seq)))
}

fn back(done: Asked) -> Response {
    Redirect::to(&done.url("/handlers")).into_response()
}
