//! `/`: who changed what, from what, to what, when; newest first.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::asked::{Asked, FILTERS};
use super::layout::{self, Section};
use super::value::thousands;
use super::{Pages, chart, form, rows};
use crate::audit::access::Access;
use crate::audit::api::{Params, unavailable};
use crate::audit::problem::Problem;
use crate::store::{Change, ChangeFilter, Direction, Page, Paging, Place};

pub(super) async fn list(
    State(pages): State<Pages>,
    access: Access,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let asked = Asked::of(query.as_deref());
    let (filter, paging) = match wanted(&asked) {
        Ok(wanted) => wanted,
        Err(problem) => return Ok(refused(&pages, &asked, &problem)),
    };
    access.reads("changes.read", filter.account.as_deref(), query.as_deref()).await?;
    // Before the list is read: what both have, the script shows once.
    let end = pages.log.store.end().await.map_err(unavailable)?;
    let listed = Listed::of(&pages, &filter, paging).await?;
    let chart = match asked.is_empty() {
        true => {
            let begin = chart::begin(pages.clock.now());
            let counts = pages.log.store.per_hour(begin, chart::HOURS).await.map_err(unavailable)?;
            Some(chart::per_hour(begin, &counts))
        }
        false => None,
    };
    let narrowed = asked.only(&FILTERS);
    let live = paging.after.is_none().then(|| narrowed.with("cursor", end).url("/live"));
    let export = |format: &str| narrowed.with("format", format).url("/api/v1/changes/export");
    let body = html! {
        div.heading {
            h1 { "Changes" }
            div.tools {
                @if let Some(live) = live {
                    button #live.button type="button" hidden aria-pressed="false" data-stream=(live) { "Live" }
                }
                span.group {
                    span.quiet { "Export " }
                    a.button href=(export("csv")) download { "CSV" }
                    a.button href=(export("ndjson")) download { "NDJSON" }
                }
            }
        }
        @if let Some(chart) = chart { (chart) }
        (form::filters(&asked, None, pages.clock.now()))
        p #status.status role="status" aria-live="polite" {}
        (listed.body(&asked, "/", "Changes, newest first", false))
    };
    let title = if narrowed.is_empty() { "Changes" } else { "Changes, filtered" };
    Ok(layout::answer(StatusCode::OK, layout::page(Section::Changes, title, body)))
}

fn wanted(asked: &Asked) -> Result<(ChangeFilter, Paging), Problem> {
    let mut params = Params::of(Some(&asked.query()))?;
    let wanted = (params.filter()?, params.paging()?);
    params.end()?;
    Ok(wanted)
}

fn refused(pages: &Pages, asked: &Asked, problem: &Problem) -> Response {
    let body = html! {
        div.heading { h1 { "Changes" } }
        div.notice.bad role="alert" {
            @match problem.parameter.as_deref() {
                Some(name) if FILTERS.contains(&name) => "One field cannot be used as it is.",
                _ => (layout::sentence(&problem.detail)),
            }
        }
        (form::filters(asked, Some(problem), pages.clock.now()))
    };
    layout::answer(problem.status, layout::page(Section::Changes, "Error: changes", body))
}

/// A page of changes, newest first whichever way it was come to, and where it goes on.
pub(super) struct Listed {
    changes: Vec<Change>,
    newer: Option<Place>,
    older: Option<Place>,
    /// It is short, and the search is not at its end: how far it went, in the direction it went.
    short: Option<(Direction, Place)>,
}

impl Listed {
    pub async fn of(pages: &Pages, filter: &ChangeFilter, paging: Paging) -> Result<Self, Problem> {
        let Page { items: mut changes, next } = pages.log.store.changes(filter, paging).await.map_err(unavailable)?;
        let is_short = u32::try_from(changes.len()).is_ok_and(|count| count < paging.limit);
        let short = next.filter(|_| is_short).map(|place| (paging.direction, place));
        let newest_first = paging.direction == Direction::NewestFirst;
        if !newest_first {
            changes.reverse();
        }
        let (first, last) = (changes.first().map(Change::place), changes.last().map(Change::place));
        let (newer, older) = match newest_first {
            true => (paging.after.and(first.or(paging.after)), next),
            false => (next, last.or(paging.after)),
        };
        Ok(Listed { changes, newer, older, short })
    }

    pub fn body(&self, asked: &Asked, path: &str, caption: &str, is_one_account: bool) -> Markup {
        html! {
            @if self.changes.is_empty() { (self.nothing(asked)) }
            // The script adds rows to it.
            div.list hidden[self.changes.is_empty()] { (rows::table(caption, &self.changes, is_one_account)) }
            @if let Some((direction, place)) = self.short {
                p.notice {
                    @match direction {
                        Direction::NewestFirst => { "Searched back to entry " (thousands(place.seq)) "; there is more to search. " }
                        Direction::OldestFirst => { "Searched up to entry " (thousands(place.seq)) "; there is more to search. " }
                    }
                    @let order = if direction == Direction::NewestFirst { "desc" } else { "asc" };
                    a href=(asked.with("order", order).with("cursor", place).url(path)) { "Go on" }
                }
            }
            nav.pages aria-label="Pages" {
                @if let Some(place) = self.newer {
                    a.button rel="prev" href=(asked.with("order", "asc").with("cursor", place).url(path)) { "← Newer" }
                    a.button href=(asked.without("order").without("cursor").url(path)) { "Newest" }
                }
                @if let Some(place) = self.older {
                    a.button rel="next" href=(asked.without("order").with("cursor", place).url(path)) { "Older →" }
                }
            }
        }
    }

    fn nothing(&self, asked: &Asked) -> Markup {
        html! {
            div.empty {
                @if self.short.is_some() {
                    h2 { "Nothing so far" }
                    p { "No change in this part of the log matches." }
                } @else if asked.get("cursor").is_some() {
                    h2 { "Nothing further" }
                    p { "The log has no more changes that match in this direction." }
                } @else if asked.only(&FILTERS).is_empty() {
                    h2 { "Nothing is recorded yet" }
                    p { "The first callback that arrives will be here. " code { "portraitd doctor" } " says whether anything stands in its way." }
                } @else {
                    h2 { "No change matches" }
                    p { "Filters are exact: an account is compared letter by letter, with its case." }
                }
            }
        }
    }
}
