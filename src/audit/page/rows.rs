//! Changes as rows of a table, the same wherever they are listed.

use maud::{Markup, html};

use super::asked::Asked;
use super::value::{self, IN_A_LIST};
use super::{layout, tags};
use crate::store::Change;

/// A value that takes effect more than this before or after it is received says so. Milliseconds.
const APART: i64 = 60_000;

/// A table of changes, newest first. `is_one_account`: whose they are stands above already.
pub(super) fn table(caption: &str, changes: &[Change], is_one_account: bool) -> Markup {
    html! {
        table.changes.of-one[is_one_account] {
            caption.sr { (caption) }
            thead {
                tr {
                    th scope="col" { "Received" }
                    @if !is_one_account { th scope="col" { "Account" } }
                    th scope="col" { "Changed by" }
                    th scope="col" { "Tag" }
                    th scope="col" { span.sides { span { "Old" } span { "New" } } }
                    th scope="col" { "Entry" }
                }
            }
            tbody #rows {
                @for change in changes { (row(change, is_one_account)) }
            }
        }
    }
}

pub(super) fn row(change: &Change, is_one_account: bool) -> Markup {
    let is_apart = (change.effective_time.0 - change.received_at.0).abs() > APART;
    html! {
        tr data-place=(change.place()) {
            td.when data-label="Received" {
                (layout::time(change.received_at.0))
                @if is_apart { div.sub { "took effect " (layout::time(change.effective_time.0)) } }
            }
            @if !is_one_account {
                td.who data-label="Account" { (account(change.app, change.account.as_deref())) }
            }
            td.by data-label="Changed by" {
                (operator(change.account.as_deref(), change.operator.as_deref()))
                @if let Some(platform) = &change.platform { div.sub { (value::text(platform)) } }
            }
            td.tag data-label="Tag" { (tag(&change.tag)) }
            td.diff data-label="Change" { (sides(change.old.as_deref(), change.new.as_deref(), IN_A_LIST)) }
            td.entry data-label="Entry" {
                a href=(format!("/callbacks/{}", change.seq)) { span.sr { "Callback " } "#" (change.seq) }
                @if change.kind != "callback" { div.sub { (change.kind) } }
            }
        }
    }
}

/// Old and new, side by side.
pub(super) fn sides(old: Option<&str>, new: Option<&str>, most: usize) -> Markup {
    let Some(new) = new else { return html! { span.nothing { "erased" } } };
    html! {
        div.sides {
            div.old.unknown[old.is_none()] {
                span.sr { "old: " }
                @match old {
                    Some(old) => (value::json(old, most)),
                    None => span.nothing title="The log holds no earlier value" { "not known" },
                }
            }
            div.new { span.sr { "new: " } (value::json(new, most)) }
        }
    }
}

/// An account, which leads to its page.
pub(super) fn account(app: i64, account: Option<&str>) -> Markup {
    let Some(account) = account else { return html! { span.nothing { "erased" } div.sub { "app " (app) } } };
    let url = Asked::default().with("app", app).with("account", account).url("/account");
    html! { a href=(url) { (value::brief(account)) } div.sub { "app " (app) } }
}

/// Who changed it, and whether that was somebody else.
pub(super) fn operator(account: Option<&str>, operator: Option<&str>) -> Markup {
    match operator {
        None => html! { span.nothing { "not given" } },
        Some(operator) if Some(operator) == account => html! { span.itself { "the account itself" } },
        Some(operator) => {
            let url = Asked::default().with("operator", operator).url("/");
            html! { a href=(url) { (value::brief(operator)) } }
        }
    }
}

/// A tag by what people call it.
pub(super) fn tag(tag: &str) -> Markup {
    match tags::label(tag) {
        Some(label) => html! { (label) div.sub.code { (tag) } },
        None => html! { span.code { (value::brief(tag)) } },
    }
}
