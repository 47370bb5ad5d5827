//! `/callbacks/{seq}`: one entry of the log, whole.

use std::collections::HashMap;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::layout::{self, Section};
use super::value::{self, WHOLE, thousands};
use super::{Pages, account, rows};
use crate::audit::access::Access;
use crate::audit::api::unavailable;
use crate::audit::problem::Problem;
use crate::store::{StoredEntry, StoredItem};

pub(super) async fn one(
    State(pages): State<Pages>,
    access: Access,
    path: Result<Path<i64>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(seq) = path.map_err(|_| Problem::parameter("seq", "must be an entry's number"))?;
    let (mut entries, items) = pages.log.store.stored(seq, seq).await.map_err(unavailable)?;
    let missing = || Problem::new(StatusCode::NOT_FOUND, format!("the log has no entry {seq}"));
    let entry = entries.pop().ok_or_else(missing)?;
    access.reads("callback.read", entry.account.as_deref(), Some(&format!("seq={seq}"))).await?;
    let previous = pages.log.store.previous(&[seq]).await.map_err(unavailable)?;
    let previous: HashMap<i32, String> = previous.into_iter().filter_map(|row| Some((row.ordinal, row.old?))).collect();
    let next = pages.log.store.next_after(seq).await.map_err(unavailable)?;
    let body = html! {
        div.heading {
            div {
                p.kind { "Entry of the log · " (entry.kind) }
                h1 { "Callback #" (seq) }
            }
            nav.tools aria-label="Entries" {
                @if seq > 1 { a.button rel="prev" href=(format!("/callbacks/{}", seq - 1)) { "← #" (seq - 1) } }
                @if let Some(next) = next { a.button rel="next" href=(format!("/callbacks/{next}")) { "#" (next) " →" } }
            }
        }
        (envelope(&entry))
        section aria-labelledby="items" { h2 #items { "What changed" } (changed(&items, &previous, entry.body.is_some())) }
        @if let Some(body) = &entry.body {
            section aria-labelledby="body" {
                h2 #body { "As it was received" }
                details.raw { summary { "Body, " (thousands(body.len())) " bytes" } (value::body(body, WHOLE)) }
            }
        }
    };
    Ok(layout::answer(StatusCode::OK, layout::page(Section::Changes, &format!("Callback #{seq}"), body)))
}

fn envelope(entry: &StoredEntry) -> Markup {
    let optional = |text: Option<&str>| match text {
        Some(text) => value::text(text),
        None => html! { span.nothing { @if entry.body.is_some() { "not given" } @else { "erased" } } },
    };
    html! {
        dl.facts {
            div { dt { "Account" } dd { (rows::account(entry.sdk_app_id, entry.account.as_deref())) } }
            div {
                dt { "Changed by" }
                dd { @if entry.body.is_some() { (rows::operator(entry.account.as_deref(), entry.operator.as_deref())) } @else { (optional(None)) } }
            }
            div { dt { "Received" } dd { (layout::time(entry.received_at.0)) } }
            div {
                dt { "Took effect" }
                dd {
                    (layout::time(entry.effective_time.0))
                    @if let Some(account) = &entry.account {
                        div.sub { a href=(account::at(entry.sdk_app_id, account, entry.effective_time.0)) { "the profile then" } }
                    }
                }
            }
            div { dt { "EventTime" } dd { @match entry.event_time { Some(at) => (layout::time(at.0)), None => (optional(None)) } } }
            div { dt { "Platform" } dd { (optional(entry.platform.as_deref())) } }
            div { dt { "Client address (claimed)" } dd { (optional(entry.client_ip.as_deref())) } }
            div {
                dt { "Sender" }
                dd { @if entry.auth == "sign" { "Sign verified" } @else { "not authenticated: the app has no token" } }
            }
            div.wide { dt { "Receipt" } dd.code { (hex::encode(&entry.receipt_id)) } }
            div.wide { dt { "Digest" } dd.code { (hex::encode(&entry.digest)) } }
            div.wide { dt { "Chain" } dd.code { (hex::encode(&entry.chain)) } }
        }
    }
}

fn changed(items: &[StoredItem], previous: &HashMap<i32, String>, is_whole: bool) -> Markup {
    if items.is_empty() {
        let why = if is_whole { "This callback named no items." } else { "What it held was erased." };
        return html! { div.empty { h2 { "No items" } p { (why) } } };
    }
    html! {
        table.items {
            caption.sr { "Items, old and new" }
            thead { tr { th scope="col" { "Tag" } th scope="col" { span.sides { span { "Old" } span { "New" } } } } }
            tbody {
                @for item in items {
                    tr {
                        th.tag scope="row" data-label="Tag" { (rows::tag(&item.tag)) }
                        td.diff data-label="Change" { (rows::sides(previous.get(&item.ordinal).map(String::as_str), item.value.as_deref(), WHOLE)) }
                    }
                }
            }
        }
    }
}
