//! The callback's body: which ones can be recorded, and what they say.
//!
//! A body is recorded when it is a JSON object of at most 128 levels, without a duplicate of a key we use, with a usable
//! From_Account and a ProfileItem array of objects that each have a usable Tag. Everything else about it is free: unknown
//! keys, unknown tags, any JSON as Value. Values are kept as they were written, insignificant white space aside.

mod json;

use json::fields;
use serde_json::value::RawValue;

use super::time::{Millis, plausible};

/// Containers inside containers, the body's own object counted.
pub const MAX_DEPTH: usize = 128;
/// Bytes of From_Account and Operator_Account, after unescaping.
pub const MAX_ACCOUNT: usize = 1024;
/// Bytes of a Tag, after unescaping.
pub const MAX_TAG: usize = 512;

/// A body that can be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portrait {
    /// CallbackCommand as the body has it, if it has one.
    pub command: Option<String>,
    /// From_Account: whose profile.
    pub account: String,
    /// Operator_Account: who changed it.
    pub operator: Option<String>,
    /// EventTime in Unix milliseconds, when it is one.
    pub event_time: Option<Millis>,
    /// ProfileItem, in the body's order.
    pub items: Vec<Item>,
}

/// One ProfileItem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Tag
    pub tag: String,
    /// Value as compact JSON; a missing Value is `null`.
    pub value: String,
}

/// Why a body cannot be recorded: one plain sentence that says what and where, never the body's own text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// Whether this is the console's check: a blank body or an empty object.
pub fn is_check(body: &[u8]) -> bool {
    let body = without_bom(body).trim_ascii();
    match body {
        [] => true,
        [b'{', inner @ .., b'}'] => inner.trim_ascii().is_empty(),
        _ => false,
    }
}

/// CallbackCommand as any command's body has it; none where the body has none or cannot be read.
pub fn command(body: &[u8]) -> Option<String> {
    let json = std::str::from_utf8(without_bom(body)).ok()?;
    let [command] = fields(json, ["CallbackCommand"]).ok()?;
    command.filter(|raw| raw.get() != "null").map(command_text)
}

/// Reads a Profile.CallbackPortraitSet body.
pub fn parse(body: &[u8]) -> Result<Portrait, Unreadable> {
    let json = std::str::from_utf8(without_bom(body))
        .map_err(|e| Unreadable(format!("the body is not UTF-8 at byte {}", e.valid_up_to())))?;
    if !json.trim_ascii_start().starts_with('{') {
        return Err(Unreadable("the body is not a JSON object".to_owned()));
    }
    json::check_shape(json, MAX_DEPTH)?;
    let [command, account, operator, event_time, items] =
        fields(json, ["CallbackCommand", "From_Account", "Operator_Account", "EventTime", "ProfileItem"])
            .map_err(|e| Unreadable(format!("the body: {e}")))?;

    let account = account.ok_or_else(|| Unreadable("From_Account is missing".to_owned()))?;
    let account = text(account, MAX_ACCOUNT).map_err(|e| Unreadable(format!("From_Account {e}")))?;
    let items = items.ok_or_else(|| Unreadable("ProfileItem is missing".to_owned()))?;
    Ok(Portrait {
        command: command.filter(|raw| raw.get() != "null").map(command_text),
        account,
        operator: operator.and_then(|raw| text(raw, MAX_ACCOUNT).ok()),
        event_time: event_time.and_then(millis),
        items: parse_items(items)?,
    })
}

fn parse_items(raw: &RawValue) -> Result<Vec<Item>, Unreadable> {
    if !raw.get().starts_with('[') {
        return Err(Unreadable(format!("ProfileItem is {}, not an array", json::kind(raw))));
    }
    let items: Vec<&RawValue> =
        serde_json::from_str(raw.get()).map_err(|_| Unreadable("ProfileItem is not an array".to_owned()))?;
    items.into_iter().enumerate().map(|(at, item)| parse_item(at, item)).collect()
}

fn parse_item(at: usize, raw: &RawValue) -> Result<Item, Unreadable> {
    if !raw.get().starts_with('{') {
        return Err(Unreadable(format!("ProfileItem[{at}] is {}, not an object", json::kind(raw))));
    }
    let [tag, value] =
        fields(raw.get(), ["Tag", "Value"]).map_err(|e| Unreadable(format!("ProfileItem[{at}]: {e}")))?;
    let tag = tag.ok_or_else(|| Unreadable(format!("ProfileItem[{at}].Tag is missing")))?;
    let tag = text(tag, MAX_TAG).map_err(|e| Unreadable(format!("ProfileItem[{at}].Tag {e}")))?;
    Ok(Item { tag, value: value.map_or_else(|| "null".to_owned(), json::compact) })
}

/// A non-empty string of at most `max` bytes that the store can hold and compare.
fn text(raw: &RawValue, max: usize) -> Result<String, String> {
    if !raw.get().starts_with('"') {
        return Err(format!("is {}, not a string", json::kind(raw)));
    }
    let text = json::unescaped(raw).ok_or("has a lone surrogate")?;
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    if text.len() > max {
        return Err(format!("has {} bytes, more than {max}", text.len()));
    }
    if text.contains('\0') {
        return Err("has a NUL character".to_owned());
    }
    Ok(text)
}

/// A command for comparison: its text, or its JSON where it is not text, which then equals no command.
fn command_text(raw: &RawValue) -> String {
    json::unescaped(raw).unwrap_or_else(|| raw.get().to_owned())
}

/// An integer, or a string of decimal digits, of milliseconds in the years 1970 to 9999.
fn millis(raw: &RawValue) -> Option<Millis> {
    let text = raw.get();
    let digits = match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if inner.bytes().all(|b| b.is_ascii_digit()) => inner,
        Some(_) => return None,
        None => text,
    };
    digits.parse().ok().filter(|millis| plausible(*millis))
}

fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}

#[cfg(test)]
mod tests;
