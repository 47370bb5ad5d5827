//! What every page has: head, navigation, footer; and the page that says what went wrong.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::assets::{CSS, ICON, JS};
use crate::audit::problem::Problem;
use crate::protocol::time::{Millis, utc};

/// Which part of the page somebody is in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Changes,
    Accounts,
    Handlers,
    Unreadable,
    Nowhere,
}

const SECTIONS: [(Section, &str, &str); 4] = [
    (Section::Changes, "/", "Changes"),
    (Section::Accounts, "/account", "Accounts"),
    (Section::Handlers, "/handlers", "Handlers"),
    (Section::Unreadable, "/unreadable", "Unreadable"),
];

/// A whole page. The title is the view's first heading as well.
pub(super) fn page(section: Section, title: &str, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · portraitd" }
                link rel="icon" type="image/svg+xml" href=(ICON.path);
                link rel="stylesheet" href=(CSS.path);
                script src=(JS.path) defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header.top {
                    div.bar {
                        a.brand href="/" { img src=(ICON.path) alt="" width="22" height="22"; "portraitd" }
                        nav aria-label="Sections" {
                            @for (each, path, name) in SECTIONS {
                                a href=(path) aria-current=[(each == section).then_some("page")] { (name) }
                            }
                        }
                        // The script shows it: without one all times are UTC.
                        button #zone.quiet type="button" hidden { "Times: UTC" }
                    }
                }
                main #main tabindex="-1" { (body) }
                footer { p { "Times are in " span #zone-name { "UTC" } ". Who reads what is recorded." } }
            }
        }
    }
}

/// Instead of a page: what went wrong.
pub(super) fn error(problem: &Problem) -> Markup {
    let title = problem.status.canonical_reason().unwrap_or("Error");
    let next = match problem.status {
        StatusCode::UNAUTHORIZED => "Reload the page and give the token as the password, with any user name.",
        StatusCode::FORBIDDEN => "Somebody who runs portraitd can give you a token with more scopes.",
        StatusCode::SERVICE_UNAVAILABLE => "Callbacks are still taken meanwhile. Reload the page in a moment.",
        StatusCode::BAD_REQUEST => "Go back and correct it.",
        _ => "",
    };
    let body = html! {
        section.trouble {
            p.code { (problem.status.as_u16()) }
            h1 { (title) }
            p { (sentence(&problem.detail)) }
            @if !next.is_empty() { p.quiet { (next) } }
            p { a.button href="/" { "All changes" } }
        }
    };
    page(Section::Nowhere, title, body)
}

/// A problem's detail as a sentence.
pub(super) fn sentence(detail: &str) -> String {
    let mut chars = detail.chars();
    let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

/// The page as an answer.
pub(super) fn answer(status: StatusCode, page: Markup) -> Response {
    (status, Html(page.into_string())).into_response()
}

/// A time: UTC, which the script turns into the reader's zone.
pub(super) fn time(millis: Millis) -> Markup {
    let utc = utc(millis);
    html! {
        time datetime=(utc.format("%Y-%m-%dT%H:%M:%S%.3fZ")) title=(utc.format("%Y-%m-%d %H:%M:%S%.3f UTC")) {
            span.date { (utc.format("%Y-%m-%d")) } " " span.clock { (utc.format("%H:%M:%S")) }
        }
    }
}
