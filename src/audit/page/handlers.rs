//! `/handlers`: where each is in the log, what it could not handle, and the buttons that steer it.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::asked::Asked;
use super::layout::{self, Section};
use super::value::{self, thousands};
use super::{Pages, rows};
use crate::audit::access::Access;
use crate::audit::api::{Params, unavailable};
use crate::audit::problem::Problem;
use crate::store::subscription::{DeadLetter, HandlerRow};

/// Dead letters of a handler that are shown at a time.
const LIMIT: u32 = 20;

pub(super) async fn list(
    State(pages): State<Pages>,
    access: Access,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut params = Params::of(query.as_deref())?;
    let (did, seq) = (params.text("did"), params.parsed::<i64>("seq", "an entry's number")?);
    let (of, after) = (params.text("name"), params.parsed::<i64>("cursor", "where a page ended")?);
    params.end()?;
    let handlers = pages.log.store.handlers().await.map_err(unavailable)?;
    let mut cards = Vec::new();
    for handler in &handlers {
        let after = after.filter(|_| of.as_deref() == Some(&handler.handler)).unwrap_or(0);
        let letters = pages.log.store.dead_letters(&handler.handler, after, LIMIT).await.map_err(unavailable)?;
        if !letters.is_empty() {
            access.reads("handlers.read", Some(&handler.handler), query.as_deref()).await?;
        }
        cards.push(card(handler, &letters, after));
    }
    let known = handlers.iter().map(|handler| handler.handler.as_str()).find(|name| Some(*name) == of.as_deref());
    let body = html! {
        div.heading { h1 { "Handlers" } }
        @if let Some(done) = known.zip(did.as_deref()).and_then(|(name, did)| done(name, did, seq)) {
            p.notice.good role="status" { (done) }
        }
        @if handlers.is_empty() {
            div.empty {
                h2 { "No handlers" }
                p { "Nothing reacts to changes yet. Handlers are configured as " code { "[[handlers]]" } ", or written against the library." }
            }
        }
        @for card in cards { (card) }
    };
    Ok(layout::answer(StatusCode::OK, layout::page(Section::Handlers, "Handlers", body)))
}

/// What was done before the page came back.
fn done(name: &str, did: &str, seq: Option<i64>) -> Option<String> {
    Some(match (did, seq) {
        ("pause", None) => format!("{name} is paused: nothing new is tried."),
        ("resume", None) => format!("{name} goes on."),
        ("retry", Some(seq)) => format!("{name} tries callback #{seq} again."),
        _ => return None,
    })
}

fn card(handler: &HandlerRow, letters: &[DeadLetter], after: i64) -> Markup {
    let (name, state) = (&handler.handler, handler.state());
    let is_full = u32::try_from(letters.len()).is_ok_and(|count| count == LIMIT);
    let meaning = match state {
        "paused" => "an operator holds it",
        "stalled" => "nothing gets through at present",
        "running" => "a process handles changes",
        _ => "no process handles it at present",
    };
    html! {
        section.card aria-labelledby=(format!("handler-{name}")) {
            div.heading {
                div {
                    h2 #(format!("handler-{name}")) { (name) }
                    p.state.(state) { strong { (state) } span.quiet { ": " (meaning) } }
                }
                div.tools {
                    @if handler.paused { (button(name, "resume", "Resume")) } @else { (button(name, "pause", "Pause")) }
                }
            }
            dl.numbers {
                div { dt { "Behind" } dd { (thousands(handler.lag())) span.sub { (span(handler.lag_ms)) } } }
                div { dt { "Position" } dd { (thousands(handler.position)) span.sub { "of " (thousands(handler.head)) } } }
                div { dt { "Waiting to be retried" } dd { (thousands(handler.waiting)) @if handler.waiting > 0 { span.sub { (held(handler.accounts)) } } } }
                div.bad[handler.dead > 0] { dt { "Dead letters" } dd { (thousands(handler.dead)) } }
            }
            @if let Some(at) = handler.stalled_at { p.notice.bad { "Stalled since " (layout::time(at.0)) } }
            @if !letters.is_empty() { (dead(name, letters)) }
            @if after > 0 || is_full {
                nav.pages aria-label=(format!("Dead letters of {name}")) {
                    @if after > 0 { a.button href="/handlers" { "Oldest" } }
                    @if let Some(last) = letters.last().filter(|_| is_full) {
                        a.button rel="next" href=(Asked::default().with("name", name).with("cursor", last.seq).url("/handlers")) { "More →" }
                    }
                }
            }
            @if let Some(owner) = &handler.owner { p.owner { "Handled by " span.code { (value::brief(owner)) } } }
        }
    }
}

fn dead(name: &str, letters: &[DeadLetter]) -> Markup {
    html! {
        table.dead {
            caption { "Dead letters: what it could not handle, oldest first" }
            thead {
                tr {
                    @for title in ["Entry", "Account", "Why", "Attempts", "Failing since"] { th scope="col" { (title) } }
                    th scope="col" { span.sr { "Retry" } }
                }
            }
            tbody {
                @for letter in letters {
                    tr {
                        td.entry data-label="Entry" { a href=(format!("/callbacks/{}", letter.seq)) { span.sr { "Callback " } "#" (letter.seq) } }
                        td.who data-label="Account" {
                            @match letter.app { Some(app) => (rows::account(app, letter.account.as_deref())), None => span.nothing { "gone" } }
                        }
                        td.why data-label="Why" { (value::text(letter.error.as_deref().unwrap_or("not known"))) }
                        td.number data-label="Attempts" { (letter.attempts) }
                        td.when data-label="Failing since" { (layout::time(letter.since.0)) }
                        td.action {
                            (button(name, &format!("dead-letters/{}/retry", letter.seq), "Retry"))
                        }
                    }
                }
            }
        }
    }
}

fn button(name: &str, action: &str, label: &str) -> Markup {
    let what = action.split('/').nth(1).map_or(name.to_owned(), |seq| format!("callback {seq} with {name}"));
    html! {
        form method="post" action=(format!("/handlers/{name}/{action}")) {
            button.button type="submit" aria-label=(format!("{label} {what}")) { (label) }
        }
    }
}

fn held(accounts: i64) -> String {
    if accounts == 1 { "one account waits".to_owned() } else { format!("{} accounts wait", thousands(accounts)) }
}

/// A length of time as people say it.
fn span(millis: i64) -> String {
    match millis.max(0) / 1000 {
        0 => "up to date".to_owned(),
        seconds @ 1..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..172_800 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        seconds => format!("{} days", seconds / 86_400),
    }
}
