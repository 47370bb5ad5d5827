use serde_json::json;

use super::*;

fn admin() -> Writer {
    Writer::Admin { identifier: "administrator".to_owned() }
}

fn item(tag: &str, value: Value) -> Item {
    Item { tag: tag.to_owned(), value }
}

fn with(account: &str) -> Model {
    let mut model = Model { custom_fields: vec![CustomField::new("Team")], ..Model::default() };
    model.import(account);
    model
}

#[test]
fn a_profile_is_set_all_or_nothing() {
    let mut model = with("id1");
    let items = vec![item("Tag_Profile_IM_Nick", json!("a")), item("Tag_Profile_IM_Gender", json!("maybe"))];
    assert_eq!(model.set_profile(&admin(), "id1", items, 500, 1).unwrap_err().code, 40605);
    assert_eq!(model, with("id1"));
}

#[test]
fn no_two_changes_of_an_account_share_an_event_time() {
    let mut model = with("id1");
    let mut at = |now| {
        let items = vec![item("Tag_Profile_IM_Nick", json!("a"))];
        model.set_profile(&admin(), "id1", items, 500, now).unwrap().event_time
    };
    assert_eq!([at(10), at(10), at(5), at(20)], [10, 11, 12, 20]);
}

#[test]
fn values_have_the_types_and_limits_of_the_pages() {
    let long = "x".repeat(501);
    for (tag, value, code) in [
        ("Tag_Profile_IM_Nick", json!(long), 40601),
        ("Tag_Profile_IM_Nick", json!(7), 40610),
        ("Tag_Profile_IM_BirthDay", json!("20000101"), 40610),
        ("Tag_Profile_IM_BirthDay", json!(-1), 40610),
        ("Tag_Profile_IM_BirthDay", json!(1_u64 << 32), 40605),
        ("Tag_Profile_IM_Birthday", json!(1), 40009),
        ("Tag_Profile_IM_Location", json!("seventeen bytes .."), 40605),
        ("Tag_Profile_IM_AllowType", json!("any"), 40605),
        ("Tag_Profile_Custom_Team", json!(1), 40610),
        ("Tag_Profile_Custom_Other", json!("x"), 40009),
        ("Nick", json!("x"), 40009),
    ] {
        let refused = with("id1").set_profile(&admin(), "id1", vec![item(tag, value)], 16, 1).unwrap_err();
        assert_eq!(refused.code, code, "{tag}: {}", refused.info);
    }
}

#[test]
fn only_an_admin_forbids() {
    let client = Writer::Client { platform: "iOS".to_owned() };
    let items = || vec![item("Tag_Profile_IM_AdminForbidType", json!("AdminForbid_Type_SendOut"))];
    assert_eq!(with("id1").set_profile(&client, "id1", items(), 500, 1).unwrap_err().code, 40008);
    assert!(with("id1").set_profile(&admin(), "id1", items(), 500, 1).is_ok());
}

#[test]
fn an_attribute_belongs_to_one_account_type_and_its_type_stays() {
    let mut model = with("id1");
    let map = |value: Value| serde_json::from_value::<BTreeMap<String, Value>>(value).unwrap();
    model.set_attribute_names(&map(json!({"0": "sex", "1": "device"})), &map(json!({"1": 1}))).unwrap();
    let device = "379C2F0D-290D-47AE-94D1-919058C39C77";
    assert_eq!(model.set_attributes("id1", &map(json!({"device": "x"}))).unwrap_err().code, 90035);
    assert_eq!(model.set_attributes(device, &map(json!({"sex": "x"}))).unwrap_err().code, 90035);
    model.set_attributes(device, &map(json!({"device": "x"}))).unwrap();
    for names in [json!({"0": "device"}), json!({"10": "x"}), json!({"0": ""}), json!({"a": "x"})] {
        assert_eq!(model.set_attribute_names(&map(names), &map(json!({}))).unwrap_err().code, 90033);
    }
    assert_eq!(model.set_attribute_names(&map(json!({"1": "d"})), &map(json!({"1": 0}))).unwrap_err().code, 90033);
    model.set_attribute_names(&map(json!({"1": "phone"})), &map(json!({}))).unwrap();
    assert_eq!(model.attributes(device).unwrap()["phone"], "x", "a value belongs to the number, not to the name");
}
