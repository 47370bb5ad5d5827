//! The documented limits are kept before anything is sent, unless the caller leaves that to the vendor.

use std::collections::BTreeMap;

use portraitd::tencent::{AttrName, Client, Error, PerAccount, tag};
use serde_json::{Value, json};

use super::{Backend, answers, builder, client, item, refuses, strings};

#[track_caller]
fn refused<T>(result: Result<T, Error>, why: &str) {
    match result {
        Err(error @ Error::Limit(_)) => {
            assert!(error.to_string().contains(why), "{why}: {error}");
            assert!(error.code().is_none() && !error.is_retryable());
        }
        Err(error) => panic!("{why}: {error:?}"),
        Ok(_) => panic!("{why}: it was sent"),
    }
}

async fn set_attr(client: &Client, account: &str, name: &str, value: &str) -> Result<PerAccount<()>, Error> {
    client.set_attr(&[(account.to_owned(), BTreeMap::from([(name.to_owned(), value.to_owned())]))]).await
}

#[tokio::test]
async fn what_is_beyond_a_limit_is_refused_by_name_and_never_sent() {
    let backend = Backend::that([answers(super::OK)]).await;
    let client = client(&backend);
    let nick = |length| [item("Tag_Profile_IM_Nick", "x".repeat(length))];
    let long = "x".repeat(51);
    refused(client.portrait_set("id", &nick(501)).await, "Tag_Profile_IM_Nick: 501 bytes");
    refused(client.portrait_set("id", &[]).await, "ProfileItem");
    refused(client.portrait_set("", &nick(1)).await, "the account \"\"");
    refused(client.portrait_set(&"x".repeat(33), &nick(1)).await, "1 to 32");
    refused(client.portrait_set("小明", &nick(1)).await, "printable ASCII");
    refused(client.portrait_get(&strings(&["id"]), &[]).await, "TagList");
    refused(client.portrait_get(&strings(&["id", ""]), &strings(&["T"])).await, "the account");
    refused(set_attr(&client, "id", "city", &long).await, "its value has 51 bytes");
    refused(set_attr(&client, "id", &long, "x").await, "the attribute name");
    refused(set_attr(&client, &"x".repeat(36), "city", "x").await, "the account");
    refused(client.set_attr(&[("id".to_owned(), BTreeMap::new())]).await, "Attrs of \"id\"");
    refused(client.remove_attr(&[("id".to_owned(), strings(&["a"; 11]))]).await, "Attrs of \"id\"");
    refused(client.get_attr(&strings(&["小"])).await, "the account");
    let named = |list: &[(u8, &str)]| -> BTreeMap<u8, AttrName> {
        list.iter().map(|(number, name)| (*number, AttrName { name: (*name).to_owned(), attr_type: None })).collect()
    };
    refused(client.set_attr_name(&named(&[])).await, "AttrNames");
    refused(client.set_attr_name(&named(&[(10, "sex")])).await, "0 to 9");
    refused(client.set_attr_name(&named(&[(0, "sex"), (1, "sex")])).await, "the same name");
    refused(client.set_attr_name(&named(&[(0, &long)])).await, "the attribute name");
    refused(client.account_import(&"x".repeat(33), None, None).await, "the account");
    refused(client.account_import("id", Some(&"x".repeat(501)), None).await, "501 bytes");
    refused(client.ip_list(7).await, "nettype");
    assert_eq!(backend.connections(), 0);
}

#[tokio::test]
async fn what_is_within_a_limit_is_sent() {
    let backend = Backend::that([answers(super::OK)]).await;
    let client = client(&backend);
    let longest = "x".repeat(500);
    let items = [item("Tag_Profile_IM_Nick", longest.clone()), item("Tag_Profile_Custom_Abcdefgh", longest)];
    client.portrait_set(&"x".repeat(32), &items).await.expect("sent");
    let attr = "x".repeat(50);
    set_attr(&client, "379C2F0D-290D-47AE-94D1-919058C39C77", &attr, &attr).await.expect("sent");
}

#[tokio::test]
async fn limits_may_be_left_to_the_vendor() {
    let mut backend = Backend::that([refuses(40601)]).await;
    let client = builder(&backend).unchecked().build().expect("a client");
    let result = client.portrait_set("id", &[item("Tag_Profile_IM_Nick", "x".repeat(501))]).await;
    assert_eq!(result.map_err(|error| error.code()), Err(Some(40601)));
    assert_eq!(backend.drained(), 1);
}

#[test]
fn each_standard_field_takes_its_own_kind_of_value() {
    let cases: [(&str, Value, bool); 17] = [
        ("Tag_Profile_IM_Nick", json!(""), true),
        ("Tag_Profile_IM_Nick", json!(1), false),
        ("Tag_Profile_IM_Nick", json!("明".repeat(167)), false),
        ("Tag_Profile_IM_Gender", json!("Gender_Type_Female"), true),
        ("Tag_Profile_IM_Gender", json!("Female"), false),
        ("Tag_Profile_IM_BirthDay", json!(19991231), true),
        ("Tag_Profile_IM_BirthDay", json!("19991231"), false),
        ("Tag_Profile_IM_Level", json!(u32::MAX), true),
        ("Tag_Profile_IM_Level", json!(u64::from(u32::MAX) + 1), false),
        ("Tag_Profile_IM_Role", json!(-1), false),
        ("Tag_Profile_IM_Role", json!(1.5), false),
        ("Tag_Profile_IM_Role", Value::Null, false),
        ("Tag_Profile_Custom_Test", json!("x"), true),
        ("Tag_Profile_Custom_Test", json!(7), false),
        ("Tag_Profile_Custom_Abcdefghi", json!("x"), false),
        ("Tag_Profile_Custom_A1", json!("x"), false),
        ("Tag_Profile_IM_Birthday", json!(19991231), false),
    ];
    for (tag, value, fits) in cases {
        assert_eq!(tag::check(tag, &value).is_ok(), fits, "{tag} = {value}");
    }
    assert_eq!(tag::standard().len(), 12);
}

#[test]
fn a_client_is_made_for_a_place_that_can_be_called() {
    for (url, fits) in [
        ("https://a.example", true),
        ("http://127.0.0.1:1/x/", true),
        ("a.example", false),
        ("ftp://a", false),
        ("http://a?b", false),
    ] {
        let built = Client::builder(1, "key".into()).base_url(url).build();
        assert_eq!(built.is_ok(), fits, "{url}");
    }
}
