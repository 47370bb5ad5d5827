//! The control API: changes as an account's own client makes them, faults, ordered answers, and a look at everything. JSON in,
//! JSON out; docs/emulator.md has every route.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::{HOST, ORIGIN};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::fire::{self, Target};
use super::forced::Order;
use super::model::{CustomField, Item, Model, Writer};
use super::vendor::Vendor;
use super::{SOMEWHERE, faults::Faults, loopback, rest};

/// How long a drain waits unless it is told otherwise.
const PATIENCE_MS: u64 = 10_000;

type Shared = State<Arc<Vendor>>;

pub(super) fn router(vendor: &Arc<Vendor>) -> Router<Arc<Vendor>> {
    Router::new()
        .route("/emulator", get(overview))
        .route("/emulator/model", get(model).put(replace_model))
        .route("/emulator/accounts/{account}", get(account).put(import))
        .route("/emulator/accounts/{account}/profile", post(change))
        .route("/emulator/custom-fields", put(custom_fields))
        .route("/emulator/faults", get(faults).put(set_faults))
        .route("/emulator/answers", get(answers).post(order).delete(cancel))
        .route("/emulator/callback", put(set_callback))
        .route("/emulator/callbacks", get(callbacks))
        .route("/emulator/console-check", post(console_check))
        .route("/emulator/drain", post(drain))
        .route("/emulator/reset", post(reset))
        .fallback(async || Problem(StatusCode::NOT_FOUND, "no such route; docs/emulator.md has all".to_owned()))
        .method_not_allowed_fallback(async || {
            Problem(StatusCode::METHOD_NOT_ALLOWED, "another method; docs/emulator.md has each route's".to_owned())
        })
        .layer(middleware::from_fn_with_state(vendor.clone(), no_browsers))
}

/// A problem of the one who asked.
struct Problem(StatusCode, String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

fn bad(why: impl Into<String>) -> Problem {
    Problem(StatusCode::BAD_REQUEST, why.into())
}

fn given<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Problem> {
    body.map(|Json(body)| body).map_err(|why| bad(why.body_text()))
}

async fn keep(vendor: &Vendor) -> Result<(), Problem> {
    vendor.keep().await.map_err(|error| Problem(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")))
}

/// Pages somebody has open must not steer what runs on their machine.
async fn no_browsers(State(vendor): Shared, request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if request.headers().contains_key(ORIGIN) || !(vendor.settings.allow_remote || loopback::host(host)) {
        return Problem(StatusCode::FORBIDDEN, "the control API is not for web pages".to_owned()).into_response();
    }
    next.run(request).await
}

async fn overview(State(vendor): Shared) -> Json<Value> {
    Json(json!({
        "sdk_app_id": vendor.settings.sdk_app_id,
        "callback_url": vendor.sender.target().map(|target| target.url),
        "callbacks": vendor.sender.counters(),
        "commands": vendor.rates.calls(),
        "accounts": vendor.model().accounts.len(),
    }))
}

async fn model(State(vendor): Shared) -> Json<Model> {
    Json(vendor.model().clone())
}

async fn replace_model(
    State(vendor): Shared,
    body: Result<Json<Model>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let model = given(body)?;
    check_fields(&model.custom_fields)?;
    *vendor.model() = model;
    keep(&vendor).await?;
    Ok(Json(json!({})))
}

async fn account(State(vendor): Shared, Path(account): Path<String>) -> Result<Json<Value>, Problem> {
    let known = vendor.model().accounts.get(&account).cloned();
    let known = known.ok_or_else(|| Problem(StatusCode::NOT_FOUND, format!("there is no account {account:?}")))?;
    Ok(Json(json!(known)))
}

async fn import(State(vendor): Shared, Path(account): Path<String>) -> Result<Json<Value>, Problem> {
    if !super::model::is_user_id(&account) {
        return Err(bad("an account is 1 to 32 bytes of printable ASCII"));
    }
    let known = vendor.model().import(&account).clone();
    keep(&vendor).await?;
    Ok(Json(json!(known)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientChange {
    items: Vec<Item>,
    #[serde(default = "ios")]
    platform: String,
    #[serde(default = "somewhere")]
    client_ip: String,
}

fn ios() -> String {
    "iOS".to_owned()
}

fn somewhere() -> String {
    SOMEWHERE.to_owned()
}

async fn change(
    State(vendor): Shared,
    Path(account): Path<String>,
    body: Result<Json<ClientChange>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let ClientChange { items, platform, client_ip } = given(body)?;
    let writer = Writer::Client { platform };
    let changed = vendor.change(&writer, &account, &client_ip, items);
    let changed = changed.map_err(|refusal| bad(format!("{}: {}", refusal.code, refusal.info)))?;
    keep(&vendor).await?;
    Ok(Json(json!(changed)))
}

async fn custom_fields(
    State(vendor): Shared,
    body: Result<Json<Vec<CustomField>>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let fields = given(body)?;
    check_fields(&fields)?;
    vendor.model().custom_fields = fields;
    keep(&vendor).await?;
    Ok(Json(json!({})))
}

fn check_fields(fields: &[CustomField]) -> Result<(), Problem> {
    CustomField::objection_to_all(fields).map_or(Ok(()), |why| Err(bad(why)))
}

async fn faults(State(vendor): Shared) -> Json<Faults> {
    Json(vendor.sender.faults())
}

async fn set_faults(State(vendor): Shared, body: Result<Json<Faults>, JsonRejection>) -> Result<Json<Faults>, Problem> {
    let faults = given(body)?;
    if let Some(why) = faults.objection() {
        return Err(bad(why));
    }
    vendor.sender.set_faults(faults.clone());
    Ok(Json(faults))
}

async fn answers(State(vendor): Shared) -> Json<Vec<Order>> {
    Json(vendor.orders.list())
}

async fn order(State(vendor): Shared, body: Result<Json<Order>, JsonRejection>) -> Result<Json<Vec<Order>>, Problem> {
    let order = given(body)?;
    if let Some(why) = order.objection(&rest::names()) {
        return Err(bad(why));
    }
    vendor.orders.add(order);
    Ok(Json(vendor.orders.list()))
}

async fn cancel(State(vendor): Shared) -> Json<Value> {
    vendor.orders.clear();
    Json(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Callback {
    url: Option<String>,
    token: Option<String>,
}

async fn set_callback(
    State(vendor): Shared,
    body: Result<Json<Callback>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let Callback { url, token } = given(body)?;
    if let Some(url) = &url {
        loopback::check_url(url, vendor.settings.allow_remote).map_err(|why| bad(format!("url: {why}")))?;
    }
    let sdk_app_id = vendor.settings.sdk_app_id;
    vendor.sender.set_target(url.map(|url| Target { url, token: token.map(Into::into), sdk_app_id }));
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    fault: Option<String>,
    account: Option<String>,
    #[serde(default)]
    after: u64,
    #[serde(default = "thousand")]
    limit: usize,
}

fn thousand() -> usize {
    1000
}

async fn callbacks(
    State(vendor): Shared,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(Wanted { fault, account, after, limit }) = wanted.map_err(|why| bad(why.body_text()))?;
    let wanted = |callback: &fire::Callback| {
        callback.number > after
            && account.as_ref().is_none_or(|account| *account == callback.change.account)
            && fault.as_ref().is_none_or(|fault| callback.faults.iter().any(|name| name == fault))
    };
    Ok(Json(json!({ "callbacks": vendor.sender.callbacks(wanted, limit) })))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Check {
    with_app: bool,
}

async fn console_check(
    State(vendor): Shared,
    check: Result<Query<Check>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(Check { with_app }) = check.map_err(|why| bad(why.body_text()))?;
    let answer = vendor.sender.check(with_app).await.map_err(|error| bad(error.to_string()))?;
    Ok(Json(json!(answer)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patience {
    timeout_ms: Option<u64>,
}

async fn drain(
    State(vendor): Shared,
    patience: Result<Query<Patience>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(Patience { timeout_ms }) = patience.map_err(|why| bad(why.body_text()))?;
    let patience = Duration::from_millis(timeout_ms.unwrap_or(PATIENCE_MS));
    let drained = vendor.sender.drain(patience).await;
    Ok(Json(json!({ "drained": drained, "callbacks": vendor.sender.counters() })))
}

async fn reset(State(vendor): Shared) -> Result<Json<Value>, Problem> {
    vendor.reset();
    keep(&vendor).await?;
    Ok(Json(json!({})))
}
