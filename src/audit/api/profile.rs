//! `GET accounts/{account}/profile`: what the log knows of a profile, now or at a time.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde::Serialize;

use super::params::Params;
use super::{Log, unavailable};
use crate::audit::access::Access;
use crate::audit::problem::Problem;
use crate::audit::shapes;
use crate::protocol::time::{MAX, rfc3339};
use crate::store::Store;
use crate::store::profile::ProfileItem;

#[derive(Serialize)]
pub(super) struct Profile {
    app: i64,
    account: String,
    /// Missing for now.
    at: Option<String>,
    items: Vec<ProfileItem>,
}

/// What the log knows of a profile, now or at a time
#[utoipa::path(
    get,
    path = "/accounts/{account}/profile",
    params(
        ("account" = String, Path, description = "From_Account"),
        ("app" = Option<i64>, Query, description = "SDKAppID; needed where several apps know the account"),
        ("at" = Option<String>, Query, description = "RFC 3339, or a date")
    ),
    responses((status = 200, body = shapes::Profile))
)]
pub(super) async fn at(
    State(log): State<Log>,
    access: Access,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Profile>, Problem> {
    let mut params = Params::of(query.as_deref())?;
    let (app, at) = (params.app()?, params.time("at")?);
    params.end()?;
    access.reads("profile.read", Some(&account), query.as_deref()).await?;
    let app = the_app(&log.store, &account, app).await?;
    let items = log.store.profile(app, &account, at.unwrap_or(MAX)).await.map_err(unavailable)?;
    Ok(Json(Profile { app, account, at: at.map(rfc3339), items }))
}

/// The one that is asked for, or the only one that knows the account.
pub(in crate::audit) async fn the_app(store: &Store, account: &str, app: Option<i64>) -> Result<i64, Problem> {
    let apps = store.apps_of(account).await.map_err(unavailable)?;
    match (app, apps.as_slice()) {
        (Some(app), apps) if apps.contains(&app) => Ok(app),
        (None, [app]) => Ok(*app),
        (None, [_, ..]) => {
            let apps: Vec<String> = apps.iter().map(ToString::to_string).collect();
            Err(Problem::parameter("app", format!("is needed: the account is known in {}", apps.join(", "))))
        }
        _ => Err(Problem::new(StatusCode::NOT_FOUND, "the log does not know this account")),
    }
}
