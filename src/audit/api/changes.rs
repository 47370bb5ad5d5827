//! `GET changes`: who changed what, from what, to what, when.

use axum::Json;
use axum::extract::{RawQuery, State};

use super::params::Params;
use super::{Listing, Log, unavailable};
use crate::audit::access::Access;
use crate::audit::problem::Problem;
use crate::audit::shapes;
use crate::store::Change;

/// Changes: who changed what, from what, to what, when
///
/// A page reads a bounded part of the log and may be short.
#[utoipa::path(
    get,
    path = "/changes",
    params(shapes::Filter, shapes::Paging),
    responses((status = 200, body = Listing<shapes::Change>))
)]
pub(super) async fn list(
    State(log): State<Log>,
    access: Access,
    RawQuery(query): RawQuery,
) -> Result<Json<Listing<Change>>, Problem> {
    let mut params = Params::of(query.as_deref())?;
    let (filter, paging) = (params.filter()?, params.paging()?);
    params.end()?;
    access.reads("changes.read", filter.account.as_deref(), query.as_deref()).await?;
    let page = log.store.changes(&filter, paging).await.map_err(unavailable)?;
    Ok(Json(Listing { items: page.items, next_cursor: page.next.map(|place| place.to_string()) }))
}
