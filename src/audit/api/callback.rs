//! `GET callbacks/{seq}`: one callback, whole.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{Log, unavailable};
use crate::audit::access::Access;
use crate::audit::problem::Problem;
use crate::audit::shapes;
use crate::dispatch::ProfileChange;
use crate::protocol::time::rfc3339;

/// One callback, whole
#[utoipa::path(
    get,
    path = "/callbacks/{seq}",
    params(("seq" = i64, Path, description = "The entry")),
    responses((status = 200, body = shapes::Callback))
)]
pub(super) async fn one(
    State(log): State<Log>,
    access: Access,
    path: Result<Path<i64>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(seq) = path.map_err(|_| Problem::parameter("seq", "must be an entry's number"))?;
    let found = log.store.entries(&[seq]).await.map_err(unavailable)?.pop();
    let row = found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("the log has no entry {seq}")))?;
    access.reads("callback.read", row.account.as_deref(), Some(&format!("seq={seq}"))).await?;
    let envelope = json!({"seq": row.seq, "kind": row.kind, "app": row.sdk_app_id, "received_at": rfc3339(row.received_at.0), "erased": true});
    let Some(mut change) = ProfileChange::logged(row) else { return Ok(Json(envelope).into_response()) };
    let previous = log.store.previous(&[seq]).await.map_err(unavailable)?;
    previous.into_iter().for_each(|previous| change.set_previous(previous));
    Ok(Json(change).into_response())
}
