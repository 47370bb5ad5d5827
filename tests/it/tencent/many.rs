//! More accounts than one request may have: split, put together in order, and what failed is said per account.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Backend, OK, answers, body, client, item, outcome, refuses, says, strings};

fn accounts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("user{number}")).collect()
}

#[tokio::test]
async fn a_hundred_go_into_one_request_and_no_more() {
    let mut backend = Backend::that([answers(OK)]).await;
    let users: Vec<_> = accounts(250)
        .into_iter()
        .map(|account| (account, BTreeMap::from([("sex".to_owned(), "female".to_owned())])))
        .collect();
    let client = client(&backend);
    let results = tokio::spawn(async move { client.set_attr(&users).await }).await.expect("no panic");
    let results = results.expect("a result for each");
    let named: Vec<_> = results.iter().map(|(account, _)| account.clone()).collect();
    assert_eq!(named, accounts(250));
    assert!(results.iter().all(|(_, result)| result.is_ok()));
    let mut sizes = Vec::new();
    for _ in 0..3 {
        sizes.push(body(&backend.request().await)["UserAttrs"].as_array().expect("a list").len());
    }
    sizes.sort_unstable();
    assert_eq!(sizes, [50, 100, 100]);
    backend.assert_idle();
}

#[tokio::test]
async fn of_a_part_that_fails_as_a_whole_each_account_has_the_error() {
    let backend = Backend::that([refuses(90009), answers(OK)]).await;
    let users: Vec<_> = accounts(101).into_iter().map(|account| (account, strings(&["sex"]))).collect();
    let results = outcome(client(&backend).remove_attr(&users).await.expect("a result for each"));
    let failed = results.iter().filter(|(_, result)| *result == Err(Some(90009))).count();
    assert!(failed == 100 || failed == 1, "one of the two parts: {failed}");
    assert_eq!(results.iter().filter(|(_, result)| result.is_ok()).count(), 101 - failed);
}

#[tokio::test]
async fn an_account_that_the_answer_does_not_name_is_no_silent_ok() {
    let answer = json!({
        "ErrorCode": 0,
        "UserProfileItem": [{ "To_Account": "a", "ResultCode": 0 }, { "To_Account": "b", "ResultCode": 0 }],
        "Fail_Account": ["b", "c"],
    });
    let backend = Backend::that([answers(&answer.to_string())]).await;
    let results = client(&backend).portrait_get(&strings(&["a", "b", "c", "d", "a"]), &strings(&["T"])).await;
    let results = results.expect("a result for each");
    let worked: Vec<bool> = results.iter().map(|(_, result)| result.is_ok()).collect();
    assert_eq!(worked, [true, false, false, false, true]);
    let why = |at: usize| results[at].1.as_ref().expect_err("it failed").to_string();
    assert!(why(1).contains("Fail_Account") && why(2).contains("Fail_Account") && why(3).contains("does not name"));
}

#[tokio::test]
async fn nobody_asked_for_is_nothing_sent() {
    let backend = Backend::that([says("500 Internal Server Error", "")]).await;
    let client = client(&backend);
    assert_eq!(client.portrait_get(&[], &strings(&["T"])).await, Ok(Vec::new()));
    assert_eq!(client.get_attr(&[]).await, Ok(Vec::new()));
    assert_eq!(backend.connections(), 0);
}

#[tokio::test]
async fn what_is_legal_but_surprising_is_understood() {
    let of_none = json!({ "ErrorCode": 0, "ErrorInfo": null, "ErrorList": null, "UserAttrs": null });
    let users = [("a".to_owned(), strings(&["sex"])), ("b".to_owned(), strings(&["sex"]))];
    let backend = Backend::that([answers(&of_none.to_string())]).await;
    let results = client(&backend).remove_attr(&users).await.expect("a result for each");
    assert!(results.iter().all(|(_, result)| result.is_ok()), "no list of failures is no failure: {results:?}");

    let answer = json!({
        "ActionStatus": "OK", "ErrorCode": 0, "ErrorDisplay": "", "Unknown": [1], "Fail_Account": null,
        "UserProfileItem": [
            { "To_Account": "b", "ProfileItem": null, "ResultCode": 0, "ResultInfo": null },
            { "To_Account": "never asked for", "ResultCode": 0 },
            { "To_Account": "a", "ProfileItem": [{ "Tag": "T", "Value": 1, "Unknown": 1 }], "ResultCode": 0 },
            { "To_Account": "a", "ProfileItem": [{ "Tag": "T", "Value": 1 }], "ResultCode": 0 },
        ],
    });
    let backend = Backend::that([answers(&answer.to_string())]).await;
    let results = client(&backend).portrait_get(&strings(&["a", "b", "a"]), &strings(&["T"])).await;
    let a = || ("a".to_owned(), Ok(vec![item("T", 1)]));
    assert_eq!(results, Ok(vec![a(), ("b".to_owned(), Ok(Vec::new())), a()]), "as they were asked for");

    for missing in [json!({ "ErrorCode": 0 }), json!({ "ErrorCode": 0, "UserProfileItem": null })] {
        let backend = Backend::that([answers(&missing.to_string())]).await;
        let results = client(&backend).portrait_get(&strings(&["a", "b"]), &strings(&["T"])).await;
        assert!(results.expect("a result for each").iter().all(|(_, result)| result.is_err()), "{missing}");
    }
}
