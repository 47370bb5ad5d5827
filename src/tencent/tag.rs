//! Profile fields: their names, their types, and the documented limits of their values.

use serde_json::Value;

use super::Limit;

/// The vendor's limit on any text.
const MAX_TEXT: usize = 500;
const MAX_USER_ID: usize = 32;
const MAX_KEYWORD: usize = 8;
/// How a custom field's tag begins.
pub const CUSTOM: &str = "Tag_Profile_Custom_";

/// What a standard field's value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string of at most 500 bytes.
    Text,
    /// An integer of 32 bits without a sign.
    Integer,
    /// One of these words.
    Words(&'static [&'static str]),
}

/// A standard field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    /// The vendor's name.
    pub name: &'static str,
    /// What people type.
    pub short: &'static str,
    /// What its value may be.
    pub kind: Kind,
}

const fn of(name: &'static str, short: &'static str, kind: Kind) -> Tag {
    Tag { name, short, kind }
}

const STANDARD: [Tag; 12] = [
    of("Tag_Profile_IM_Nick", "nick", Kind::Text),
    of(
        "Tag_Profile_IM_Gender",
        "gender",
        Kind::Words(&["Gender_Type_Unknown", "Gender_Type_Female", "Gender_Type_Male"]),
    ),
    of("Tag_Profile_IM_BirthDay", "birthday", Kind::Integer),
    of("Tag_Profile_IM_Location", "location", Kind::Text),
    of("Tag_Profile_IM_SelfSignature", "signature", Kind::Text),
    of(
        "Tag_Profile_IM_AllowType",
        "allow",
        Kind::Words(&["AllowType_Type_NeedConfirm", "AllowType_Type_AllowAny", "AllowType_Type_DenyAny"]),
    ),
    of("Tag_Profile_IM_Language", "language", Kind::Integer),
    of("Tag_Profile_IM_Image", "image", Kind::Text),
    of("Tag_Profile_IM_MsgSettings", "msgsettings", Kind::Integer),
    of(
        "Tag_Profile_IM_AdminForbidType",
        "adminforbid",
        Kind::Words(&["AdminForbid_Type_None", "AdminForbid_Type_SendOut"]),
    ),
    of("Tag_Profile_IM_Level", "level", Kind::Integer),
    of("Tag_Profile_IM_Role", "role", Kind::Integer),
];

/// The standard fields.
pub fn standard() -> &'static [Tag] {
    &STANDARD
}

/// Whether a field may have this value, as far as the vendor's pages say.
pub fn check(tag: &str, value: &Value) -> Result<(), Limit> {
    let refuse = |rule: String| Err(Limit::new(tag, rule));
    let kind = match STANDARD.iter().find(|known| known.name == tag) {
        Some(known) => known.kind,
        None => custom(tag)?,
    };
    match (kind, value) {
        (Kind::Text, Value::String(text)) if text.len() <= MAX_TEXT => Ok(()),
        (Kind::Text, Value::String(text)) => refuse(format!("{} bytes, but {MAX_TEXT} is the most", text.len())),
        (Kind::Text, _) => refuse("must be a string".to_owned()),
        (Kind::Integer, value) if value.as_u64().is_some_and(|number| u32::try_from(number).is_ok()) => Ok(()),
        (Kind::Integer, _) => refuse("must be an integer from 0 to 4294967295".to_owned()),
        (Kind::Words(words), Value::String(text)) if words.contains(&text.as_str()) => Ok(()),
        (Kind::Words(words), _) => refuse(format!("must be one of {}", words.join(", "))),
    }
}

fn custom(tag: &str) -> Result<Kind, Limit> {
    let Some(keyword) = tag.strip_prefix(CUSTOM) else {
        let rule = format!("is no standard field, and custom ones are named {CUSTOM}…");
        return Err(Limit::new(tag, rule));
    };
    if !(1..=MAX_KEYWORD).contains(&keyword.len()) || !keyword.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Err(Limit::new(tag, format!("what follows {CUSTOM} must be 1 to {MAX_KEYWORD} letters")));
    }
    Ok(Kind::Text)
}

/// UserIDs are at most 32 bytes of printable ASCII.
pub fn check_account(account: &str) -> Result<(), Limit> {
    if (1..=MAX_USER_ID).contains(&account.len()) && account.bytes().all(|b| (0x20..=0x7e).contains(&b)) {
        return Ok(());
    }
    Err(Limit::new(
        format!("the account {account:?}"),
        format!("must be 1 to {MAX_USER_ID} printable ASCII characters"),
    ))
}
