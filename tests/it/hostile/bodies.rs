//! Bodies that are not what a body should be, as a whole.

use super::{Case, Expected, QUERY, recorded, run};
use crate::harness::db::{Database, on_both_stores};

const GOOD: &str = r#"{"From_Account":"a","EventTime":1700000000000,"ProfileItem":[{"Tag":"T","Value":1}]}"#;

fn kept(name: &str, body: impl Into<Vec<u8>>, reason: &'static str) -> Case {
    Case::body(name, body, Expected::Kept(reason))
}

/// A Value nested so deep that the body has `depth` levels.
fn nested(depth: usize) -> String {
    let inner = depth - 3;
    format!(
        r#"{{"From_Account":"a","ProfileItem":[{{"Tag":"T","Value":{}{}}}]}}"#,
        "[".repeat(inner),
        "]".repeat(inner)
    )
}

fn not_an_object() -> Vec<Case> {
    let wrapped = format!("[{GOOD}]");
    let positional = r#"["Profile.CallbackPortraitSet","a","a",1700000000000,[{"Tag":"T","Value":1}]]"#;
    vec![
        kept("not JSON", "CallbackCommand=Profile.CallbackPortraitSet", "not a JSON object"),
        kept("truncated", &GOOD.as_bytes()[..GOOD.len() - 1], "the body"),
        kept("truncated in a string", &GOOD.as_bytes()[..20], "the body"),
        kept("one brace", "{", "the body"),
        kept("array", "[]", "not a JSON object"),
        kept("array around a good body", wrapped, "not a JSON object"),
        kept("array that has the right shape", positional, "not a JSON object"),
        kept("number", "1700000000000", "not a JSON object"),
        kept("string", "\"text\"", "not a JSON object"),
        kept("a good body as a string", format!("{GOOD:?}"), "not a JSON object"),
        kept("null", "null", "not a JSON object"),
        kept("true", "true", "not a JSON object"),
        kept("two bodies", format!("{GOOD}{GOOD}"), "the body"),
        kept("something after it", format!("{GOOD};"), "the body"),
        kept("a comment", format!("/* */{GOOD}"), "not a JSON object"),
        kept("a comma too many", GOOD.replace("}]", "},]"), "the body"),
        kept("single quotes", GOOD.replace('"', "'"), "the body"),
        kept("a bare line break in a string", GOOD.replace("\"a\"", "\"a\nb\""), "control character"),
        kept("HTML", "<html><script>alert(1)</script></html>", "not a JSON object"),
        kept("NUL bytes", vec![0; 100], "not a JSON object"),
    ]
}

fn encodings() -> Vec<Case> {
    let utf16: Vec<u8> = GOOD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut broken = GOOD.replace("\"a\"", "\"a?\"").into_bytes();
    let at = broken.iter().position(|byte| *byte == b'?').expect("a ?");
    broken[at] = 0xFF;
    let mut overlong = GOOD.as_bytes().to_vec();
    overlong.splice(1..1, [0xC0, 0x80]);
    vec![
        Case::body("BOM", format!("\u{feff}{GOOD}"), recorded(&[r#""account":"a""#, r#""new":1,"#])),
        kept("BOM twice", format!("\u{feff}\u{feff}{GOOD}"), "not a JSON object"),
        kept("invalid UTF-8", broken, "not UTF-8"),
        kept("overlong UTF-8", overlong, "not UTF-8"),
        kept("UTF-16", utf16, "control character"),
        kept("0xFF alone", vec![0xFF], "not UTF-8"),
        kept("compressed", vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3], "not UTF-8"),
    ]
}

fn depths() -> Vec<Case> {
    vec![
        Case::body("128 levels", nested(128), recorded(&["\"new\":[[[[[[["])),
        kept("129 levels", nested(129), "deeper than 128"),
        kept("Value 200 levels deep", nested(203), "deeper than 128"),
        kept("10,000 levels", nested(10_000), "deeper than 128"),
        kept(
            "10,000 levels of objects",
            format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000)),
            "deeper than 128",
        ),
        kept("100,000 brackets that nobody closes", format!("{{\"a\":{}", "[".repeat(100_000)), "deeper than 128"),
        Case::body(
            "brackets in a string are not levels",
            GOOD.replace("\"a\"", &format!("{:?}", "[".repeat(1000))),
            recorded(&["[[[["]),
        ),
    ]
}

fn keys() -> Vec<Case> {
    let with = |extra: &str| GOOD.replacen('{', &format!("{{{extra},"), 1);
    vec![
        kept("From_Account twice", with(r#""From_Account":"a""#), "From_Account is given twice"),
        kept("From_Account twice, once escaped", with(r#""From\u005fAccount":"b""#), "From_Account is given twice"),
        kept("ProfileItem twice", with(r#""ProfileItem":[]"#), "ProfileItem is given twice"),
        kept("EventTime twice", with(r#""EventTime":1"#), "EventTime is given twice"),
        kept(
            "Operator_Account twice",
            with(r#""Operator_Account":"x","Operator_Account":"y""#),
            "Operator_Account is given twice",
        ),
        kept(
            "CallbackCommand twice",
            with(r#""CallbackCommand":"Profile.CallbackPortraitSet","CallbackCommand":"Profile.CallbackPortraitSet""#),
            "CallbackCommand",
        ),
        kept("Tag twice", GOOD.replace(r#""Tag":"T""#, r#""Tag":"T","Tag":"T""#), "Tag is given twice"),
        kept("Value twice", GOOD.replace(r#""Value":1"#, r#""Value":1,"Value":2"#), "Value is given twice"),
        Case::body("an unknown key twice", with(r#""Other":1,"Other":2"#), recorded(&[r#""new":1,"#])),
        Case::body(
            "a key in other case",
            with(r#""from_account":"b","FROM_ACCOUNT":"c""#),
            recorded(&[r#""account":"a""#]),
        ),
        Case::body("a lone surrogate in an unknown key", with(r#""\ud800":1"#), recorded(&[r#""new":1,"#])),
        Case::body("__proto__", with(r#""__proto__":{"From_Account":"x"}"#), recorded(&[r#""account":"a""#])),
    ]
}

on_both_stores! {
    async fn a_body_that_is_not_an_object_is_kept_and_does_no_harm(db: Database) {
        run(&db, not_an_object()).await;
    }

    async fn a_body_in_another_encoding_is_kept_and_a_byte_order_mark_is_accepted(db: Database) {
        run(&db, encodings()).await;
    }

    async fn a_body_deeper_than_128_levels_is_kept_and_does_no_harm(db: Database) {
        run(&db, depths()).await;
    }

    async fn a_key_we_use_given_twice_is_kept_and_other_keys_do_no_harm(db: Database) {
        run(&db, keys()).await;
    }
}

#[test]
fn the_good_body_of_these_cases_is_good() {
    assert!(portraitd::protocol::body::parse(GOOD.as_bytes()).is_ok());
    assert_eq!(portraitd::protocol::query::Query::parse(QUERY).sdk_app_id.once(), Some("1400000000"));
}
