use super::*;

/// The source page's own sample.
const SAMPLE: &str = include_str!("../../../tests/payloads/portrait_set.json");

fn why(body: impl AsRef<[u8]>) -> String {
    parse(body.as_ref()).expect_err("unreadable").0
}

fn with_item(item: &str) -> String {
    format!(r#"{{"From_Account":"id1","ProfileItem":[{{"Tag":"ok"}},{item}]}}"#)
}

fn value_of(value: &str) -> String {
    let body = format!(r#"{{"From_Account":"a","ProfileItem":[{{"Tag":"t","Value":{value}}}]}}"#);
    parse(body.as_bytes()).expect("readable").items.remove(0).value
}

fn event_time_of(value: &str) -> Option<Millis> {
    let body = format!(r#"{{"From_Account":"a","ProfileItem":[],"EventTime":{value}}}"#);
    parse(body.as_bytes()).expect("readable").event_time
}

#[test]
fn the_source_pages_sample_is_read_whole() {
    let portrait = parse(SAMPLE.as_bytes()).expect("readable");
    assert_eq!(portrait.command.as_deref(), Some("Profile.CallbackPortraitSet"));
    assert_eq!(portrait.account, "id1");
    assert_eq!(portrait.operator.as_deref(), Some("id1"));
    assert_eq!(portrait.event_time, Some(1_656_921_052_497));
    let items: Vec<_> = portrait.items.iter().map(|i| (i.tag.as_str(), i.value.as_str())).collect();
    assert_eq!(
        items,
        [
            ("Tag_Profile_IM_Nick", r#""nick1""#),
            ("Tag_Profile_IM_Gender", r#""Gender_Type_Male""#),
            ("Tag_Profile_IM_AllowType", r#""AllowType_Type_NeedConfirm""#),
            ("Tag_Profile_Custom_Data", r#""your custom data""#),
        ]
    );
}

#[test]
fn blank_bodies_and_empty_objects_are_the_consoles_check() {
    for body in ["", "  \r\n", "{}", " { \n} ", "\u{feff}{}", "\u{feff}"] {
        assert!(is_check(body.as_bytes()), "{body:?}");
    }
    for body in ["[]", "{", "}", "{}{}", "{\"a\":1}", "null"] {
        assert!(!is_check(body.as_bytes()), "{body:?}");
    }
}

#[test]
fn what_is_no_object_is_unreadable() {
    for body in
        ["null", "7", "\"x\"", "[", "{\"From_Account\":\"a\"", "{} trailing", r#"["P","a","a",1,[]]"#, "nonsense"]
    {
        why(body);
    }
    assert_eq!(why(b"{\"From_Account\":\"\xff\"}"), "the body is not UTF-8 at byte 17");
    assert_eq!(why("{\"a\":\"\u{1}\"}"), "the body has a bare control character at byte 6");
}

#[test]
fn nesting_is_bounded_at_128_levels_wherever_it_is() {
    let nested = |levels: usize| {
        format!(r#"{{"From_Account":"a","ProfileItem":[],"x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels))
    };
    assert!(parse(nested(127).as_bytes()).is_ok());
    assert!(why(nested(128)).contains("deeper than 128"));
    assert!(why(nested(10_000)).contains("deeper than 128"));
    assert_eq!(why("[".repeat(10_000)), "the body is not a JSON object");
    let value = format!("{}{}", "[".repeat(200), "]".repeat(200));
    assert!(why(with_item(&format!(r#"{{"Tag":"t","Value":{value}}}"#))).contains("deeper than 128"));
    assert!(parse(br#"{"From_Account":"a","ProfileItem":[],"x":"[[[[\"{{{{"}"#).is_ok());
}

#[test]
fn a_key_we_use_is_given_once_however_it_is_escaped() {
    assert!(
        why(r#"{"From_Account":"a","From\u005fAccount":"b","ProfileItem":[]}"#).contains("From_Account is given twice")
    );
    assert!(why(with_item(r#"{"Tag":"a","Value":1,"Value":2}"#)).contains("ProfileItem[1]: Value is given twice"));
    assert!(parse(br#"{"From_Account":"a","ProfileItem":[],"x":1,"x":2,"\ud800":3}"#).is_ok());
}

#[test]
fn from_account_is_a_string_the_store_can_hold() {
    let with = |account: &str| format!(r#"{{"From_Account":{account},"ProfileItem":[]}}"#);
    assert_eq!(why(r#"{"ProfileItem":[]}"#), "From_Account is missing");
    assert_eq!(why(with(r#""""#)), "From_Account is empty");
    assert_eq!(why(with("5")), "From_Account is a number, not a string");
    assert_eq!(why(with(r#""a\u0000b""#)), "From_Account has a NUL character");
    assert_eq!(why(with(r#""\ud83d""#)), "From_Account has a lone surrogate");
    assert_eq!(why(with(&format!("\"{}\"", "x".repeat(1025)))), "From_Account has 1025 bytes, more than 1024");
    assert!(parse(with(&format!("\"{}\"", "x".repeat(1024))).as_bytes()).is_ok());
    assert_eq!(parse(with("\"\u{202e}evil\"").as_bytes()).unwrap().account, "\u{202e}evil");
}

#[test]
fn profile_item_is_an_array_of_objects_with_a_tag() {
    let with = |items: &str| format!(r#"{{"From_Account":"a","ProfileItem":{items}}}"#);
    assert_eq!(why(r#"{"From_Account":"a"}"#), "ProfileItem is missing");
    assert_eq!(why(with("null")), "ProfileItem is null, not an array");
    assert_eq!(why(with("{}")), "ProfileItem is an object, not an array");
    assert!(parse(with("[]").as_bytes()).unwrap().items.is_empty());
    assert_eq!(why(with_item("true")), "ProfileItem[1] is a boolean, not an object");
    assert_eq!(why(with_item("{}")), "ProfileItem[1].Tag is missing");
    assert_eq!(why(with_item(r#"{"Tag":7}"#)), "ProfileItem[1].Tag is a number, not a string");
    assert_eq!(why(with_item(r#"{"Tag":""}"#)), "ProfileItem[1].Tag is empty");
    assert!(why(with_item(&format!(r#"{{"Tag":"{}"}}"#, "x".repeat(10_000)))).contains("more than 512"));
}

#[test]
fn a_bad_operator_is_no_operator() {
    for operator in ["7", "\"\"", "null", r#""\u0000""#, r#""\udc00""#] {
        let body = format!(r#"{{"From_Account":"a","ProfileItem":[],"Operator_Account":{operator}}}"#);
        assert_eq!(parse(body.as_bytes()).unwrap().operator, None, "{operator}");
    }
}

#[test]
fn event_time_is_milliseconds_between_1970_and_9999_or_nothing() {
    assert_eq!(event_time_of("1656921052497"), Some(1_656_921_052_497));
    assert_eq!(event_time_of("\"1656921052497\""), Some(1_656_921_052_497));
    assert_eq!(event_time_of("0"), Some(0));
    assert_eq!(event_time_of("253402300799999"), Some(253_402_300_799_999));
    for nonsense in [
        "-1",
        "9223372036854775808",
        "18446744073709551616",
        "1.5",
        "1e12",
        "\"soon\"",
        "\"+1\"",
        "\"-1\"",
        "\" 1\"",
        "\"\"",
        "1656921052497000",
        "253402300800000",
        "null",
        "true",
        "[]",
        "{}",
    ] {
        assert_eq!(event_time_of(nonsense), None, "{nonsense}");
    }
}

#[test]
fn values_are_kept_exactly_white_space_between_tokens_aside() {
    for value in
        ["18446744073709551615", "1e400", "-0.0", r#""\u0000""#, r#""\ud800""#, "null", "false", r#""  kept ""#]
    {
        assert_eq!(value_of(value), value);
    }
    assert_eq!(value_of("{ \"a b\" : [ 1 ,\n\t\"c \\\" d\" ] }"), r#"{"a b":[1,"c \" d"]}"#);
    assert_eq!(value_of(&format!(r#""{}""#, "\u{2028}\u{202e}")), "\"\u{2028}\u{202e}\"");
}

#[test]
fn errors_never_repeat_the_body() {
    for body in
        [r#"{"From_Account":"secret","ProfileItem":"secret"}"#, r#"{"From_Account":"secret" "secret"}"#, r#""secret""#]
    {
        assert!(!why(body).contains("secret"), "{}", why(body));
    }
}

#[test]
fn the_command_of_any_body_is_its_text_or_nothing() {
    assert_eq!(command(br#"{"CallbackCommand":"A.B","x":[1]}"#).as_deref(), Some("A.B"));
    assert_eq!(command(br#"{"CallbackCommand":5}"#).as_deref(), Some("5"));
    for body in [&b"{}"[..], b"nonsense", br#"{"CallbackCommand":null}"#, b"\xff"] {
        assert_eq!(command(body), None);
    }
}
