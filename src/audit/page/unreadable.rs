//! `/unreadable`: what an authentic sender sent and nobody could read.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::Pages;
use super::asked::Asked;
use super::layout::{self, Section};
use super::value::{self, IN_A_LIST, thousands};
use crate::audit::access::Access;
use crate::audit::api::{Params, unavailable};
use crate::audit::problem::Problem;
use crate::store::UnreadableRow;

/// Bodies of a page: each may be large.
const LIMIT: u32 = 20;

pub(super) async fn list(
    State(pages): State<Pages>,
    access: Access,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut params = Params::of(query.as_deref())?;
    let before = params.parsed("cursor", "where a page ended")?;
    params.end()?;
    access.reads("unreadable.read", None, query.as_deref()).await?;
    let rows = pages.log.store.unreadable(before, LIMIT).await.map_err(unavailable)?;
    let is_full = u32::try_from(rows.len()).is_ok_and(|count| count == LIMIT);
    let body = html! {
        div.heading { h1 { "Unreadable" } }
        p.intro { "Authentic requests that could not be recorded as changes, kept as they came. They were answered 400." }
        @if rows.is_empty() {
            div.empty { h2 { "Nothing here" } p { "Everything that authentic senders sent could be read." } }
        } @else {
            table.unreadable {
                caption.sr { "Unreadable bodies, newest first" }
                thead { tr { @for name in ["Last received", "Why", "Times", "App", "Body"] { th scope="col" { (name) } } } }
                tbody { @for each in &rows { (row(each)) } }
            }
        }
        nav.pages aria-label="Pages" {
            @if before.is_some() { a.button href="/unreadable" { "Newest" } }
            @if let Some(last) = rows.last().filter(|_| is_full) {
                a.button rel="next" href=(Asked::default().with("cursor", last.id).url("/unreadable")) { "Older →" }
            }
        }
    };
    Ok(layout::answer(StatusCode::OK, layout::page(Section::Unreadable, "Unreadable", body)))
}

fn row(row: &UnreadableRow) -> Markup {
    html! {
        tr {
            td.when data-label="Last received" {
                (layout::time(row.last_at.0))
                @if row.times > 1 { div.sub { "first " (layout::time(row.first_at.0)) } }
            }
            td.why data-label="Why" {
                (value::text(&row.reason))
                div.sub {
                    (value::text(row.command.as_deref().unwrap_or("no command")))
                    @if row.auth == "stale" { ", Sign out of its time" }
                }
            }
            td.number data-label="Times" { (thousands(row.times)) }
            td data-label="App" {
                @match row.sdk_app_id { Some(app) => (app), None => span.nothing { "not given" } }
                @if let Some(platform) = &row.platform { div.sub { (value::text(platform)) } }
                @if let Some(ip) = &row.client_ip { div.sub { (value::text(ip)) } }
            }
            td.raw data-label="Body" {
                details.raw { summary { (thousands(row.body.len())) " bytes" } (value::body(&row.body, IN_A_LIST)) }
            }
        }
    }
}
