//! Any bytes as a callback's body: what is read must be what a general JSON reader sees, and nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portraitd_fuzz::protocol::body::{MAX_ACCOUNT, MAX_TAG, Portrait, Unreadable, command, is_check, parse};
use portraitd_fuzz::protocol::time::plausible;
use serde_json::Value;

const BOM: &[u8] = b"\xEF\xBB\xBF";

fuzz_target!(|body: &[u8]| {
    let parsed = parse(body);
    assert_eq!(parsed, parse(body), "twice the same");
    if is_check(body) {
        assert!(parsed.is_err(), "the console's check is no change");
    }
    if !body.starts_with(BOM) {
        let marked = [BOM, body].concat();
        assert_eq!(parsed, parse(&marked), "a byte order mark changes nothing");
        assert_eq!(command(body), command(&marked));
        assert_eq!(is_check(body), is_check(&marked));
    }
    match parsed {
        Ok(portrait) => holds(body, &portrait),
        Err(Unreadable(why)) => {
            // Only from names and numbers of our own: what a stranger wrote would not be so short, nor always ASCII.
            assert!(!why.is_empty() && why.len() < 200 && why.is_ascii(), "{why:?}");
        }
    }
});

fn holds(body: &[u8], portrait: &Portrait) {
    let usable = |text: &str, max| !text.is_empty() && text.len() <= max && !text.contains('\0');
    assert!(usable(&portrait.account, MAX_ACCOUNT));
    assert!(portrait.operator.as_ref().is_none_or(|operator| usable(operator, MAX_ACCOUNT)));
    assert!(portrait.event_time.is_none_or(plausible));
    assert_eq!(portrait.command, command(body), "one command, whoever reads it");
    for item in &portrait.items {
        assert!(usable(&item.tag, MAX_TAG));
        assert_compact(&item.value);
    }

    // A general reader refuses lone surrogates and numbers beyond f64, which are values to us.
    let Ok(json) = serde_json::from_slice::<Value>(body.strip_prefix(BOM).unwrap_or(body)) else { return };
    assert_eq!(json["From_Account"], portrait.account.as_str());
    if let Some(operator) = &portrait.operator {
        assert_eq!(json["Operator_Account"], operator.as_str());
    }
    let items = json["ProfileItem"].as_array().expect("an array");
    assert_eq!(items.len(), portrait.items.len());
    for (item, read) in items.iter().zip(&portrait.items) {
        assert_eq!(item["Tag"], read.tag.as_str());
        let value: Value = serde_json::from_str(&read.value).expect("as readable as the whole");
        assert_eq!(item.get("Value").unwrap_or(&Value::Null), &value);
    }
}

/// One JSON value without white space between its tokens; reading it as an item again changes nothing.
fn assert_compact(value: &str) {
    serde_json::from_str::<serde::de::IgnoredAny>(value).expect("valid JSON");
    let again = format!(r#"{{"From_Account":"a","ProfileItem":[{{"Tag":"t","Value":{value}}}]}}"#);
    assert_eq!(parse(again.as_bytes()).map(|portrait| portrait.items[0].value.clone()), Ok(value.to_owned()));
}
