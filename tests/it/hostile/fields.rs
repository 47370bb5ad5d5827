//! Objects whose fields are not what they should be: accounts, items, tags, times, values.

use super::{Case, Expected, random_text, recorded, run};
use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::service::{Service, program};

/// A body of these pieces of JSON.
fn body(account: &str, time: &str, items: &str) -> String {
    format!(r#"{{"Operator_Account":"o","From_Account":{account},"EventTime":{time},"ProfileItem":{items}}}"#)
}

const ITEMS: &str = r#"[{"Tag":"T","Value":1}]"#;

fn items(name: &str, items: &str, expected: Expected) -> Case {
    Case::body(name, body("\"a\"", "1700000000000", items), expected)
}

fn item_cases() -> Vec<Case> {
    use Expected::{Empty, Kept};
    let without = r#"{"From_Account":"a","EventTime":1700000000000}"#;
    let many = |count: usize| format!("[{}]", vec![r#"{"Tag":"T","Value":1}"#; count].join(","));
    let tag = |tag: &str| format!(r#"[{{"Tag":"T","Value":1}},{{"Tag":{tag},"Value":1}}]"#);
    let text = random_text(10_000);
    vec![
        Case::body("ProfileItem missing", without, Kept("ProfileItem is missing")),
        items("ProfileItem empty", "[]", Empty),
        items("ProfileItem null", "null", Kept("ProfileItem is null, not an array")),
        items("ProfileItem an object", r#"{"Tag":"T","Value":1}"#, Kept("ProfileItem is an object, not an array")),
        items("ProfileItem a string", r#""[]""#, Kept("ProfileItem is a string, not an array")),
        items("5,000 items", &many(5000), recorded(&[r#""ordinal":4999"#])),
        items("an item that is a number", r#"[{"Tag":"T"},7]"#, Kept("ProfileItem[1] is a number, not an object")),
        items("an item that is null", "[null]", Kept("ProfileItem[0] is null")),
        items("an item that is an array", r#"[["T",1]]"#, Kept("ProfileItem[0] is an array")),
        items("an item without Tag", r#"[{"Value":1}]"#, Kept("ProfileItem[0].Tag is missing")),
        items("an empty item", "[{}]", Kept("ProfileItem[0].Tag is missing")),
        items("Tag a number", &tag("7"), Kept("ProfileItem[1].Tag is a number, not a string")),
        items("Tag null", &tag("null"), Kept("ProfileItem[1].Tag is null, not a string")),
        items("Tag empty", &tag("\"\""), Kept("ProfileItem[1].Tag is empty")),
        items("Tag of 10 kB of random text", &tag(&format!("\"{text}\"")), Kept("ProfileItem[1].Tag has")),
        items("Tag of 512 bytes", &tag(&format!("\"{}\"", "t".repeat(512))), recorded(&[&"t".repeat(512)])),
        items("Tag of 513 bytes", &tag(&format!("\"{}\"", "t".repeat(513))), Kept("ProfileItem[1].Tag has 513 bytes")),
        items("Tag with NUL", &tag(r#""T\u0000""#), Kept("ProfileItem[1].Tag has a NUL")),
        items("Tag with a lone surrogate", &tag(r#""T\udc00""#), Kept("ProfileItem[1].Tag has a lone surrogate")),
        items("an unknown Tag", &tag(r#""Tag_Unheard_Of""#), recorded(&[r#""tag":"Tag_Unheard_Of""#])),
        items("a Tag in Chinese", &tag(r#""标签\u0007""#), recorded(&["标签\\u0007"])),
        items(
            "the same Tag twice",
            r#"[{"Tag":"T","Value":1},{"Tag":"T","Value":2}]"#,
            recorded(&[r#""ordinal":1"#, r#""old":1,"new":2"#]),
        ),
        items("SQL in a Tag", &tag(r#""'; DROP TABLE callbacks; --""#), recorded(&["DROP TABLE callbacks"])),
    ]
}

fn account_cases() -> Vec<Case> {
    use Expected::Kept;
    let account = |name: &str, json: &str, expected| Case::body(name, body(json, "1700000000001", ITEMS), expected);
    let random = random_text(10_000);
    let kib = "ü".repeat(512);
    let operator = |name: &str, json: &str| {
        let body = format!(r#"{{"Operator_Account":{json},"From_Account":"a","ProfileItem":{ITEMS}}}"#);
        Case::body(name, body, recorded(&[r#""operator":null"#, r#""account":"a""#]))
    };
    vec![
        Case::body("From_Account missing", r#"{"ProfileItem":[]}"#, Kept("From_Account is missing")),
        account("From_Account empty", "\"\"", Kept("From_Account is empty")),
        account("From_Account a number", "7", Kept("From_Account is a number, not a string")),
        account("From_Account null", "null", Kept("From_Account is null, not a string")),
        account("From_Account an array", "[\"a\"]", Kept("From_Account is an array, not a string")),
        account("From_Account of 10 kB of random text", &format!("\"{random}\""), Kept("From_Account has")),
        account("From_Account of 1 KiB", &format!("\"{kib}\""), recorded(&[&kib])),
        account("From_Account of 1 KiB and a byte", &format!("\"{kib}x\""), Kept("From_Account has 1025 bytes")),
        account("From_Account with NUL", r#""a\u0000b""#, Kept("From_Account has a NUL")),
        account("From_Account with a lone surrogate", r#""a\ud800""#, Kept("From_Account has a lone surrogate")),
        account(
            "From_Account with surrogates in the wrong order",
            r#""\udc00\ud800""#,
            Kept("From_Account has a lone surrogate"),
        ),
        account("From_Account with a surrogate pair", r#""\ud83d\ude00""#, recorded(&[r#""account":"😀""#])),
        account(
            "From_Account with right-to-left marks",
            r#""a\u202eb\u200f""#,
            recorded(&["\"account\":\"a\u{202e}b\u{200f}\""]),
        ),
        account(
            "From_Account with escapes for a terminal",
            r#""\u001b[2J\u0007""#,
            recorded(&[r#""account":"\u001b[2J\u0007""#]),
        ),
        account("From_Account of spaces", "\"  \"", recorded(&[r#""account":"  ""#])),
        account("SQL in From_Account", r#""'; DELETE FROM callbacks; --""#, recorded(&["DELETE FROM"])),
        operator("Operator_Account a number", "7"),
        operator("Operator_Account empty", "\"\""),
        operator("Operator_Account with NUL", r#""\u0000""#),
        operator("Operator_Account with a lone surrogate", r#""\ud800""#),
        operator("Operator_Account of 10 kB", &format!("\"{random}\"")),
        operator("Operator_Account an object", "{}"),
    ]
}

fn time_cases() -> Vec<Case> {
    let null = [
        "-1",
        "-1656921052497",
        "253402300800000",
        "1656921052497000",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "1e400",
        "1656921052497.0",
        "1.656921052497e12",
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\"soon\"",
        "\"-1\"",
        "\" 1\"",
        "\"1656921052497.0\"",
        "\"2022-07-04T07:50:52Z\"",
        "\"９\"",
        "\"99999999999999999999999\"",
    ];
    let good = [
        ("0", "1970-01-01T00:00:00.000Z"),
        ("\"1656921052497\"", "2022-07-04T07:50:52.497Z"),
        ("253402300799999", "9999-12-31T23:59:59.999Z"),
    ];
    let case = |time: &str, expected: String| {
        Case::body(
            format!("EventTime {time}"),
            body("\"a\"", time, ITEMS),
            recorded(&[&format!("\"event_time\":{expected}")]),
        )
    };
    let good = good.iter().map(|(time, expected)| case(time, format!("\"{expected}\"")));
    null.iter().map(|time| case(time, "null".to_owned())).chain(good).collect()
}

fn value_cases() -> Vec<Case> {
    let exact = [
        "18446744073709551615",
        "-9223372036854775809",
        "1e400",
        "-0.0",
        "1.50",
        "0.1e-999",
        "null",
        "true",
        "\"\"",
        r#""\u0000""#,
        r#""\ud800""#,
        r#""\udc00\ud800 \/""#,
        r#""\u003cscript\u003e""#,
        r#"{"a":{"b":[1,2,{}]},"a":2}"#,
        "[]",
        "{}",
        r#""\u202e\u001b[31m""#,
        "1234567890123456789012345678901234567890",
    ];
    let case = |value: &str, shown: &str| {
        let items = format!(r#"[{{"Tag":"T","Value":{value}}}]"#);
        Case::body(
            format!("Value {value}"),
            body("\"a\"", "null", &items),
            recorded(&[&format!("\"new\":{shown},\"event_time\"")]),
        )
    };
    let mut cases: Vec<Case> = exact.iter().map(|value| case(value, value)).collect();
    cases.push(case("[ 1 ,\t{ \"a b\" : \" c \" } ]", r#"[1,{"a b":" c "}]"#));
    cases.push(Case::body("Value missing", body("\"a\"", "null", r#"[{"Tag":"T"}]"#), recorded(&[r#""new":null"#])));
    for value in ["01", "+1", ".5", "NaN", "Infinity", "undefined", "'x'", "\"\\x\"", "\"\\u12\""] {
        let items = format!(r#"[{{"Tag":"T","Value":{value}}}]"#);
        cases.push(Case::body(format!("Value {value}"), body("\"a\"", "null", &items), Expected::Kept("the body")));
    }
    cases
}

on_both_stores! {
    async fn items_of_the_wrong_form_are_kept_and_unknown_ones_recorded(db: Database) {
        run(&db, item_cases()).await;
    }

    async fn accounts_of_the_wrong_form_are_kept_and_strange_ones_recorded(db: Database) {
        run(&db, account_cases()).await;
    }

    async fn an_event_time_that_is_none_is_recorded_as_null(db: Database) {
        run(&db, time_cases()).await;
    }

    async fn a_value_may_be_any_json_and_is_kept_exactly(db: Database) {
        run(&db, value_cases()).await;
    }

    async fn a_crowd_of_good_and_hostile_callbacks_harms_none_of_the_good(db: Database) {
        let service = Service::start(&db).await;
        let cases: Vec<Case> = item_cases().into_iter().chain(account_cases()).chain(time_cases()).chain(value_cases()).collect();
        let expected = |case: &Case| i64::from(matches!(case.expected, Expected::Recorded(_) | Expected::Empty));
        let entries: i64 = cases.iter().map(expected).sum::<i64>() + cases.len() as i64;
        let hostile = cases.iter().map(|case| service.callback().body(case.body.clone()).post());
        let good = cases.iter().map(|_| service.callback().post());
        let (_, good) = futures_util::future::join(
            futures_util::future::join_all(hostile),
            futures_util::future::join_all(good),
        )
        .await;
        good.iter().for_each(|answer| answer.assert_ok("a good one in the crowd"));
        // Cases with the same body and EventTime would be recorded once; there are none.
        eventually("everything is recorded", async || db.count("SELECT count(*) FROM callbacks").await == entries).await;
        service.assert_unharmed("the crowd").await;
        assert!(!program::stdout(&service.cli(&["changes", "--limit", "1000"])).contains('\u{1b}'));
    }
}
