//! The console's check, played through the public URL: what Chat would meet on its way to us.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use chrono::DateTime;
use reqwest::header::DATE;
use reqwest::redirect::Policy;
use reqwest::tls::TlsInfo;
use reqwest::{Client, Response, StatusCode, Url};
use secrecy::ExposeSecret;
use serde_json::Value;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::findings::Findings;
use crate::clock::Clock;
use crate::config::App;
use crate::protocol::{command, sign};

/// Chat waits so long.
const CHAT_WAITS: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(10);
/// What is read of an answer; ours are a few hundred bytes.
const MAX_ANSWER: usize = 64 << 10;
/// A certificate that ends sooner deserves a thought. Seconds.
const SOON: i64 = 14 * 86_400;

pub(super) async fn run(url: &str, apps: &[App], window: i64, findings: &mut Findings) {
    let Ok(url) = Url::parse(url) else { return findings.fail("--url", "it is no URL") };
    if !resolve(&url, findings).await {
        return;
    }
    // Chat does not use this machine's proxy either.
    let client = Client::builder().tls_info(true).timeout(PATIENCE).redirect(Policy::none()).no_proxy();
    let client = match client.build() {
        Ok(client) => client,
        Err(error) => return findings.fail("a client", &error.to_string()),
    };
    for (at, app) in apps.iter().enumerate() {
        let begun = Instant::now();
        match ask(&client, &url, app, true).await {
            Ok(answer) => {
                if at == 0 {
                    certificate(&answer, findings);
                    date(&answer, window, findings);
                }
                judge(app, answer, begun, findings).await;
            }
            Err(error) => {
                return findings.fail(format!("app {}: no answer", app.sdk_app_id), &causes(&error.without_url()));
            }
        }
        if !app.tokens.is_empty() {
            wrong_sign(&client, &url, app, findings).await;
        }
    }
}

async fn resolve(url: &Url, findings: &mut Findings) -> bool {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return false };
    let addresses: Vec<IpAddr> = match tokio::net::lookup_host((host, port)).await {
        Ok(addresses) => addresses.map(|address| address.ip()).collect(),
        Err(error) => {
            findings.fail(format!("{host} has no address"), &format!("{error}; Chat looks it up in the public DNS"));
            return false;
        }
    };
    let shown: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    let what = format!("{host} is {}", shown.join(", "));
    match addresses.iter().any(is_private) {
        true => findings.warn(what, "a private address: Chat cannot reach it from outside"),
        false => findings.ok(what),
    }
    true
}

fn is_private(address: &IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified(),
    }
}

/// As Chat would, with the app's first token; or with a Sign that is wrong.
async fn ask(client: &Client, url: &Url, app: &App, right: bool) -> reqwest::Result<Response> {
    let mut url = url.clone();
    let app_id = app.sdk_app_id.to_string();
    url.query_pairs_mut().extend_pairs([
        ("SdkAppid", app_id.as_str()),
        ("CallbackCommand", command::PORTRAIT_SET),
        ("contenttype", "json"),
    ]);
    if let Some(token) = app.tokens.first() {
        let time = (Clock::system().now() / 1000).to_string();
        let token = if right { token.expose_secret() } else { "not the token" };
        url.query_pairs_mut().extend_pairs([("Sign", sign::sign(token, &time)), ("RequestTime", time)]);
    }
    client.post(url).body("{}").send().await
}

async fn judge(app: &App, answer: Response, begun: Instant, findings: &mut Findings) {
    let app = app.sdk_app_id;
    let status = answer.status();
    let body = beginning(answer).await;
    let elapsed = begun.elapsed();
    if status != 200 {
        let said =
            serde_json::from_slice::<Value>(&body).ok().and_then(|said| Some(said["ErrorInfo"].as_str()?.to_owned()));
        let why = said.unwrap_or_else(|| "the answer is not portraitd's; what stands in front of it?".to_owned());
        findings.fail(format!("app {app}: answered {status}, not 200"), &super::super::output::shortened(&why, 200));
    } else if !is_ok(&body) {
        let why = "the console wants ActionStatus OK, ErrorCode 0 and ErrorInfo as JSON; does the URL lead here?";
        findings.fail(format!("app {app}: answered 200, but not OK/0"), why);
    } else {
        findings.ok(format!("app {app}: answered 200, OK/0"));
    }
    let what = format!("answered within {} ms", elapsed.as_millis());
    match elapsed < CHAT_WAITS {
        true => findings.ok(what),
        false => findings.fail(what, "Chat waits 2 s, then the callback is lost to it"),
    }
}

async fn beginning(mut answer: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER {
            break;
        }
    }
    body.truncate(MAX_ANSWER);
    body
}

fn is_ok(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body)
        .is_ok_and(|said| said["ActionStatus"] == "OK" && said["ErrorCode"] == 0 && said["ErrorInfo"].is_string())
}

async fn wrong_sign(client: &Client, url: &Url, app: &App, findings: &mut Findings) {
    let what = format!("app {}: a wrong Sign", app.sdk_app_id);
    match ask(client, url, app, false).await.map(|answer| answer.status()) {
        Ok(StatusCode::UNAUTHORIZED) => findings.ok(format!("{what} is refused with 401")),
        Ok(status) => findings.warn(
            format!("{what} is answered {status}, not 401"),
            "something else answers at this URL, or portraitd runs there without the token",
        ),
        Err(error) => findings.warn(format!("{what} is not answered"), &causes(&error.without_url())),
    }
}

/// The chain was verified by then: without that there is no answer.
fn certificate(answer: &Response, findings: &mut Findings) {
    let Some(leaf) = answer.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate) else { return };
    let Ok((_, leaf)) = X509Certificate::from_der(leaf) else { return };
    let left = leaf.validity().not_after.timestamp() - Clock::system().now() / 1000;
    let what = format!("the certificate chain is trusted, and good for {} days", left / 86_400);
    match left < SOON {
        true => findings.warn(what, "renew it; portraitd reads changed files again by itself"),
        false => findings.ok(what),
    }
}

fn date(answer: &Response, window: i64, findings: &mut Findings) {
    let date = answer.headers().get(DATE).and_then(|date| DateTime::parse_from_rfc2822(date.to_str().ok()?).ok());
    if let Some(date) = date {
        // It has no fraction: half a second in the middle.
        findings.clock("the clock at the URL", date.timestamp_millis() + 500, Clock::system().now(), window);
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}
