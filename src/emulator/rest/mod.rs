//! The vendor's REST API over the model: the gateway's checks in a fixed order, then the command. HTTP is always 200.

mod account;
mod answer;
mod gateway;
mod profile;
mod push;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, RawQuery, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use super::code::Refusal;
use super::vendor::Vendor;
use answer::{Answer, Style};

/// A command of the API.
struct Command {
    path: &'static str,
    name: &'static str,
    per_second: usize,
    style: Style,
    /// What it answers to somebody who is no admin.
    not_admin: u32,
    /// What it answers to a body that is not a JSON object.
    not_json: u32,
    run: fn(&Vendor, &Call, &[u8]) -> Result<Answer, Refusal>,
}

/// Who calls, from where.
struct Call {
    name: &'static str,
    identifier: String,
    client_ip: String,
    nettype: Option<String>,
}

const COMMANDS: [Command; 9] = [
    Command::profile("profile/portrait_set", "portrait_set", profile::set),
    Command::profile("profile/portrait_get", "portrait_get", profile::get),
    Command::push("timpush/set_attr", "set_attr", push::set),
    Command::push("timpush/get_attr", "get_attr", push::get),
    Command::push("timpush/remove_attr", "remove_attr", push::remove),
    Command::push("timpush/set_attr_name", "set_attr_name", push::set_names),
    Command::push("timpush/get_attr_name", "get_attr_name", push::get_names),
    Command {
        path: "im_open_login_svc/account_import",
        name: "account_import",
        per_second: 200,
        style: Style::Plain,
        not_admin: 70403,
        not_json: 60003,
        run: account::import,
    },
    Command {
        path: "ConfigSvc/GetIPList",
        name: "GetIPList",
        per_second: 200,
        style: Style::Plain,
        not_admin: 60010,
        not_json: 60003,
        run: account::ip_list,
    },
];

type Run = fn(&Vendor, &Call, &[u8]) -> Result<Answer, Refusal>;

impl Command {
    const fn profile(path: &'static str, name: &'static str, run: Run) -> Self {
        Command { path, name, per_second: 200, style: Style::Profile, not_admin: 40004, not_json: 60003, run }
    }

    const fn push(path: &'static str, name: &'static str, run: Run) -> Self {
        Command { path, name, per_second: 100, style: Style::Plain, not_admin: 90009, not_json: 90001, run }
    }
}

/// The names of all commands, for orders.
pub(super) fn names() -> Vec<&'static str> {
    COMMANDS.iter().map(|command| command.name).collect()
}

pub(super) fn router() -> Router<Arc<Vendor>> {
    Router::new().route("/v4/{*command}", any(serve))
}

async fn serve(
    State(vendor): State<Arc<Vendor>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(path): Path<String>,
    method: Method,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let Some(command) = COMMANDS.iter().find(|command| command.path == path) else {
        return Answer::refused(Style::Plain, &Refusal::new(60009)).into_response();
    };
    let within_rate = vendor.rates.admit(command.name, command.per_second, Instant::now());
    let ordered = vendor.orders.take(command.name, None);
    if let Some(order) = &ordered {
        tokio::time::sleep(Duration::from_millis(order.delay_ms)).await;
        if order.status.is_some() || order.body.is_some() {
            let status = order.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or_default();
            return (status, order.body.clone().unwrap_or_default()).into_response();
        }
    }
    let answer = match ordered.and_then(|order| order.refusal()) {
        Some(refusal) => Err(refusal),
        None => gateway::check(&vendor, command, &method, query.as_deref().unwrap_or_default(), peer, within_rate)
            .and_then(|call| {
                if !serde_json::from_slice::<serde_json::Value>(&body).is_ok_and(|body| body.is_object()) {
                    return Err(Refusal::new(command.not_json));
                }
                (command.run)(&vendor, &call, &body)
            }),
    };
    let answer = answer.unwrap_or_else(|refusal| Answer::refused(command.style, &refusal));
    match vendor.keep().await {
        Ok(()) => answer.into_response(),
        Err(error) => {
            tracing::error!("{error:#}");
            Answer::refused(command.style, &Refusal::new(70500)).into_response()
        }
    }
}
