//! The little JSON that serde does not say by itself: a few named fields of one object, as they were written.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Unreadable;

/// Raw JSON of the named fields of an object. A named field given twice is an error; all others are passed over.
pub(super) fn fields<'a, const N: usize>(
    json: &'a str,
    names: [&'static str; N],
) -> Result<[Option<&'a RawValue>; N], serde_json::Error> {
    let mut from = serde_json::Deserializer::from_str(json);
    let found = from.deserialize_map(Fields(names))?;
    from.end()?;
    Ok(found)
}

/// Refuses what is nested deeper than `max`, and control characters inside strings, without recursion.
pub(super) fn check_shape(json: &str, max: usize) -> Result<(), Unreadable> {
    // A body with few brackets and no control character at all, as Chat sends them, needs no closer look.
    if count(json, |byte| matches!(byte, b'{' | b'[')) <= max && count(json, |byte| byte < 0x20) == 0 {
        return Ok(());
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in json.bytes().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                0..0x20 => return Err(Unreadable(format!("the body has a bare control character at byte {at}"))),
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > max {
                    return Err(Unreadable(format!("the body is nested deeper than {max} levels at byte {at}")));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// Counted in bytes, a few at a time, which is several times as fast.
fn count(json: &str, is_one: impl Fn(u8) -> bool) -> usize {
    let few = |part: &[u8]| usize::from(part.iter().map(|byte| u8::from(is_one(*byte))).sum::<u8>());
    json.as_bytes().chunks(255).map(few).sum()
}

/// What a value is, for an error that must not repeat it.
pub(super) fn kind(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// A string's text; none where it has a lone surrogate, or is no string.
pub(super) fn unescaped(raw: &RawValue) -> Option<String> {
    match raw.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(text) if !text.contains('\\') => Some(text.to_owned()),
        _ => serde_json::from_str(raw.get()).ok(),
    }
}

/// The value without the white space between its tokens.
pub(super) fn compact(raw: &RawValue) -> String {
    let json = raw.get();
    if !json.starts_with(['{', '[']) {
        return json.to_owned();
    }
    let (mut in_string, mut escaped) = (false, false);
    json.chars()
        .filter(|c| {
            if in_string {
                match c {
                    _ if escaped => escaped = false,
                    '\\' => escaped = true,
                    '"' => in_string = false,
                    _ => {}
                }
                return true;
            }
            in_string = *c == '"';
            !matches!(c, ' ' | '\t' | '\r' | '\n')
        })
        .collect()
}

struct Fields<const N: usize>([&'static str; N]);

impl<'de, const N: usize> Visitor<'de> for Fields<N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(key) = map.next_key_seed(Key(&self.0))? {
            match key {
                Some(at) if found[at].is_some() => {
                    return Err(A::Error::custom(format_args!("{} is given twice", self.0[at])));
                }
                Some(at) => found[at] = Some(map.next_value::<&RawValue>()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// Which of the names a key is. Keys are read as bytes, because a lone surrogate in a key we do not use is no error.
struct Key<'n, const N: usize>(&'n [&'static str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Key<'_, N> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_bytes(self)
    }
}

impl<const N: usize> Visitor<'_> for Key<'_, N> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E>(self, key: &[u8]) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|name| name.as_bytes() == key))
    }
}
