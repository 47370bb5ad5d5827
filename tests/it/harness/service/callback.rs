//! A callback as Chat sends it, changed in whatever way a test needs, and the answer to it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{APP, Service};

/// The whole of a good answer.
pub const OK: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

/// The command this service is for.
pub const COMMAND: &str = "Profile.CallbackPortraitSet";

/// Unix seconds, `offset` from now.
pub fn seconds(offset: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    (i64::try_from(now).expect("before 2262") + offset).to_string()
}

/// Sign and RequestTime for this moment.
pub fn sign_now(token: &str) -> (String, String) {
    let time = seconds(0);
    (portraitd::protocol::sign::sign(token, &time), time)
}

/// An EventTime that no other callback of this process has.
pub fn unique_time() -> i64 {
    static NEXT: AtomicI64 = AtomicI64::new(1_700_000_000_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A body with one item.
pub fn body(account: &str, event_time: Option<i64>, tag: &str, value: Value) -> Vec<u8> {
    let mut body = json!({
        "CallbackCommand": COMMAND, "Operator_Account": account, "From_Account": account,
        "ProfileItem": [{ "Tag": tag, "Value": value }],
    });
    if let Some(time) = event_time {
        body["EventTime"] = json!(time);
    }
    body.to_string().into_bytes()
}

/// A request to the public listener.
pub struct Callback<'s> {
    service: &'s Service,
    path: String,
    query: Vec<(String, String)>,
    raw_query: Option<String>,
    account: String,
    body: Vec<u8>,
}

impl<'s> Callback<'s> {
    /// As Chat sends it for [`APP`], unsigned, different each time.
    pub fn to(service: &'s Service) -> Self {
        let pair = |(name, value): (&str, String)| (name.to_owned(), value);
        let query = [
            ("SdkAppid", APP.to_string()),
            ("CallbackCommand", COMMAND.to_owned()),
            ("contenttype", "json".to_owned()),
            ("ClientIP", "203.0.113.7".to_owned()),
            ("OptPlatform", "iOS".to_owned()),
        ];
        let body = body("id1", Some(unique_time()), "Tag_Profile_IM_Nick", json!("nick1"));
        Callback {
            service,
            path: "/".to_owned(),
            query: query.map(pair).into(),
            raw_query: None,
            account: "id1".to_owned(),
            body,
        }
    }

    /// At another path.
    pub fn at(self, path: &str) -> Self {
        Callback { path: path.to_owned(), ..self }
    }

    /// With a parameter set to this value.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self = self.without(name);
        self.and(name, value)
    }

    /// With a parameter once more.
    pub fn and(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// Without a parameter.
    pub fn without(mut self, name: &str) -> Self {
        self.query.retain(|(n, _)| n != name);
        self
    }

    /// With exactly this query.
    pub fn raw_query(self, query: &str) -> Self {
        Callback { raw_query: Some(query.to_owned()), ..self }
    }

    /// Signed with this token, now.
    pub fn signed(self, token: &str) -> Self {
        let (sign, time) = sign_now(token);
        self.with("Sign", sign).with("RequestTime", time)
    }

    /// Signed with this token, `offset` seconds from now.
    pub fn signed_at(self, token: &str, offset: i64) -> Self {
        let time = seconds(offset);
        self.with("Sign", portraitd::protocol::sign::sign(token, &time)).with("RequestTime", time)
    }

    /// For another account's profile; before [`Callback::body_at`] and [`Callback::sets`].
    pub fn account(self, account: &str) -> Self {
        Callback { account: account.to_owned(), ..self }
    }

    /// With one nickname and this EventTime.
    pub fn body_at(self, event_time: i64) -> Self {
        let body = body(&self.account, Some(event_time), "Tag_Profile_IM_Nick", json!("nick1"));
        Callback { body, ..self }
    }

    /// With one item and an EventTime of its own.
    pub fn sets(self, tag: &str, value: Value) -> Self {
        let body = body(&self.account, Some(unique_time()), tag, value);
        Callback { body, ..self }
    }

    /// With exactly this body.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Callback { body: body.into(), ..self }
    }

    /// Path and query.
    pub fn target(&self) -> String {
        let encoded = || form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.query).finish();
        let query = self.raw_query.clone().unwrap_or_else(encoded);
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }

    /// By POST, without a Content-Type.
    pub async fn post(self) -> Answer {
        self.send("POST").await
    }

    /// By any method.
    pub async fn send(self, method: &str) -> Answer {
        let url = format!("{}{}", self.service.url, self.target());
        let method = method.parse().expect("a method");
        let sent = self.service.http.request(method, url).body(self.body).send().await;
        Answer::of(sent.expect("the service answers")).await
    }

    /// As bytes, with these headers besides Host.
    pub fn bytes(&self, method: &str, headers: &str) -> Vec<u8> {
        let mut bytes = format!("{method} {} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n", self.target()).into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// As bytes, with its Content-Length.
    pub fn request(&self) -> Vec<u8> {
        self.request_with("")
    }

    /// The same with more headers.
    pub fn request_with(&self, headers: &str) -> Vec<u8> {
        self.bytes("POST", &format!("{headers}Content-Length: {}\r\n", self.body.len()))
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub text: String,
}

impl Answer {
    async fn of(response: reqwest::Response) -> Self {
        let headers = response.headers().iter();
        let headers = headers.map(|(n, v)| (n.to_string(), v.to_str().unwrap_or_default().to_owned())).collect();
        let status = response.status().as_u16();
        Answer { status, headers, text: response.text().await.expect("the whole answer") }
    }

    pub(super) fn from_head(head: &str) -> Self {
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status line");
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Answer { status, headers, text: String::new() }
    }

    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// 200, OK/0, to the byte.
    #[track_caller]
    pub fn assert_ok(&self, case: &str) {
        assert_eq!((self.status, self.text.as_str()), (200, OK), "{case}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{case}");
    }

    /// This status, FAIL/1 in the callback's shape, with one plain sentence; which is returned.
    #[track_caller]
    pub fn assert_fail(&self, status: u16, case: &str) -> String {
        assert_eq!(self.status, status, "{case}: {}", self.text);
        assert_eq!(self.header("content-type"), Some("application/json"), "{case}");
        let json: Value = serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{case}: {e}: {:?}", self.text));
        let info = json["ErrorInfo"].as_str().unwrap_or_else(|| panic!("{case}: {json}"));
        assert_eq!(json, json!({"ActionStatus": "FAIL", "ErrorCode": 1, "ErrorInfo": info}), "{case}");
        assert!(!info.is_empty() && info.len() < 300 && !info.contains(['\n', '\r']), "{case}: one sentence: {info:?}");
        info.to_owned()
    }
}
