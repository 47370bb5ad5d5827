//! A callback as bytes: the URL with its query and Sign, the body, and what came back.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use form_urlencoded::Serializer;
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Client, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;

use crate::emulator::faults::Plan;
use crate::emulator::model::{Change, Item};
use crate::protocol::command::PORTRAIT_SET;
use crate::protocol::sign::sign;
use crate::protocol::time::Millis;

/// The vendor's time limit, from the first byte to the last.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// Characters of an answer that are remembered.
const REMEMBERED: usize = 300;
/// Bytes of an answer that are read.
const LONGEST_ANSWER: usize = 64 << 10;
/// Pieces of a slow body.
const PIECES: usize = 10;

/// Where callbacks go, and what they are signed with.
#[derive(Debug, Clone)]
pub struct Target {
    /// The URL as in the console: without a query.
    pub url: String,
    /// The console's authentication token; without it nothing is signed.
    pub token: Option<SecretString>,
    /// The app.
    pub sdk_app_id: u64,
}

impl Target {
    /// For this change, signed now.
    pub(in crate::emulator) fn url_for(&self, change: &Change, plan: &Plan, now: Millis) -> String {
        let app = self.sdk_app_id.wrapping_add(plan.wrong_app.into());
        let mut query = Serializer::new(String::new());
        query
            .append_pair("SdkAppid", &app.to_string())
            .append_pair("CallbackCommand", PORTRAIT_SET)
            .append_pair("contenttype", "json")
            .append_pair("ClientIP", &change.client_ip)
            .append_pair("OptPlatform", &change.platform);
        let token = self.token.as_ref().map(|token| token.expose_secret().to_owned());
        let token = if plan.wrong_sign { Some(format!("not-{}", token.unwrap_or_default())) } else { token };
        self.signed(query, token, (now / 1000).saturating_add(plan.skew_secs))
    }

    pub(super) fn check_url(&self, with_app: bool, now: Millis) -> String {
        let mut query = Serializer::new(String::new());
        if with_app {
            query.append_pair("SdkAppid", &self.sdk_app_id.to_string());
        }
        query.append_pair("CallbackCommand", PORTRAIT_SET).append_pair("contenttype", "json");
        self.signed(query, self.token.as_ref().map(|token| token.expose_secret().to_owned()), now / 1000)
    }

    fn signed(&self, mut query: Serializer<'_, String>, token: Option<String>, time: i64) -> String {
        if let Some(token) = token {
            let time = time.to_string();
            query.append_pair("Sign", &sign(&token, &time)).append_pair("RequestTime", &time);
        }
        format!("{}?{}", self.url, query.finish())
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Told<'a> {
    callback_command: &'static str,
    #[serde(rename = "Operator_Account")]
    operator: &'a str,
    #[serde(rename = "From_Account")]
    account: &'a str,
    event_time: Millis,
    profile_item: &'a [Item],
}

/// What is told of a change; half of it where it is to be junk.
pub(in crate::emulator) fn body(change: &Change, junk: bool) -> Bytes {
    let told = Told {
        callback_command: PORTRAIT_SET,
        operator: &change.operator,
        account: &change.account,
        event_time: change.event_time,
        profile_item: &change.items,
    };
    let mut bytes = serde_json::to_vec(&told).unwrap_or_default();
    if junk {
        bytes.truncate(bytes.len() / 2);
    }
    bytes.into()
}

/// A body that takes `time` to be written.
pub(super) fn slowly(
    body: Bytes,
    time: Duration,
) -> impl http_body::Body<Data = Bytes, Error = Infallible> + Send + Sync + 'static {
    let size = body.len().div_ceil(PIECES).max(1);
    let pieces = stream::unfold(body, move |mut left| async move {
        if left.is_empty() {
            return None;
        }
        tokio::time::sleep(time / PIECES as u32).await;
        let piece = left.split_to(size.min(left.len()));
        Some((Ok(Frame::data(piece)), left))
    });
    StreamBody::new(pieces)
}

/// How a callback ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// 200 and OK/0.
    Ok,
    /// Another answer.
    Refused,
    /// None within the time limit.
    TimedOut,
    /// No connection, or it broke.
    Failed,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// How it ended.
    pub verdict: Verdict,
    /// HTTP status.
    pub status: Option<u16>,
    /// The body, or what went wrong.
    pub text: String,
}

/// An answer's text. What nobody would send as an answer is not read to its end.
async fn beginning(mut response: Response) -> reqwest::Result<String> {
    let mut bytes = Vec::new();
    while bytes.len() < LONGEST_ANSWER
        && let Some(chunk) = response.chunk().await?
    {
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// One attempt.
pub(in crate::emulator) async fn post(client: &Client, url: &str, body: Body) -> Answer {
    let exchange = async {
        let response = client.post(url).header(CONTENT_TYPE, "application/json").body(body).send().await?;
        let status = response.status().as_u16();
        Ok::<_, reqwest::Error>((status, beginning(response).await?))
    };
    match tokio::time::timeout(TIME_LIMIT, exchange).await {
        Ok(Ok((status, text))) => {
            let json = serde_json::from_str::<Value>(&text).unwrap_or_default();
            let ok = status == 200 && json["ActionStatus"] == "OK" && json["ErrorCode"] == 0;
            let text = text.chars().take(REMEMBERED).collect();
            Answer { verdict: if ok { Verdict::Ok } else { Verdict::Refused }, status: Some(status), text }
        }
        Ok(Err(error)) => Answer { verdict: Verdict::Failed, status: None, text: error.without_url().to_string() },
        Err(_) => Answer { verdict: Verdict::TimedOut, status: None, text: "no answer within 2 s".to_owned() },
    }
}
