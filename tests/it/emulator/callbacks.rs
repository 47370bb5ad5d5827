//! What is fired after a change, at a stranger's listener and at the real service.

use std::time::Duration;

use axum::Router;
use axum::extract::RawQuery;
use portraitd::clock::Clock;
use portraitd::emulator::model::CustomField;
use portraitd::emulator::{Emulator, Options};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Vendor;
use crate::harness::db::{Database, on_both_stores};
use crate::harness::service::{APP, Launch, Service};

const TOKEN: &str = "let-me-in";
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A service that knows the token, and an emulator that fires at it.
pub async fn pair(db: &Database, options: Options) -> (Service, Vendor) {
    let service = Launch::on(db).app(APP, &[TOKEN]).start().await;
    let vendor = Vendor::start(at(&service, options)).await;
    (service, vendor)
}

fn at(service: &Service, options: Options) -> Options {
    Options { callback_url: Some(format!("{}/", service.url)), token: Some(TOKEN.into()), ..options }
}

/// Takes whatever comes, and hands on query and body.
async fn stranger() -> (String, mpsc::UnboundedReceiver<(String, Value)>) {
    let (told, heard) = mpsc::unbounded_channel();
    let take = move |RawQuery(query): RawQuery, body: String| async move {
        let body = serde_json::from_str(&body).expect("JSON");
        told.send((query.unwrap_or_default(), body)).expect("somebody hears");
        r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#
    };
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", tcp.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(tcp, Router::new().fallback(take)).await });
    (url, heard)
}

#[tokio::test]
async fn it_has_the_query_the_sign_and_the_body_of_the_vendors_pages() {
    let (url, mut heard) = stranger().await;
    let options = Options {
        callback_url: Some(url),
        token: Some("xxxxyyyy".into()),
        custom_fields: vec![CustomField::new("Data")],
        clock: Clock::from_fn(|| 1_669_872_112_497),
        any_account: true,
        ..Options::default()
    };
    let vendor = Vendor::start(options).await;
    let items = json!([
        {"Tag": "Tag_Profile_IM_Nick", "Value": "nick1"},
        {"Tag": "Tag_Profile_IM_Gender", "Value": "Gender_Type_Male"},
        {"Tag": "Tag_Profile_IM_AllowType", "Value": "AllowType_Type_NeedConfirm"},
        {"Tag": "Tag_Profile_Custom_Data", "Value": "your custom data"},
    ]);
    let change = json!({"platform": "Android", "client_ip": "127.0.0.1", "items": items});
    assert_eq!(vendor.control("POST", "/accounts/id1/profile", change).await.0, 200);
    let (query, body) = heard.recv().await.expect("a callback");
    assert_eq!(
        query,
        "SdkAppid=1400000000&CallbackCommand=Profile.CallbackPortraitSet&contenttype=json&ClientIP=127.0.0.1\
         &OptPlatform=Android&Sign=17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061\
         &RequestTime=1669872112"
    );
    assert_eq!(
        body,
        json!({
            "CallbackCommand": "Profile.CallbackPortraitSet", "Operator_Account": "id1", "From_Account": "id1",
            "EventTime": 1_669_872_112_497_i64, "ProfileItem": items,
        })
    );
}

on_both_stores! {
    async fn a_change_by_an_admin_or_by_a_client_is_in_the_log(db: Database) {
        let (service, vendor) = pair(&db, Options { any_account: true, ..Options::default() }).await;
        vendor.nick("alice", "Alice").await;
        let change = json!({"platform": "iOS", "items": [{"Tag": "Tag_Profile_IM_BirthDay", "Value": 19991231}]});
        assert_eq!(vendor.control("POST", "/accounts/alice/profile", change).await.0, 200);
        assert!(vendor.emulator.drain(PATIENCE).await);
        let seen: Vec<Value> = service.changes().iter().rev().map(|change| json!([
            change["account"], change["operator"], change["platform"], change["tag"], change["new"], change["auth"],
        ])).collect();
        assert_eq!(seen, [
            json!(["alice", "administrator", "RESTAPI", "Tag_Profile_IM_Nick", "Alice", "sign"]),
            json!(["alice", "alice", "iOS", "Tag_Profile_IM_BirthDay", 19_991_231, "sign"]),
        ]);
        let counters = vendor.emulator.counters();
        assert_eq!((counters.fired, counters.sent, counters.answered), (2, 2, 2));
    }
}

#[tokio::test]
async fn a_refused_change_and_a_push_attribute_fire_nothing() {
    let (url, _heard) = stranger().await;
    let vendor = Vendor::start(Options { callback_url: Some(url), ..Options::default() }).await;
    vendor.emulator.import("id1");
    let gender = json!({"Tag": "Tag_Profile_IM_Gender", "Value": "x"});
    let nick = json!({"Tag": "Tag_Profile_IM_Nick", "Value": "x"});
    vendor.call("profile/portrait_set", json!({"From_Account": "id1", "ProfileItem": [nick, gender]})).await;
    vendor.call("timpush/set_attr_name", json!({"AttrNames": {"0": "sex"}})).await;
    vendor.call("timpush/set_attr", json!({"UserAttrs": [{"To_Account": "id1", "Attrs": {"sex": "x"}}]})).await;
    assert_eq!(vendor.emulator.counters().fired, 0);
    assert_eq!(vendor.emulator.model().accounts["id1"].profile.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_two_seconds_it_gives_up_and_tries_again_only_where_that_is_switched_on() {
    let db = Database::sqlite().await;
    let service = Launch::on(&db).app(APP, &[TOKEN]).start().await;
    let once = Vendor::start(at(&service, Options { any_account: true, ..Options::default() })).await;
    let again = Emulator::start(at(&service, Options { any_account: true, retries: 1, ..Options::default() }));
    let again =
        Vendor { emulator: again.await.expect("it starts"), http: once.http.clone(), usersig: once.usersig.clone() };
    service.freeze();
    tokio::join!(once.nick("once", "x"), again.nick("again", "x"));
    assert!(once.emulator.drain(PATIENCE).await && again.emulator.drain(PATIENCE).await);
    service.thaw();
    let (once, again) = (once.emulator.counters(), again.emulator.counters());
    assert_eq!((once.sent, once.timed_out, once.retried), (1, 1, 0));
    assert_eq!((again.sent, again.timed_out, again.retried), (2, 2, 1));
}

#[tokio::test]
async fn what_is_tried_again_is_the_very_same_body() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let never = move |body: String| {
        told.send(body).expect("somebody hears");
        std::future::pending::<()>()
    };
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", tcp.local_addr().expect("an address"));
    let router = Router::new().fallback(never);
    tokio::spawn(async move { axum::serve(tcp, router).await });
    let options = Options { callback_url: Some(url), any_account: true, retries: 1, ..Options::default() };
    let vendor = Vendor::start(options).await;
    vendor.nick("id1", "x").await;
    let (first, second) = (heard.recv().await, heard.recv().await);
    assert!(first.is_some() && first == second, "{first:?} {second:?}");
}

#[tokio::test]
async fn where_nobody_listens_it_is_counted_as_failed_and_gone() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", socket.local_addr().expect("an address"));
    drop(socket);
    let vendor = Vendor::start(Options { callback_url: Some(url), any_account: true, ..Options::default() }).await;
    vendor.nick("id1", "x").await;
    assert!(vendor.emulator.drain(PATIENCE).await);
    assert_eq!((vendor.emulator.counters().sent, vendor.emulator.counters().failed), (1, 1));
}
