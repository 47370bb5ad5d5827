use std::collections::HashMap;
use std::io::Write;

use super::*;
use crate::config::{ConfigError, Flags, Handler, Loaded, load, show};

/// One entry with these keys besides its name and kind.
fn loaded(keys: &str) -> Result<Loaded, ConfigError> {
    let mut file = tempfile::NamedTempFile::new().expect("temporary file");
    write!(file, "[[handlers]]\nname = \"push\"\nkind = \"push-attributes\"\n{keys}\n").expect("written");
    load(&Flags { config: Some(file.path().to_owned()), ..Flags::default() }, &HashMap::new())
}

fn handler(keys: &str) -> Handler {
    loaded(keys).expect("loads").config.handlers.remove(0)
}

#[track_caller]
fn assert_refused(keys: &str, mentions: &[&str]) {
    let message = loaded(keys).expect_err(keys).0;
    assert!(mentions.iter().all(|word| message.contains(word)), "{mentions:?}: {message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[test]
fn an_attribute_is_a_tag_or_a_table_with_what_each_value_becomes() {
    let keys = r#"
        [handlers.attributes]
        city = "Tag_Profile_IM_Location"
        "näme.1" = { tag = "Tag_Profile_Custom_Pet" }
        [handlers.attributes.sex]
        tag = "Tag_Profile_IM_Gender"
        values = { Gender_Type_Female = "female", Gender_Type_Unknown = "", "1" = "X y" }
        otherwise = "other"
    "#;
    let attributes = handler(keys).attributes.expect("there");
    let tag = |tag: &str| Attribute { tag: tag.to_owned(), ..Attribute::default() };
    let values = [("Gender_Type_Female", "female"), ("Gender_Type_Unknown", ""), ("1", "X y")];
    let values = values.map(|(from, to)| (from.to_owned(), to.to_owned())).into();
    let sex = Attribute { values: Some(values), otherwise: Some("other".to_owned()), ..tag("Tag_Profile_IM_Gender") };
    let expected = [("city", tag("Tag_Profile_IM_Location")), ("näme.1", tag("Tag_Profile_Custom_Pet")), ("sex", sex)];
    assert_eq!(attributes, expected.map(|(name, attribute)| (name.to_owned(), attribute)).into());
    let shown = show(&loaded(keys).expect("loads"));
    assert!(shown.contains("handlers[0].attributes.sex.values.Gender_Type_Female = \"female\""), "{shown}");
}

#[test]
fn what_is_common_to_all_kinds_is_taken_but_tags_and_previous() {
    let attributes = "attributes = { city = \"Tag_Profile_IM_Location\" }";
    let common = "start = \"now\"\napps = [7]\nretry_secs = [1]\nconcurrency = 2\ntimeout_secs = 3";
    assert_eq!(handler(&format!("{attributes}\n{common}")).concurrency, Some(2));
    for (key, value) in [("tags", "[\"Tag_Profile_IM_Nick\"]"), ("previous", "true")] {
        let keys = format!("{attributes}\n{key} = {value}");
        assert_refused(&keys, &["\"push\"", &format!("{key} means nothing to kind = \"push-attributes\"")]);
    }
}

#[test]
fn what_could_not_work_is_refused_by_name() {
    let (long, eleven) = ("x".repeat(51), (0..11).map(|n| format!("a{n} = \"Tag_Profile_IM_Nick\"")));
    let eleven = eleven.collect::<Vec<_>>().join(", ");
    let nick = "tag = \"Tag_Profile_IM_Nick\"";
    for (attributes, mentions) in [
        (String::new(), &["attributes must be 1 to 10"][..]),
        (eleven, &["attributes must be 1 to 10"]),
        ("\"\" = \"Tag_Profile_IM_Nick\"".to_owned(), &["\"\"", "1 to 50 bytes, not 0"]),
        (format!("{long} = \"Tag_Profile_IM_Nick\""), &[&long, "1 to 50 bytes, not 51"]),
        ("\"ä\" = \"Nick\"".to_owned(), &["attributes.ä: tag = \"Nick\"", "Tag_Profile_IM_Gender"]),
        ("a = \"Tag_Profile_Custom_*\"".to_owned(), &["attributes.a: tag"]),
        ("a = \"Tag_Profile_IM_\"".to_owned(), &["attributes.a: tag"]),
        ("a = \"\"".to_owned(), &["attributes.a: tag"]),
        (format!("a = {{ {nick}, values = {{}} }}"), &["attributes.a: values has none"]),
        (format!("a = {{ {nick}, otherwise = \"x\" }}"), &["attributes.a: otherwise means nothing without values"]),
        (format!("a = {{ {nick}, values = {{ x = {long:?} }} }}"), &["attributes.a", "51 bytes", "50"]),
        (format!("a = {{ {nick}, values = {{ x = \"y\" }}, otherwise = {long:?} }}"), &["attributes.a", "51 bytes"]),
    ] {
        assert_refused(&format!("attributes = {{ {attributes} }}"), &[&["handlers: \"push\""], mentions].concat());
    }
}

#[test]
fn what_has_another_form_is_named_with_its_place() {
    for (attributes, place) in [
        ("{ a = { values = { x = \"y\" } } }", "handlers[0].attributes.a"),
        ("{ a = { tag = \"Tag_Profile_IM_Nick\", vales = { x = \"y\" } } }", "handlers[0].attributes.a.vales"),
        ("{ a = 1 }", "handlers[0].attributes.a"),
        ("{ a = { tag = \"Tag_Profile_IM_Nick\", values = { x = [\"y\"] } } }", "handlers[0].attributes.a"),
        ("[\"Tag_Profile_IM_Nick\"]", "handlers[0].attributes"),
    ] {
        assert_refused(&format!("attributes = {attributes}"), &[place]);
    }
}
