//! `GET proof/head` and `GET proof/{seq}`: what somebody outside needs to check one entry, and to tie it to a head they noted.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde::Serialize;

use super::params::Params;
use super::{Log, unavailable};
use crate::audit::access::Access;
use crate::audit::problem::Problem;
use crate::audit::shapes;
use crate::proof::{Entry, Link, Noted};
use crate::store::model::GENESIS;

/// Links of an answer.
const LINKS: i64 = 1000;

#[derive(Serialize)]
pub(super) struct Proof {
    #[serde(flatten)]
    entry: Entry,
    previous_chain: Option<String>,
    head: Noted,
    links: Vec<Link>,
    next_cursor: Option<String>,
}

/// The log's newest entry and its chain
#[utoipa::path(get, path = "/proof/head", responses((status = 200, body = shapes::Head)))]
pub(super) async fn head(State(log): State<Log>) -> Result<Json<Noted>, Problem> {
    Ok(Json(noted(&log).await?))
}

/// One entry with all that its digest and its chain cover
///
/// With `through`, also the links from it to a later entry whose chain is known elsewhere.
#[utoipa::path(
    get,
    path = "/proof/{seq}",
    params(
        ("seq" = i64, Path, description = "The entry"),
        ("through" = Option<i64>, Query, description = "A later entry: the links up to it, 1000 an answer"),
        ("cursor" = Option<i64>, Query, description = "The `next_cursor` of the answer before")
    ),
    responses((status = 200, body = shapes::Proof))
)]
pub(super) async fn one(
    State(log): State<Log>,
    access: Access,
    path: Result<Path<i64>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<Proof>, Problem> {
    let Path(seq) = path.map_err(|_| Problem::parameter("seq", "must be an entry's number"))?;
    let mut params = Params::of(query.as_deref())?;
    let through = params.parsed("through", "an entry's number")?.unwrap_or(seq);
    let after = params.parsed("cursor", "a next_cursor that was given before")?.unwrap_or(seq);
    params.end()?;
    let head = noted(&log).await?;
    let nowhere = || Problem::new(StatusCode::NOT_FOUND, format!("the log has no entry {seq}"));
    if !(1..=head.seq).contains(&seq) {
        return Err(nowhere());
    }
    if !(seq..=head.seq).contains(&through) {
        return Err(Problem::parameter("through", format!("must be from {seq} to {}, the log's head", head.seq)));
    }
    if !(seq..=through).contains(&after) {
        return Err(Problem::parameter("cursor", "must be a next_cursor that was given before"));
    }
    let (mut entries, items) = log.store.stored(seq, seq).await.map_err(unavailable)?;
    let entry = entries.pop().ok_or_else(nowhere)?;
    let asked = query.filter(|query| !query.is_empty()).map_or(String::new(), |query| format!("&{query}"));
    access.reads("proof.read", entry.account.as_deref(), Some(&format!("seq={seq}{asked}"))).await?;

    let before = log.store.links(seq - 1, seq - 1).await.map_err(unavailable)?.pop().map(|link| link.chain);
    // The log's first entry follows from what pruning left, or from nothing.
    let first = log.store.anchor().await.map_err(unavailable)?.map_or(GENESIS, |anchor| anchor.head);
    let previous = before.or_else(|| (seq == first.seq + 1).then(|| first.chain.to_vec()));
    let last = through.min(after.saturating_add(LINKS));
    let links = log.store.links(after + 1, last).await.map_err(unavailable)?;
    Ok(Json(Proof {
        entry: Entry::new(entry, &items),
        previous_chain: previous.map(hex::encode),
        head,
        links: links.into_iter().map(Link::from).collect(),
        next_cursor: (last < through).then(|| last.to_string()),
    }))
}

async fn noted(log: &Log) -> Result<Noted, Problem> {
    Ok(Noted::new(log.store.head().await.map_err(unavailable)?, log.clock.now()))
}
