//! The calls beside those of the five pages, as the vendor's other pages show them.

use std::collections::BTreeMap;

use portraitd::tencent::{AttrName, AttrType};
use serde_json::json;

use super::{OK, body, exchange, outcome, strings};

fn names(list: &[(u8, &str, Option<AttrType>)]) -> BTreeMap<u8, AttrName> {
    list.iter()
        .map(|(number, name, attr_type)| (*number, AttrName { name: (*name).to_owned(), attr_type: *attr_type }))
        .collect()
}

#[tokio::test]
async fn remove_attr_names_attributes_only() {
    let answer =
        r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0,"ErrorList":[{"ErrorCode":70107,"To_Account":"Mary"}]}"#;
    let users = ["Mary", "xiaoming"].map(|account| (account.to_owned(), strings(&["sex", "city"])));
    let (request, result) = exchange(answer, |client| async move { client.remove_attr(&users).await }).await;
    assert!(request.line.starts_with("POST /v4/timpush/remove_attr?"), "{}", request.line);
    assert_eq!(
        body(&request),
        json!({ "UserAttrs": [
            { "To_Account": "Mary", "Attrs": ["sex", "city"] },
            { "To_Account": "xiaoming", "Attrs": ["sex", "city"] },
        ] })
    );
    let expected = vec![("Mary".to_owned(), Err(Some(70107))), ("xiaoming".to_owned(), Ok(()))];
    assert_eq!(outcome(result.expect("a result for each")), expected);
}

#[tokio::test]
async fn get_attr_answers_for_each_account_in_the_order_asked() {
    let answer = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0,
        "UserAttrs":[{"To_Account":"xiaoming","Attrs":{"sex":"male","city":"ShenZhen"}},{"To_Account":"xiaohua","Attrs":{}}],
        "ErrorList":[{"ErrorCode":70107,"To_Account":"Mary"}]}"#;
    let accounts = ["Mary", "xiaoming", "xiaohua"];
    let (request, result) = exchange(answer, |client| async move { client.get_attr(&strings(&accounts)).await }).await;
    assert_eq!(body(&request), json!({ "To_Account": accounts }));
    let attrs = BTreeMap::from([("city", "ShenZhen"), ("sex", "male")].map(|(n, v)| (n.to_owned(), v.to_owned())));
    let expected = vec![
        ("Mary".to_owned(), Err(Some(70107))),
        ("xiaoming".to_owned(), Ok(attrs)),
        ("xiaohua".to_owned(), Ok(BTreeMap::new())),
    ];
    assert_eq!(outcome(result.expect("a result for each")), expected);
}

#[tokio::test]
async fn attribute_names_are_set_with_the_types_that_were_given() {
    let given =
        names(&[(0, "sex", Some(AttrType::UserID)), (1, "city", None), (2, "country", Some(AttrType::RegistrationID))]);
    let (request, result) = exchange(OK, |client| async move { client.set_attr_name(&given).await }).await;
    assert!(request.line.starts_with("POST /v4/timpush/set_attr_name?"), "{}", request.line);
    assert_eq!(
        body(&request),
        json!({ "AttrNames": { "0": "sex", "1": "city", "2": "country" }, "AttrTypes": { "0": 0, "2": 1 } })
    );
    assert_eq!(result, Ok(()));
    let (request, _) =
        exchange(OK, |client| async move { client.set_attr_name(&names(&[(9, "sex", None)])).await }).await;
    assert_eq!(body(&request), json!({ "AttrNames": { "9": "sex" } }), "a type that is not given is not sent");
}

#[tokio::test]
async fn attribute_names_are_read_with_their_types() {
    let answer = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0,
        "AttrNames":{"0":"sex","1":"city","2":"country"},"AttrTypes":{"0":0,"1":0,"2":1}}"#;
    let (request, result) = exchange(answer, |client| async move { client.get_attr_name().await }).await;
    assert_eq!(body(&request), json!({}));
    let of_user = Some(AttrType::UserID);
    let expected = names(&[(0, "sex", of_user), (1, "city", of_user), (2, "country", Some(AttrType::RegistrationID))]);
    assert_eq!(result, Ok(expected));
}

#[tokio::test]
async fn an_account_is_imported_with_what_is_known_of_it() {
    let (request, result) =
        exchange(
            OK,
            |client| async move { client.account_import("test", Some("test"), Some("http://www.qq.com")).await },
        )
        .await;
    assert!(request.line.starts_with("POST /v4/im_open_login_svc/account_import?"), "{}", request.line);
    assert_eq!(body(&request), json!({ "UserID": "test", "Nick": "test", "FaceUrl": "http://www.qq.com" }));
    assert_eq!(result, Ok(()));
    let (request, _) = exchange(OK, |client| async move { client.account_import("test", None, None).await }).await;
    assert_eq!(body(&request), json!({ "UserID": "test" }));
}

#[tokio::test]
async fn addresses_and_cidrs_come_mixed() {
    let answer = r#"{"ActionStatus":"OK","ErrorCode":0,"IPList":["127.0.0.2","183.192.202.0/25"]}"#;
    let (request, result) = exchange(answer, |client| async move { client.ip_list(6).await }).await;
    assert!(request.line.starts_with("POST /v4/ConfigSvc/GetIPList?"), "{}", request.line);
    assert!(request.line.contains("&contenttype=json&nettype=6 "), "{}", request.line);
    assert_eq!(body(&request), json!({}));
    let shown: Vec<String> = result.expect("a list").iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["127.0.0.2/32", "183.192.202.0/25"]);
    let answer = r#"{"ActionStatus":"OK","ErrorCode":0,"IPList":["localhost"]}"#;
    let (_, result) = exchange(answer, |client| async move { client.ip_list(6).await }).await;
    assert!(result.is_err_and(|error| error.to_string().contains("localhost")));
}
