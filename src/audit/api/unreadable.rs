//! `GET unreadable`: what an authentic sender sent and nobody could read.

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};

use super::params::Params;
use super::{Listing, Log, unavailable};
use crate::audit::access::Access;
use crate::audit::problem::Problem;
use crate::audit::shapes;

/// Bodies that an authentic sender sent and nobody could read, newest first
#[utoipa::path(
    get,
    path = "/unreadable",
    params(shapes::Limit),
    responses((status = 200, body = Listing<shapes::Unreadable>))
)]
pub(super) async fn list(
    State(log): State<Log>,
    access: Access,
    RawQuery(query): RawQuery,
) -> Result<Json<Listing<Value>>, Problem> {
    let mut params = Params::of(query.as_deref())?;
    let (limit, before) = (params.limit()?, params.parsed("cursor", "a next_cursor that was given before")?);
    params.end()?;
    access.reads("unreadable.read", None, query.as_deref()).await?;
    let rows = log.store.unreadable(before, limit).await.map_err(unavailable)?;
    let is_full = u32::try_from(rows.len()).is_ok_and(|count| count == limit);
    let next_cursor = rows.last().filter(|_| is_full).map(|row| row.id.to_string());
    Ok(Json(Listing { items: rows.iter().map(|row| json!(row)).collect(), next_cursor }))
}
