//! Every documented error code: by a request that deserves it where there is one, by order otherwise.

use std::time::Instant;

use futures_util::future::join_all;
use portraitd::emulator::model::CustomField;
use portraitd::emulator::{Options, Order, SDK_APP_ID, SECRET_KEY};
use serde_json::{Value, json};

use super::{Query, Vendor, assert_refused, usersig};

const SET: &str = "profile/portrait_set";
const GET: &str = "profile/portrait_get";

fn with(mut query: Query, name: &str, value: &str) -> Query {
    query.retain(|(n, _)| n != name);
    query.push((name.to_owned(), value.to_owned()));
    query
}

fn without(mut query: Query, name: &str) -> Query {
    query.retain(|(n, _)| n != name);
    query
}

fn one_item(tag: &str, value: Value) -> Value {
    json!({ "From_Account": "id1", "ProfileItem": [{ "Tag": tag, "Value": value }] })
}

#[tokio::test]
async fn the_gateway_refuses_a_query_that_is_not_as_documented() {
    let vendor = Vendor::with(&[]).await;
    let good = vendor.query();
    let mut twice = good.clone();
    twice.push(("identifier".to_owned(), "administrator".to_owned()));
    for (query, code) in [
        (without(good.clone(), "sdkappid"), 60012),
        (with(good.clone(), "sdkappid", "x"), 60025),
        (with(good.clone(), "sdkappid", "1"), 70020),
        (without(good.clone(), "identifier"), 60025),
        (without(good.clone(), "usersig"), 60025),
        (without(good.clone(), "random"), 60025),
        (with(good.clone(), "random", "4294967296"), 60025),
        (with(good.clone(), "contenttype", "xml"), 60025),
        (twice, 60025),
    ] {
        assert_refused(&vendor.call_with(SET, &query, "{}").await, code, &format!("{query:?}"));
    }
    assert_refused(&vendor.call("profile/portrait_delete", json!({})).await, 60009, "no such API");
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&good).finish();
    let url = format!("{}/v4/{SET}?{query}", vendor.emulator.base_url());
    let answer = vendor.http.get(url).send().await.expect("it answers");
    assert_eq!(answer.status(), 200);
    assert_refused(&serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON"), 60002, "GET");
}

#[tokio::test]
async fn a_usersig_made_elsewhere_is_taken_and_a_wrong_one_has_its_code() {
    let vendor = Vendor::with(&["id1"]).await;
    vendor.nick("id1", "taken").await;
    for (signature, code) in [
        ("xxx".to_owned(), 70003),
        (usersig(SDK_APP_ID, "another key", "administrator", 0), 70009),
        (usersig(SDK_APP_ID, SECRET_KEY, "somebody", 0), 70013),
        (usersig(SDK_APP_ID + 1, SECRET_KEY, "administrator", 0), 70014),
        (usersig(SDK_APP_ID, SECRET_KEY, "administrator", 7200), 70001),
    ] {
        let query = with(vendor.query(), "usersig", &signature);
        assert_refused(&vendor.call_with(SET, &query, "{}").await, code, &signature);
    }
    let query = with(vendor.query(), "usersig", "xxx");
    for _ in 0..60 {
        vendor.call_with(SET, &query, "{}").await;
    }
    assert_refused(&vendor.call_with(SET, &query, "{}").await, 70050, "too many");
    vendor.nick("id1", "whoever is right is not held up").await;
}

#[tokio::test]
async fn somebody_who_is_no_admin_is_refused_with_each_apis_code() {
    let vendor = Vendor::with(&["id1"]).await;
    let query = with(vendor.query(), "identifier", "id1");
    let query = with(query, "usersig", &usersig(SDK_APP_ID, SECRET_KEY, "id1", 0));
    for (command, code) in [
        (SET, 40004),
        (GET, 40004),
        ("timpush/set_attr", 90009),
        ("timpush/get_attr_name", 90009),
        ("im_open_login_svc/account_import", 70403),
        ("ConfigSvc/GetIPList", 60010),
    ] {
        assert_refused(&vendor.call_with(command, &query, "{}").await, code, command);
    }
}

#[tokio::test]
async fn a_body_that_is_not_as_documented_is_refused() {
    let vendor = Vendor::with(&["id1"]).await;
    for body in ["", "x", "[]", "{\"From_Account\":"] {
        assert_refused(&vendor.call_with(SET, &vendor.query(), body).await, 60003, body);
        assert_refused(&vendor.call_with("timpush/set_attr", &vendor.query(), body).await, 90001, body);
    }
    for body in
        [json!({}), json!({"From_Account": 1, "ProfileItem": []}), json!({"From_Account": "id1", "ProfileItem": []})]
    {
        assert_refused(&vendor.call(SET, body.clone()).await, 40001, &body.to_string());
    }
    let many: Vec<String> = (0..101).map(|n| format!("id{n}")).collect();
    for (body, code) in [
        (json!({"TagList": ["Tag_Profile_IM_Nick"]}), 40002),
        (json!({"To_Account": [], "TagList": ["Tag_Profile_IM_Nick"]}), 40002),
        (json!({"To_Account": ["id1"]}), 40001),
        (json!({"To_Account": many, "TagList": ["Tag_Profile_IM_Nick"]}), 40001),
        (json!({"To_Account": ["id1"], "TagList": ["Tag_Profile_IM_Nickname"]}), 40009),
    ] {
        assert_refused(&vendor.call(GET, body.clone()).await, code, &body.to_string());
    }
    for user_id in ["", "a name that has more than 32 bytes", "é"] {
        let answer = vendor.call("im_open_login_svc/account_import", json!({"UserID": user_id})).await;
        assert_refused(&answer, 70402, user_id);
    }
    let long = json!({"UserID": "id2", "Nick": "x".repeat(501)});
    assert_refused(&vendor.call("im_open_login_svc/account_import", long).await, 40601, "a long Nick");
}

#[tokio::test]
async fn a_profile_field_has_its_type_its_values_and_its_length() {
    let hidden = CustomField { read: false, ..CustomField::new("Hidden") };
    let fixed = CustomField { write: false, ..CustomField::new("Fixed") };
    let vendor = Vendor::start(Options { custom_fields: vec![hidden, fixed], ..Options::default() }).await;
    assert_refused(&vendor.call(SET, one_item("Tag_Profile_IM_Nick", json!("a"))).await, 40003, "no such account");
    vendor.emulator.import("id1");
    for (tag, value, code) in [
        ("Tag_Profile_Custom_Fixed", json!("x"), 40008),
        ("Tag_Profile_Custom_Other", json!("x"), 40009),
        ("Tag_Profile_IM_Nick", json!("x".repeat(501)), 40601),
        ("Tag_Profile_IM_Gender", json!("female"), 40605),
        ("Tag_Profile_IM_BirthDay", json!("20000101"), 40610),
    ] {
        assert_refused(&vendor.call(SET, one_item(tag, value)).await, code, tag);
    }
    let tags = json!({"To_Account": ["id1"], "TagList": ["Tag_Profile_Custom_Hidden"]});
    assert_refused(&vendor.call(GET, tags).await, 40007, "a hidden field");
}

#[tokio::test]
async fn push_attributes_fail_account_by_account() {
    let vendor = Vendor::with(&["id1", "id2"]).await;
    let device = "379C2F0D-290D-47AE-94D1-919058C39C77";
    let names = json!({"AttrNames": {"0": "sex"}});
    assert_eq!(vendor.call("timpush/set_attr_name", names).await["ErrorCode"], 0);
    let twice = json!({"AttrNames": {"1": "sex"}});
    assert_refused(&vendor.call("timpush/set_attr_name", twice).await, 90033, "a name twice");
    let users = json!({"UserAttrs": [
        {"To_Account": "id1", "Attrs": {"sex": "female"}},
        {"To_Account": "id2", "Attrs": {"city": "x"}},
        {"To_Account": "nobody", "Attrs": {"sex": "x"}},
        {"To_Account": device, "Attrs": {"sex": "x"}},
        {"To_Account": "id2", "Attrs": {"sex": "x".repeat(51)}},
    ]});
    let answer = vendor.call("timpush/set_attr", users).await;
    let failed: Vec<_> =
        answer["ErrorList"].as_array().expect("a list").iter().map(|one| one["ErrorCode"].clone()).collect();
    assert_eq!(
        (&answer["ErrorCode"], failed),
        (&json!(0), vec![json!(90033), json!(70107), json!(90035), json!(90033)])
    );
    let many: Vec<Value> = (0..101).map(|n| json!({"To_Account": format!("id{n}"), "Attrs": {}})).collect();
    assert_refused(&vendor.call("timpush/set_attr", json!({"UserAttrs": many})).await, 90018, "101 users");
    let read = vendor.call("timpush/get_attr", json!({"To_Account": ["id1", "id2"]})).await;
    assert_eq!(
        read["UserAttrs"],
        json!([{"To_Account": "id1", "Attrs": {"sex": "female"}}, {"To_Account": "id2", "Attrs": {}}])
    );
    let removed =
        json!({"UserAttrs": [{"To_Account": "id1", "Attrs": ["sex"]}, {"To_Account": "id2", "Attrs": ["city"]}]});
    let answer = vendor.call("timpush/remove_attr", removed).await;
    assert_eq!(answer["ErrorList"][0]["To_Account"], "id2", "{answer}");
    let read = vendor.call("timpush/get_attr", json!({"To_Account": ["id1"]})).await;
    assert_eq!(read["UserAttrs"][0]["Attrs"], json!({}));
}

#[tokio::test]
async fn any_code_can_be_ordered_for_a_call_or_for_one_account() {
    let vendor = Vendor::with(&["id1", "id2"]).await;
    let get = || json!({"To_Account": ["id1", "id2"], "TagList": ["Tag_Profile_IM_Nick"]});
    for code in [
        40001, 40002, 40003, 40004, 40006, 40007, 40008, 40009, 40601, 40605, 40610, 60002, 60003, 60004, 60005, 60007,
        60008, 60010, 60011, 60012, 60014, 60018, 60019, 60025, 60026, 70001, 70003, 70009, 70013, 70014, 70020, 70050,
        70107, 70169, 70202, 70500, 90001, 90009, 90018, 90033, 90035, 90994, 90995, 91000, 12345,
    ] {
        vendor.emulator.order(Order::new("portrait_get", code));
        assert_refused(&vendor.call(GET, get()).await, code, "ordered");
        assert_eq!(vendor.call(GET, get()).await["ErrorCode"], 0, "once");
        vendor.emulator.order(Order::new("portrait_get", code).account("id2"));
        let answer = vendor.call(GET, get()).await;
        assert_eq!((&answer["ErrorCode"], &answer["Fail_Account"]), (&json!(0), &json!(["id2"])));
        assert_eq!(answer["UserProfileItem"][1]["ResultCode"], code);
        assert_eq!(answer["UserProfileItem"][0]["ResultCode"], 0);
    }
    let (status, said) =
        vendor.control("POST", "/answers", json!({"command": "set_attr", "code": 91000, "times": 2})).await;
    assert_eq!((status, &said[0]["times"]), (200, &json!(2)));
    for code in [91000, 91000] {
        assert_refused(&vendor.call("timpush/set_attr", json!({"UserAttrs": []})).await, code, "by the control API");
    }
    assert_eq!(vendor.call("timpush/set_attr", json!({"UserAttrs": []})).await["ErrorCode"], 0);
    for wrong in [
        json!({"command": "nothing", "code": 1}),
        json!({"command": "set_attr", "account": "a"}),
        json!({"command": "portrait_set", "code": 1, "account": "a"}),
        json!({"command": "set_attr", "code": 1, "times": 0}),
        json!({"command": "set_attr"}),
        json!({"x": 1}),
    ] {
        assert_eq!(vendor.control("POST", "/answers", wrong.clone()).await.0, 400, "{wrong}");
    }
    vendor.control("POST", "/answers", json!({"command": "set_attr", "status": 502, "body": "<html>"})).await;
    let url = format!("{}/v4/timpush/set_attr", vendor.emulator.base_url());
    let answer = vendor.http.post(url).send().await.expect("it answers");
    assert_eq!((answer.status().as_u16(), answer.text().await.expect("a body").as_str()), (502, "<html>"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn above_the_documented_rate_is_too_frequent_unless_that_is_off() {
    for (rates, limit) in [(true, 100), (false, 400)] {
        let vendor = Vendor::start(Options { rates, ..Options::default() }).await;
        let start = Instant::now();
        let answers = join_all((0..400).map(|_| vendor.call("timpush/get_attr_name", json!({})))).await;
        let seconds = start.elapsed().as_secs() as usize + 1;
        let admitted = answers.iter().filter(|answer| answer["ErrorCode"] == 0).count();
        let refused = answers.iter().filter(|answer| answer["ErrorCode"] == 60007).count();
        assert_eq!(admitted + refused, 400);
        assert!(admitted >= limit && admitted <= limit * seconds, "{admitted} in {seconds} s");
        let calls = &vendor.emulator.calls()["get_attr_name"];
        assert_eq!((calls.calls, calls.too_frequent), (400, refused as u64));
        assert!(calls.peak_per_second >= 400 / seconds);
    }
}
