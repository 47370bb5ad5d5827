//! When two values are the same: callbacks carry integers as numbers or as their decimal text, and the vendor leaves out what is
//! not set.

use serde_json::Value;

use crate::tencent::tag::{self, Kind};

/// Nothing is set.
pub(super) const NOTHING: &str = "null";

/// Whether two values of a tag, as JSON text, say the same.
pub(super) fn is_same(tag: &str, one: &str, other: &str) -> bool {
    meaning(tag, one) == meaning(tag, other)
}

/// What a value says; none where nothing is set: `null`, empty text, and of integer fields 0.
fn meaning(tag: &str, json: &str) -> Option<String> {
    let text = match serde_json::from_str(json) {
        Ok(Value::Null) => return None,
        Ok(Value::String(text)) if text.is_empty() => return None,
        Ok(Value::Number(number)) => number.to_string(),
        Ok(Value::String(text)) => text,
        // Never taken for text, however it is written.
        Ok(value) => return Some(format!("\0{value}")),
        // Text with a lone surrogate: as it is written.
        Err(_) => return Some(format!("\0{json}")),
    };
    let is_zero = text == "0" && tag::standard().iter().any(|known| known.name == tag && known.kind == Kind::Integer);
    (!is_zero).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVEL: &str = "Tag_Profile_IM_Level";
    const NICK: &str = "Tag_Profile_IM_Nick";

    #[test]
    fn an_integer_is_its_decimal_text_and_what_is_not_set_is_nothing() {
        for (tag, one, other) in [
            (LEVEL, "7", "\"7\""),
            ("Tag_Profile_Custom_A", "7", "\"7\""),
            (LEVEL, "0", "null"),
            (LEVEL, "\"0\"", "\"\""),
            (NICK, "\"\"", "null"),
            (NICK, "\"\\u5c0f\"", "\"小\""),
            ("Tag_Profile_Custom_A", "{\"b\":[1],\"a\":\"\\u5c0f\"}", "{\"a\":\"小\",\"b\":[1]}"),
        ] {
            assert!(is_same(tag, one, other) && is_same(tag, other, one), "{tag}: {one}, {other}");
        }
        for (tag, one, other) in [
            (LEVEL, "7", "\"07\""),
            (LEVEL, "1", "null"),
            (NICK, "0", "null"),
            (NICK, "\"null\"", "null"),
            (NICK, "\"[]\"", "[]"),
            (NICK, "\"\\ud800\"", "\"\\ud801\""),
        ] {
            assert!(!is_same(tag, one, other) && !is_same(tag, other, one), "{tag}: {one}, {other}");
        }
    }
}
