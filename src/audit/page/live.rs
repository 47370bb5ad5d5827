//! `/live`: rows as they are recorded, for the script. Each has its place in the log as id, from which a browser goes on.

use std::convert::Infallible;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::Event;
use futures_util::{Stream, StreamExt};

use super::{Pages, rows};
use crate::audit::access::Access;
use crate::audit::api::{keep_alive, tail};
use crate::audit::problem::Problem;

pub(super) async fn rows(
    State(pages): State<Pages>,
    access: Access,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let changes = tail(pages.log, access, query.as_deref(), &headers).await?;
    let events = changes.map(|change| {
        let row = rows::row(&change, false).into_string();
        // A string is always JSON.
        Ok(Event::default().id(change.place().to_string()).json_data(row).unwrap_or_default())
    });
    Ok(Sse::new(events).keep_alive(keep_alive()))
}
