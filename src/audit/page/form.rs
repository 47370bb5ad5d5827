//! The form that narrows a list of changes. It is a GET: what it says is in the URL, to be sent to a colleague.

use maud::{Markup, html};

use super::asked::{Asked, FILTERS};
use super::tags;
use crate::audit::problem::Problem;
use crate::protocol::time::{Millis, rfc3339};

const DAY: Millis = 86_400_000;
/// Ranges of time people ask for, in milliseconds.
const LATELY: [(&str, Millis); 4] =
    [("last hour", DAY / 24), ("24 hours", DAY), ("7 days", 7 * DAY), ("30 days", 30 * DAY)];

pub(super) fn filters(asked: &Asked, problem: Option<&Problem>, now: Millis) -> Markup {
    let is_more = ["event_since", "event_until", "kind"].iter().any(|name| asked.get(name).is_some());
    let field = |name: &str, label: &str, hint: &str| field(asked, problem, name, label, hint);
    let narrowed = asked.only(&FILTERS);
    let fields = html! {
        form.filters method="get" action="/" role="search" aria-label="Filter changes" {
            (field("account", "Account", ""))
            (field("operator", "Changed by", ""))
            (field("tag", "Tag", ""))
            (field("platform", "Platform", "iOS, RESTAPI …"))
            (field("app", "App", "SDKAppID"))
            (field("since", "Received since", "2026-01-31 12:00"))
            (field("until", "Received before", "2026-01-31 18:00"))
            div.actions {
                button.button.main type="submit" { "Filter" }
                @if !narrowed.is_empty() { a.button href="/" { "Clear" } }
            }
            details.more open[is_more] {
                summary { "When it happened, rather than when it was received, and what was missed" }
                div.fields {
                    (field("event_since", "Happened since", "2026-01-31"))
                    (field("event_until", "Happened before", "2026-02-01"))
                    (field("kind", "Kind", "reconcile"))
                }
            }
            datalist #tags { @for (tag, label) in tags::KNOWN { option value=(tag) { (label) } } }
        }
    };
    html! {
        details.fold open {
            summary.button { "Filter …" }
            (fields)
        }
        p.lately {
            span.quiet { "Received in the " }
            @for (name, span) in LATELY {
                // A minute's beginning, so that the same view has the same URL for a while.
                @let since = rfc3339((now - span).div_euclid(60_000) * 60_000);
                a href=(narrowed.without("until").with("since", since).url("/")) { (name) } " "
            }
        }
    }
}

/// One field with its label, and what is wrong with it.
pub(super) fn field(asked: &Asked, problem: Option<&Problem>, name: &str, label: &str, hint: &str) -> Markup {
    let wrong = problem.filter(|problem| problem.parameter.as_deref() == Some(name));
    let is_time = name.ends_with("since") || name.ends_with("until") || name == "at";
    let (about, mode) = (format!("{name}-wrong"), (name == "app").then_some("numeric"));
    html! {
        label.field.wrong[wrong.is_some()] for=(name) {
            span.name { (label) @if is_time { " " span.zone { "UTC" } } }
            input #(name) name=(name) value=[asked.get(name)] placeholder=(hint) data-time[is_time]
                inputmode=[mode] list=[(name == "tag").then_some("tags")] autocomplete="off" autocapitalize="none" spellcheck="false"
                aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| about.as_str())];
            @if let Some(problem) = wrong { span.why #(about) { (super::layout::sentence(&problem.detail)) } }
        }
    }
}
