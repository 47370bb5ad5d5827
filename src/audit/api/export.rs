//! `GET changes/export`: everything that matches, as one stream in constant memory, oldest first, up to where the log ends when
//! it is asked for. A trailer says that it is whole; a stream that breaks off has none.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, TRAILER};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;

use super::params::Params;
use super::{Log, unavailable};
use crate::audit::access::Access;
use crate::audit::problem::Problem;
use crate::audit::shapes;
use crate::export::{Export, Format};
use crate::store::StoreError;

/// How many changes the export holds, and up to which entry of the log it goes.
const ROWS: HeaderName = HeaderName::from_static("portraitd-export-rows");
const HEAD: HeaderName = HeaderName::from_static("portraitd-export-head");

/// Everything that matches, oldest first
///
/// The trailers `portraitd-export-rows` and `portraitd-export-head` say that it is whole.
#[utoipa::path(
    get,
    path = "/changes/export",
    params(shapes::Filter, ("format" = Option<String>, Query, description = "ndjson, which is the default, or csv")),
    responses((
        status = 200,
        content((shapes::Change = "application/x-ndjson"), (String = "text/csv"))
    ))
)]
pub(super) async fn export(
    State(log): State<Log>,
    access: Access,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut params = Params::of(query.as_deref())?;
    let (filter, format) = (params.filter()?, params.parsed("format", "ndjson or csv")?.unwrap_or(Format::Ndjson));
    params.end()?;
    access.reads("changes.export", filter.account.as_deref(), query.as_deref()).await?;
    let export = Export::new(log.store.clone(), filter, format).await.map_err(unavailable)?;
    let name = format!("attachment; filename=\"portraitd-changes.{}\"", format.extension());
    let frames = stream::unfold(Some(export), |export| async {
        let mut export = export?;
        match export.next().await {
            Ok(Some(part)) => Some((Ok(Frame::data(Bytes::from(part))), Some(export))),
            Ok(None) => Some((Ok(Frame::trailers(trailers(&export))), None)),
            Err(error) => {
                tracing::warn!("an export broke off: {error}");
                Some((Err::<_, StoreError>(error), None))
            }
        }
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
        (CONTENT_DISPOSITION, HeaderValue::try_from(name).unwrap_or(HeaderValue::from_static("attachment"))),
        (TRAILER, HeaderValue::from_static("portraitd-export-rows, portraitd-export-head")),
    ];
    Ok((headers, Body::new(StreamBody::new(frames))).into_response())
}

fn trailers(export: &Export) -> HeaderMap {
    [(ROWS, export.rows().into()), (HEAD, export.head().into())].into_iter().collect()
}
