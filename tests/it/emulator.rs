//! The emulator through real HTTP: the vendor's API and its error codes, callbacks at the real service, faults, the program.

mod callbacks;
mod codes;
mod demo;
mod docs;
mod faults;
mod program;
mod samples;

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use portraitd::emulator::{Emulator, Options, SDK_APP_ID, SECRET_KEY};
use serde_json::{Value, json};

/// A UserSig made in another language, from the page on TLSSigAPIv2: it proves the check.
const USERSIG: &str = r#"
import base64, hashlib, hmac, json, sys, zlib
app, key, identifier, time, expire = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
text = f"TLS.identifier:{identifier}\nTLS.sdkappid:{app}\nTLS.time:{time}\nTLS.expire:{expire}\n"
sig = base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()
claims = {"TLS.ver": "2.0", "TLS.identifier": identifier, "TLS.sdkappid": app, "TLS.expire": expire, "TLS.time": time, "TLS.sig": sig}
packed = base64.b64encode(zlib.compress(json.dumps(claims).encode())).decode()
print(packed.replace("+", "*").replace("/", "-").replace("=", "_"))
"#;

/// Of this app, key and identifier, made `ago` seconds ago for an hour.
fn usersig(app: u64, key: &str, identifier: &str, ago: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let time = (now - ago).to_string();
    let made = Command::new("python3").args(["-c", USERSIG, &app.to_string(), key, identifier, &time, "3600"]).output();
    String::from_utf8(made.expect("python3 runs").stdout).expect("UTF-8").trim().to_owned()
}

/// An emulator, and an admin who calls it.
struct Vendor {
    emulator: Emulator,
    http: reqwest::Client,
    usersig: String,
}

/// A call's query, to be spoilt.
type Query = Vec<(String, String)>;

impl Vendor {
    async fn start(options: Options) -> Self {
        let emulator = Emulator::start(options).await.expect("it starts");
        let usersig = usersig(SDK_APP_ID, SECRET_KEY, "administrator", 0);
        Vendor { emulator, http: reqwest::Client::builder().no_proxy().build().expect("a client"), usersig }
    }

    /// With these accounts, firing nowhere.
    async fn with(accounts: &[&str]) -> Self {
        let vendor = Vendor::start(Options::default()).await;
        accounts.iter().for_each(|account| vendor.emulator.import(account));
        vendor
    }

    fn query(&self) -> Query {
        let app = SDK_APP_ID.to_string();
        [
            ("sdkappid", app.as_str()),
            ("identifier", "administrator"),
            ("usersig", &self.usersig),
            ("random", "99999999"),
            ("contenttype", "json"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// A call as the client makes it.
    async fn call(&self, command: &str, body: Value) -> Value {
        self.call_with(command, &self.query(), &body.to_string()).await
    }

    /// A call with this query and exactly this body. HTTP is always 200.
    async fn call_with(&self, command: &str, query: &Query, body: &str) -> Value {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let url = format!("{}/v4/{command}?{query}", self.emulator.base_url());
        let answer = self.http.post(url).body(body.to_owned()).send().await.expect("it answers");
        assert_eq!(answer.status(), 200, "{command}");
        serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON")
    }

    /// The control API.
    async fn control(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let method = method.parse().expect("a method");
        let request = self.http.request(method, format!("{}/emulator{path}", self.emulator.base_url()));
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = request.send().await.expect("it answers");
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.expect("a body")).unwrap_or_default())
    }

    /// A change by an admin; it succeeds.
    async fn set(&self, account: &str, tag: &str, value: Value) {
        let body = json!({ "From_Account": account, "ProfileItem": [{ "Tag": tag, "Value": value }] });
        assert_eq!(self.call("profile/portrait_set", body).await["ErrorCode"], 0);
    }

    /// A new nickname, by an admin.
    async fn nick(&self, account: &str, nick: &str) {
        self.set(account, "Tag_Profile_IM_Nick", json!(nick)).await;
    }
}

#[track_caller]
fn assert_refused(answer: &Value, code: u32, case: &str) {
    assert_eq!((&answer["ActionStatus"], &answer["ErrorCode"]), (&json!("FAIL"), &json!(code)), "{case}: {answer}");
    assert!(answer["ErrorInfo"].as_str().is_some_and(|info| !info.is_empty()), "{case}: {answer}");
}
