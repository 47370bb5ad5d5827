//! The samples of the vendor's pages, against the emulator.

use portraitd::emulator::model::CustomField;
use portraitd::emulator::{Options, Order};
use serde_json::{Value, json};

use super::Vendor;

fn ok() -> Value {
    json!({"ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "", "ErrorDisplay": ""})
}

#[tokio::test]
async fn setting_profiles() {
    let vendor = Vendor::with(&["id"]).await;
    let sample = json!({"From_Account": "id", "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": "MyNickName"}]});
    assert_eq!(vendor.call("profile/portrait_set", sample).await, ok());
    let refused = vendor.call("profile/portrait_set", json!({"From_Account": "id"})).await;
    assert_eq!(
        refused,
        json!({"ActionStatus": "FAIL", "ErrorCode": 40001, "ErrorInfo": "Err_Profile_Comm_Decode_Fail", "ErrorDisplay": ""})
    );
}

#[tokio::test]
async fn pulling_profiles() {
    let vendor = Vendor::start(Options { custom_fields: vec![CustomField::new("Test")], ..Options::default() }).await;
    let allows = ["NeedConfirm", "DenyAny", "AllowAny", "AllowAny"];
    let tags =
        ["Tag_Profile_IM_Nick", "Tag_Profile_IM_AllowType", "Tag_Profile_IM_SelfSignature", "Tag_Profile_Custom_Test"];
    let mut expected = Vec::new();
    for (n, allow) in (1..).zip(allows) {
        let id = format!("id{n}");
        let values = [
            format!("NickNameTest{n}"),
            format!("AllowType_Type_{allow}"),
            format!("I'm Test{n}"),
            format!("Custom Data{n}"),
        ];
        vendor.emulator.import(&id);
        let items: Vec<Value> =
            tags.iter().zip(values).map(|(tag, value)| json!({"Tag": tag, "Value": value})).collect();
        let set = vendor.call("profile/portrait_set", json!({"From_Account": id, "ProfileItem": items})).await;
        assert_eq!(set, ok());
        expected.push(json!({"To_Account": id, "ProfileItem": items, "ResultCode": 0, "ResultInfo": ""}));
    }
    let get = async |accounts: &[&str], tags: &[&str]| {
        vendor.call("profile/portrait_get", json!({"To_Account": accounts, "TagList": tags})).await
    };
    let with = |items: Vec<Value>| {
        let mut answer = ok();
        answer["UserProfileItem"] = items.into();
        answer
    };
    let nick = |n: usize| {
        let mut one = expected[n].clone();
        one["ProfileItem"] = json!([one["ProfileItem"][0]]);
        one
    };
    assert_eq!(get(&["id1"], &tags[..1]).await, with(vec![nick(0)]));
    assert_eq!(get(&["id1"], &tags).await, with(vec![expected[0].clone()]));
    assert_eq!(get(&["id1", "id2", "id3"], &tags[..1]).await, with(vec![nick(0), nick(1), nick(2)]));
    let info = "Err_Profile_PortraitGet_Read_Custom_Data_Fail";
    vendor.emulator.order(Order { info: Some(info.to_owned()), ..Order::new("portrait_get", 40006).account("id4") });
    expected[3] = json!({"To_Account": "id4", "ResultCode": 40006, "ResultInfo": info});
    let mut partial = with(expected);
    partial["Fail_Account"] = json!(["id4"]);
    assert_eq!(get(&["id1", "id2", "id3", "id4"], &tags).await, partial);
}

#[tokio::test]
async fn push_attributes() {
    let vendor = Vendor::with(&["xiaoming", "xiaohua"]).await;
    let ok = json!({"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0});
    let (names, types) = (json!({"0": "sex", "1": "city", "2": "country"}), json!({"0": 0, "1": 0, "2": 1}));
    let set = vendor.call("timpush/set_attr_name", json!({"AttrNames": names, "AttrTypes": types})).await;
    assert_eq!(set, ok);
    let read = vendor.call("timpush/get_attr_name", json!({})).await;
    assert_eq!((&read["AttrNames"], &read["AttrTypes"]), (&names, &types));
    let device = "379C2F0D-290D-47AE-94D1-919058C39C77";
    let users = json!({"UserAttrs": [
        {"To_Account": device, "Attrs": {"sex": "female", "city": "NewYork"}},
        {"To_Account": "xiaoming", "Attrs": {"sex": "male", "city": "ShenZhen"}},
    ]});
    let set = vendor.call("timpush/set_attr", users).await;
    assert_eq!((&set["ErrorCode"], &set["ErrorList"][0]["ErrorCode"]), (&json!(0), &json!(90035)));
    assert_eq!(set["ErrorList"][0]["To_Account"], device);
    let read = vendor.call("timpush/get_attr", json!({"To_Account": ["Mary", "xiaoming", "xiaohua"]})).await;
    assert_eq!(
        read["UserAttrs"],
        json!([
            {"To_Account": "xiaoming", "Attrs": {"sex": "male", "city": "ShenZhen"}},
            {"To_Account": "xiaohua", "Attrs": {}},
        ])
    );
    assert_eq!(
        (&read["ErrorList"][0]["To_Account"], &read["ErrorList"][0]["ErrorCode"]),
        (&json!("Mary"), &json!(70107))
    );
    let remove = json!({"UserAttrs": [{"To_Account": "xiaoming", "Attrs": ["sex", "city"]}]});
    assert_eq!(vendor.call("timpush/remove_attr", remove).await, ok);
}

#[tokio::test]
async fn accounts_and_addresses() {
    let vendor = Vendor::with(&[]).await;
    let sample = json!({"UserID": "test", "Nick": "test", "FaceUrl": "http://www.qq.com"});
    for _ in 0..2 {
        let answer = vendor.call("im_open_login_svc/account_import", sample.clone()).await;
        assert_eq!(answer, json!({"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0}));
    }
    assert_eq!(vendor.emulator.model().accounts["test"].profile["Tag_Profile_IM_Image"], "http://www.qq.com");
    let mut query = vendor.query();
    query.push(("nettype".to_owned(), "6".to_owned()));
    let answer = vendor.call_with("ConfigSvc/GetIPList", &query, "{}").await;
    assert_eq!(answer["IPList"], json!(["127.0.0.1", "127.0.0.0/8", "::1"]));
}
