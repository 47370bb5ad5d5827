//! `forward`: what a backend is sent, and how it is signed.

mod addresses;
pub mod backend;
mod failing;
mod secrets;

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::harness::db::{Database, on_both_stores};
use crate::harness::service::{APP, Launch};
use backend::{Backend, Request, ok};

/// 24 and 64 bytes.
const SECRETS: [&str; 2] = [
    "whsec_YSBzZWNyZXQgb2YgMjQgYnl0ZXMsIHll",
    "whsec_YW5vdGhlciBzZWNyZXQsIG9mIGFzIG1hbnkgYnl0ZXMgYXMgb25lIG1heSBoYXZlIGF0IG1vc3Q6IHNpeHR5LQ==",
];

/// A `[[handlers]]` entry that tries again at once; `more` may say otherwise.
fn entry(url: &str, more: &str) -> String {
    let retry = if more.contains("retry_secs") { "" } else { "retry_secs = [0, 0, 0, 0, 0, 0]" };
    format!("[[handlers]]\nname = \"backend\"\nkind = \"forward\"\nurl = {url:?}\n{retry}\n{more}\n")
}

/// Whoever has the secret can tell that the request is ours.
#[track_caller]
fn assert_signed(request: &Request, secret: &str, signature: &str) {
    let secret = BASE64_STANDARD.decode(&secret["whsec_".len()..]).expect("base64");
    let mut signed = format!("{}.{}.", request.id(), request.header("webhook-timestamp")).into_bytes();
    signed.extend_from_slice(&request.body);
    let signature = BASE64_STANDARD.decode(signature.strip_prefix("v1,").expect("version 1")).expect("base64");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    hmac::verify(&key, &signed, &signature).expect("the signature is good");

    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let timestamp: u64 = request.header("webhook-timestamp").parse().expect("seconds");
    assert!(now.abs_diff(timestamp) < 60, "{timestamp} at {now}");
}

#[track_caller]
fn assert_signed_by_both(request: &Request) {
    let signatures: Vec<_> = request.header("webhook-signature").split(' ').collect();
    assert_eq!(signatures.len(), 2);
    for (secret, signature) in SECRETS.iter().zip(signatures) {
        assert_signed(request, secret, signature);
    }
}

on_both_stores! {
    async fn a_change_is_posted_as_json_and_signed_with_each_secret(db: Database) {
        let mut backend = Backend::that([ok()]).await;
        let url = format!("http://me:pass%20word@{}/profile?key=1", backend.address);
        let more = format!("allow_private = true\nprevious = true\nsecrets = {SECRETS:?}");
        let launch = Launch::on(&db).toml(&entry(&url, &more)).env("HTTP_PROXY", "http://127.0.0.1:1");
        let service = launch.env("http_proxy", "http://127.0.0.1:1").start().await;
        service.callback().sets("Tag_Profile_IM_Nick", json!("小明")).post().await.assert_ok("the first");
        let first = backend.request().await;
        service.callback().sets("Tag_Profile_IM_Nick", json!({"a": [1.50, null]})).post().await.assert_ok("the second");
        let second = backend.request().await;

        let hex = if db.is_postgres() { "encode(receipt_id, 'hex')" } else { "lower(hex(receipt_id))" };
        let receipts = db.texts(&format!("SELECT {hex} FROM callbacks ORDER BY seq")).await;
        let logged = service.changes();
        for (request, seq) in [(&first, 1), (&second, 2)] {
            assert_eq!(request.line, "POST /profile?key=1 HTTP/1.1");
            assert_eq!(request.header("content-type"), "application/json");
            assert_eq!(request.header("authorization"), "Basic bWU6cGFzcyB3b3Jk");
            assert_eq!(request.id(), receipts[seq - 1]);
            assert_signed_by_both(request);
            let logged = &logged[logged.len() - seq];
            let mut item = json!({ "tag": "Tag_Profile_IM_Nick", "new": logged["new"] });
            if seq == 2 {
                item["old"] = json!("小明");
            }
            let got: Value = serde_json::from_slice(&request.body).expect("JSON");
            let body = got["body"].as_str().expect("the body as text");
            assert_eq!(serde_json::from_str::<Value>(body).expect("JSON")["From_Account"], "id1");
            let expected = json!({
                "seq": seq, "receipt_id": receipts[seq - 1], "app": APP, "account": "id1", "operator": "id1",
                "event_time": logged["event_time"], "effective_time": logged["effective_time"],
                "received_at": logged["received_at"], "platform": "iOS", "client_ip": "203.0.113.7", "auth": "none",
                "kind": "callback", "superseded": false, "items": [item], "body": body,
            });
            assert_eq!(got, expected);
        }
        assert_eq!((first.connection, second.connection), (1, 1), "the connection is used again");
        backend.assert_idle();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raw_is_the_vendors_request_byte_for_byte_with_its_query_and_signed() {
    let db = Database::sqlite().await;
    let mut backend = Backend::that([ok()]).await;
    let more = format!("allow_private = true\nformat = \"raw\"\nsecrets = {SECRETS:?}");
    let service = Launch::on(&db).toml(&entry(&backend.url("/im?key=a%20b"), &more)).start().await;
    let body = "\u{feff} {\r\n\t\"From_Account\" : \"小明\", \"ProfileItem\":[ ],\"X\":1.0e2 }\n";
    service.callback().body(body).with("OptPlatform", "a&b c").post().await.assert_ok("all is known");
    let request = backend.request().await;
    let vendor = "SdkAppid=1400000000&CallbackCommand=Profile.CallbackPortraitSet&contenttype=json";
    assert_eq!(request.line, format!("POST /im?key=a%20b&{vendor}&ClientIP=203.0.113.7&OptPlatform=a%26b+c HTTP/1.1"));
    assert_eq!(request.body, body.as_bytes());
    assert_eq!(request.header("content-type"), "application/json");
    assert_signed_by_both(&request);

    let bare = service.callback().without("ClientIP").without("OptPlatform").without("contenttype");
    bare.post().await.assert_ok("little is known");
    assert_eq!(backend.request().await.line, format!("POST /im?key=a%20b&{vendor} HTTP/1.1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_secrets_nothing_is_signed_and_the_start_says_so() {
    let db = Database::sqlite().await;
    let mut backend = Backend::that([ok()]).await;
    let service = Launch::on(&db).toml(&entry(&backend.url("/"), "allow_private = true")).start().await;
    let warning = service.says("is not signed").await;
    assert!(warning.contains("WARN") && warning.contains("backend"), "{warning}");
    assert!(!service.stderr().contains("plain http"), "a private host");
    service.callback().post().await.assert_ok("a callback");
    let request = backend.request().await;
    assert!(request.has("webhook-id") && request.has("webhook-timestamp") && !request.has("webhook-signature"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_entrys_filters_apply() {
    let db = Database::sqlite().await;
    let mut backend = Backend::that([ok()]).await;
    let more = "allow_private = true\ntags = [\"Tag_Profile_Custom_*\"]";
    let service = Launch::on(&db).toml(&entry(&backend.url("/"), more)).start().await;
    for tag in ["Tag_Profile_IM_Nick", "Tag_Profile_Custom_Pet", "Tag_Profile_IM_Image"] {
        service.callback().sets(tag, json!("x")).post().await.assert_ok(tag);
    }
    service.callback().sets("Tag_Profile_Custom_End", json!("x")).post().await.assert_ok("the last one");
    for tag in ["Tag_Profile_Custom_Pet", "Tag_Profile_Custom_End"] {
        let change: Value = serde_json::from_slice(&backend.request().await.body).expect("JSON");
        assert_eq!(change["items"][0]["tag"], tag);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_the_backends_certificate_must_be_good() {
    let db = Database::sqlite().await;
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = crate::tls::certificate();
    let file = folder.path().join("trusted.pem");
    std::fs::write(&file, trusted.cert.pem()).expect("written");
    let mut good = Backend::over_tls([ok()], &trusted).await;
    let mut bad = Backend::over_tls([ok()], &crate::tls::certificate()).await;
    let url = |backend: &Backend| format!("https://localhost:{}/", backend.address.port());
    let toml = [
        entry(&url(&good), "allow_private = true"),
        entry(&url(&bad), "allow_private = true").replace("\"backend\"", "\"bad\""),
        "[log]\nfilter = \"info,portraitd::dispatch=debug\"".to_owned(),
    ];
    let launch = Launch::on(&db).toml(&toml.join("\n")).env("SSL_CERT_FILE", file.to_str().expect("a path"));
    let service = launch.start().await;
    service.callback().post().await.assert_ok("a callback");
    assert_eq!(good.request().await.line, "POST / HTTP/1.1");
    let said = service.says("it cannot be connected to: invalid peer certificate").await;
    assert!(said.contains("bad"), "{said}");
    bad.assert_idle();
}
