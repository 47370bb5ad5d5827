//! `/account`: one account's profile, now or at a time, and what happened to it.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::asked::Asked;
use super::changes::Listed;
use super::layout::{self, Section};
use super::value::{self, IN_A_LIST};
use super::{Pages, form, rows};
use crate::audit::access::Access;
use crate::audit::api::{Params, unavailable};
use crate::audit::problem::Problem;
use crate::protocol::time::{MAX, Millis, rfc3339};
use crate::store::profile::ProfileItem;
use crate::store::{ChangeFilter, Paging};

struct Wanted {
    app: Option<i64>,
    account: Option<String>,
    at: Option<Millis>,
    paging: Paging,
}

pub(super) async fn one(
    State(pages): State<Pages>,
    access: Access,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let asked = Asked::of(query.as_deref());
    let wanted = match wanted(&asked) {
        Ok(wanted) => wanted,
        Err(problem) => return Ok(asking(&asked, Some(&problem), html! {})),
    };
    let Some(account) = wanted.account else { return Ok(asking(&asked, None, html! {})) };
    access.reads("profile.read", Some(&account), query.as_deref()).await?;
    let apps = pages.log.store.apps_of(&account).await.map_err(unavailable)?;
    let app = match (wanted.app, apps.as_slice()) {
        (Some(app), apps) if apps.contains(&app) => app,
        (None, [app]) => *app,
        (_, []) => {
            let detail = "the log does not know this account";
            return Ok(asking(&asked, Some(&Problem::new(StatusCode::NOT_FOUND, detail)), html! {}));
        }
        (_, apps) => return Ok(asking(&asked, None, choice(&asked, &account, apps))),
    };
    let profile = pages.log.store.profile(app, &account, wanted.at.unwrap_or(MAX)).await.map_err(unavailable)?;
    let filter = ChangeFilter { app: Some(app), account: Some(account.clone()), ..ChangeFilter::default() };
    let timeline = Listed::of(&pages, &filter, wanted.paging).await?;
    let changes = Asked::default().with("app", app).with("account", &account);
    let body = html! {
        div.heading {
            div {
                p.kind { "Account in app " (app) }
                h1 { (value::brief(&account)) }
            }
            div.tools { a.button href=(changes.url("/")) { "Search its changes" } }
        }
        section aria-labelledby="profile" {
            div.heading {
                h2 #profile { @match wanted.at { None => "Profile now", Some(at) => { "Profile at " (layout::time(at)) } } }
                form.at method="get" action="/account" {
                    input type="hidden" name="app" value=(app);
                    input type="hidden" name="account" value=(account);
                    (form::field(&asked, None, "at", "At", "2026-01-31 12:00"))
                    button.button type="submit" { "Show" }
                    @if wanted.at.is_some() { a.button href=(changes.url("/account")) { "Now" } }
                }
            }
            (items(&profile, wanted.at))
        }
        section aria-labelledby="timeline" {
            h2 #timeline { "Timeline" }
            (timeline.body(&asked.with("app", app), "/account", "This account’s changes, newest first", true))
        }
    };
    Ok(layout::answer(StatusCode::OK, layout::page(Section::Accounts, &format!("Account {}", named(&account)), body)))
}

fn wanted(asked: &Asked) -> Result<Wanted, Problem> {
    let mut params = Params::of(Some(&asked.query()))?;
    let (app, account, at) = (params.app()?, params.text("account"), params.time("at")?);
    let wanted = Wanted { app, account, at, paging: params.paging()? };
    params.end()?;
    Ok(wanted)
}

/// Which account? Also when the answer was of no use.
fn asking(asked: &Asked, problem: Option<&Problem>, below: Markup) -> Response {
    let body = html! {
        div.heading { h1 { "Accounts" } }
        @if let Some(problem) = problem { div.notice.bad role="alert" { (layout::sentence(&problem.detail)) } }
        form.filters.few method="get" action="/account" role="search" aria-label="Find an account" {
            (form::field(asked, problem, "account", "Account", "exactly as Chat names it"))
            (form::field(asked, problem, "app", "App", "where two share the account"))
            (form::field(asked, problem, "at", "As it was at", "now"))
            div.actions { button.button.main type="submit" { "Show" } }
        }
        (below)
    };
    let title = if problem.is_some() { "Error: accounts" } else { "Accounts" };
    layout::answer(
        problem.map_or(StatusCode::OK, |problem| problem.status),
        layout::page(Section::Accounts, title, body),
    )
}

fn choice(asked: &Asked, account: &str, apps: &[i64]) -> Markup {
    html! {
        section.empty {
            h2 { "Which app’s?" }
            p { strong { (value::brief(account)) } " is known in more than one." }
            ul.choice { @for app in apps { li { a.button href=(asked.with("app", app).url("/account")) { "App " (app) } } } }
        }
    }
}

fn items(profile: &[ProfileItem], at: Option<Millis>) -> Markup {
    if profile.is_empty() {
        let why = if at.is_some() {
            "The log knows nothing of it from that time or before."
        } else {
            "Its callbacks set nothing."
        };
        return html! { div.empty { h2 { "No values" } p { (why) } } };
    }
    html! {
        table.profile {
            caption.sr { "Values by tag" }
            thead {
                tr { th scope="col" { "Tag" } th scope="col" { "Value" } th scope="col" { "Since" } th scope="col" { "Set by" } th scope="col" { "Entry" } }
            }
            tbody {
                @for item in profile {
                    tr {
                        th.tag scope="row" data-label="Tag" { (rows::tag(&item.tag)) }
                        td.value data-label="Value" { (value::json(&item.value, IN_A_LIST)) }
                        td.when data-label="Since" { (layout::time(item.effective_time.0)) }
                        td.by data-label="Set by" { (rows::operator(None, item.operator.as_deref())) }
                        td.entry data-label="Entry" { a href=(format!("/callbacks/{}", item.seq)) { span.sr { "Callback " } "#" (item.seq) } }
                    }
                }
            }
        }
    }
}

/// In a window's title, where no markup can show what hides.
fn named(account: &str) -> String {
    account.chars().filter(|c| super::invisible::name(*c).is_none()).take(40).collect()
}

/// An account as it was when something took effect.
pub(super) fn at(app: i64, account: &str, at: Millis) -> String {
    Asked::default().with("app", app).with("account", account).with("at", rfc3339(at)).url("/account")
}
