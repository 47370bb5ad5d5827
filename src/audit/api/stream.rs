//! `GET changes/stream`: changes as they are recorded, as Server-Sent Events. Each has its place in the log as id, from which
//! a reader that was cut off goes on.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::watch;

use super::params::Params;
use super::{Log, unavailable};
use crate::audit::access::Access;
use crate::audit::problem::Problem;
use crate::audit::shapes;
use crate::store::{Change, Tail};

/// How often a log that others write to is looked at.
const POLL: Duration = Duration::from_millis(500);
/// Readers are told no more often, so that what arrives one by one is read together.
const PACE: Duration = Duration::from_millis(100);
/// So that whatever stands between does not think the connection dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Changes read at a time. The next are read when the reader has taken these.
const AT_ONCE: u32 = 200;

/// Changes as they are recorded, as Server-Sent Events
///
/// An event's id is its change's place in the log, its data the change as JSON.
#[utoipa::path(
    get,
    path = "/changes/stream",
    params(
        shapes::Filter,
        ("cursor" = Option<String>, Query, description = "Go on after this place, such as 1234.0; from now on without"),
        ("Last-Event-ID" = Option<String>, Header, description = "The same; a browser sends it by itself")
    ),
    responses((status = 200, body = shapes::Change, content_type = "text/event-stream"))
)]
pub(super) async fn stream(
    State(log): State<Log>,
    access: Access,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let changes = tail(log, access, query.as_deref(), &headers).await?;
    let events = changes.map(|change| {
        let event = Event::default().id(change.place().to_string());
        // What was read from the log as JSON can be written as JSON.
        Ok(event.json_data(&change).unwrap_or_default())
    });
    Ok(Sse::new(events).keep_alive(keep_alive()))
}

pub(in crate::audit) fn keep_alive() -> KeepAlive {
    KeepAlive::new().interval(HEARTBEAT).text("still here")
}

/// Changes as they are recorded, until the service stops.
pub(in crate::audit) async fn tail(
    log: Log,
    access: Access,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<impl Stream<Item = Change> + use<>, Problem> {
    let mut params = Params::of(query)?;
    let (filter, cursor) = (params.filter()?, params.place("cursor")?);
    params.end()?;
    let last = match headers.get("last-event-id").map(|id| id.to_str().ok().and_then(|id| id.parse().ok())) {
        None => cursor,
        Some(Some(place)) => Some(place),
        Some(None) => return Err(Problem::parameter("Last-Event-ID", "must be the id of an event of this stream")),
    };
    access.reads("changes.stream", filter.account.as_deref(), query).await?;
    let after = match last {
        Some(place) => place,
        None => log.store.end().await.map_err(unavailable)?,
    };
    let appended = log.store.appended();
    let reader = Reader { log, tail: Tail::new(filter, after), ready: VecDeque::new(), appended };
    Ok(stream::unfold(reader, async |mut reader| Some((reader.next().await?, reader))))
}

struct Reader {
    log: Log,
    tail: Tail,
    ready: VecDeque<Change>,
    appended: watch::Receiver<i64>,
}

impl Reader {
    /// None when the service stops.
    async fn next(&mut self) -> Option<Change> {
        loop {
            if let Some(change) = self.ready.pop_front() {
                return Some(change);
            }
            match self.tail.next(&self.log.store, AT_ONCE).await {
                Ok(changes) if !changes.is_empty() => {
                    self.ready.extend(changes);
                    continue;
                }
                Ok(_) => {}
                Err(error) => tracing::debug!("the log cannot be read: {error}"),
            }
            tokio::select! {
                () = self.log.stop.stopping() => return None,
                () = tokio::time::sleep(POLL) => {}
                () = async { let _ = self.appended.changed().await; tokio::time::sleep(PACE).await } => {}
            }
        }
    }
}
