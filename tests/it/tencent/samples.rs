//! Every sample request and answer of the vendor's five pages.
//!
//! The callback's are in tests/payloads. set_attr's have `//` comments on the page, which JSON has not: they are left out here.
//! Setting Profiles is the same on the page of Chat and of Live.

use std::collections::BTreeMap;

use portraitd::tencent::{Error, Item};
use serde_json::{Value, json};

use super::{APP, OK, body, exchange, item, outcome, strings};

const NICK: &str = "Tag_Profile_IM_Nick";
const FOUR_TAGS: [&str; 4] =
    [NICK, "Tag_Profile_IM_AllowType", "Tag_Profile_IM_SelfSignature", "Tag_Profile_Custom_Test"];

fn profile(account: &str, items: &[Item]) -> Value {
    json!({ "To_Account": account, "ProfileItem": items, "ResultCode": 0, "ResultInfo": "" })
}

fn answer(profiles: &[Value], failed: Option<&str>) -> String {
    let mut answer = json!({
        "UserProfileItem": profiles,
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    });
    if let Some(failed) = failed {
        answer["Fail_Account"] = json!([failed]);
    }
    answer.to_string()
}

fn nick(number: u8) -> Vec<Item> {
    vec![item(NICK, format!("NickNameTest{number}"))]
}

fn four(number: u8, allow: &str) -> Vec<Item> {
    vec![
        item(NICK, format!("NickNameTest{number}")),
        item("Tag_Profile_IM_AllowType", allow),
        item("Tag_Profile_IM_SelfSignature", format!("I'm Test{number}")),
        item("Tag_Profile_Custom_Test", format!("Custom Data{number}")),
    ]
}

#[tokio::test]
async fn portrait_set_as_the_pages_of_chat_and_live_show_it() {
    let answer =
        r#"{"ActionStatus":"FAIL","ErrorCode":40001,"ErrorInfo":"Err_Profile_Comm_Decode_Fail","ErrorDisplay":""}"#;
    let (request, result) =
        exchange(answer, |client| async move { client.portrait_set("id", &[item(NICK, "MyNickName")]).await }).await;
    assert_eq!(
        body(&request),
        json!({ "From_Account": "id", "ProfileItem": [{ "Tag": "Tag_Profile_IM_Nick", "Value": "MyNickName" }] })
    );
    let info = "Err_Profile_Comm_Decode_Fail".to_owned();
    assert_eq!(result, Err(Error::Refused { command: "portrait_set", code: 40001, info }));
    assert_eq!(exchange(OK, |client| async move { client.portrait_set("id", &nick(1)).await }).await.1, Ok(()));
}

#[tokio::test]
async fn the_url_is_as_the_pages_show_it() {
    let (request, _) = exchange(OK, |client| async move { client.portrait_set("id", &nick(1)).await }).await;
    let target = request.line.strip_prefix("POST /v4/profile/portrait_set?").expect("the path");
    let query = target.strip_suffix(" HTTP/1.1").expect("the version");
    let parameters: Vec<(String, String)> =
        form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["sdkappid", "identifier", "usersig", "random", "contenttype"]);
    let of = |at: usize| parameters[at].1.as_str();
    assert_eq!((of(0), of(1), of(4)), (APP.to_string().as_str(), "administrator", "json"));
    assert!(of(3).parse::<u32>().is_ok(), "{query}");
    assert!(query.contains(&format!("usersig={}&", of(2))), "its alphabet needs no escapes: {query}");
}

#[tokio::test]
async fn portrait_get_of_one_field_of_one_user() {
    let profiles = [profile("id1", &nick(1))];
    let (request, result) = exchange(&answer(&profiles, None), |client| async move {
        client.portrait_get(&strings(&["id1"]), &strings(&[NICK])).await
    })
    .await;
    assert_eq!(body(&request), json!({ "To_Account": ["id1"], "TagList": ["Tag_Profile_IM_Nick"] }));
    assert_eq!(result, Ok(vec![("id1".to_owned(), Ok(nick(1)))]));
}

#[tokio::test]
async fn portrait_get_of_several_fields_of_one_user() {
    let expected = four(1, "AllowType_Type_NeedConfirm");
    let (request, result) = exchange(&answer(&[profile("id1", &expected)], None), |client| async move {
        client.portrait_get(&strings(&["id1"]), &strings(&FOUR_TAGS)).await
    })
    .await;
    assert_eq!(body(&request), json!({ "To_Account": ["id1"], "TagList": FOUR_TAGS }));
    assert_eq!(result, Ok(vec![("id1".to_owned(), Ok(expected))]));
}

#[tokio::test]
async fn portrait_get_of_one_field_of_several_users() {
    let profiles = [1, 2, 3].map(|number| profile(&format!("id{number}"), &nick(number)));
    let (request, result) = exchange(&answer(&profiles, None), |client| async move {
        client.portrait_get(&strings(&["id1", "id2", "id3"]), &strings(&[NICK])).await
    })
    .await;
    assert_eq!(body(&request), json!({ "To_Account": ["id1", "id2", "id3"], "TagList": ["Tag_Profile_IM_Nick"] }));
    assert_eq!(result, Ok([1, 2, 3].map(|number| (format!("id{number}"), Ok(nick(number)))).to_vec()));
}

#[tokio::test]
async fn portrait_get_of_several_users_says_which_failed_although_the_answer_is_ok() {
    let expected =
        [four(1, "AllowType_Type_NeedConfirm"), four(2, "AllowType_Type_DenyAny"), four(3, "AllowType_Type_AllowAny")];
    let info = "Err_Profile_PortraitGet_Read_Custom_Data_Fail";
    let profiles = [
        profile("id1", &expected[0]),
        profile("id2", &expected[1]),
        profile("id3", &expected[2]),
        json!({ "To_Account": "id4", "ResultCode": 40006, "ResultInfo": info }),
    ];
    let accounts = ["id1", "id2", "id3", "id4"];
    let (request, result) = exchange(&answer(&profiles, Some("id4")), |client| async move {
        client.portrait_get(&strings(&accounts), &strings(&FOUR_TAGS)).await
    })
    .await;
    assert_eq!(body(&request), json!({ "To_Account": accounts, "TagList": FOUR_TAGS }));
    let result = result.expect("a result for each");
    for (at, items) in expected.into_iter().enumerate() {
        assert_eq!(result[at], (accounts[at].to_owned(), Ok(items)));
    }
    let refused = Error::Refused { command: "portrait_get", code: 40006, info: info.to_owned() };
    assert!(refused.is_retryable());
    assert_eq!(result[3], ("id4".to_owned(), Err(refused)));
    assert_eq!(result.len(), 4);
}

const REGISTRATION_ID: &str = "379C2F0D-290D-47AE-94D1-919058C39C77";

fn users() -> Vec<(String, BTreeMap<String, String>)> {
    let attrs = |pairs: [(&str, &str); 2]| pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    vec![
        (REGISTRATION_ID.to_owned(), attrs([("sex", "female"), ("city", "NewYork")])),
        ("xiaoming".to_owned(), attrs([("sex", "male"), ("city", "ShenZhen")])),
    ]
}

#[tokio::test]
async fn set_attr_of_which_all_is_done() {
    let answer = r#"{"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0}"#;
    let (request, result) = exchange(answer, |client| async move { client.set_attr(&users()).await }).await;
    assert!(request.line.starts_with("POST /v4/timpush/set_attr?"), "{}", request.line);
    assert_eq!(
        body(&request),
        json!({ "UserAttrs": [
            { "To_Account": REGISTRATION_ID, "Attrs": { "sex": "female", "city": "NewYork" } },
            { "To_Account": "xiaoming", "Attrs": { "sex": "male", "city": "ShenZhen" } },
        ] })
    );
    assert_eq!(result, Ok(vec![(REGISTRATION_ID.to_owned(), Ok(())), ("xiaoming".to_owned(), Ok(()))]));
}

#[tokio::test]
async fn set_attr_of_which_a_part_is_done() {
    let answer = format!(
        r#"{{"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0,
            "ErrorList": [{{"ErrorCode": 90035, "To_Account": "{REGISTRATION_ID}"}}]}}"#
    );
    let (_, result) = exchange(&answer, |client| async move { client.set_attr(&users()).await }).await;
    let expected = vec![(REGISTRATION_ID.to_owned(), Err(Some(90035))), ("xiaoming".to_owned(), Ok(()))];
    assert_eq!(outcome(result.expect("a result for each")), expected);
}
