//! Which tags there are and what they may hold, by the vendor's pages on profile fields.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Model;
use super::profile::Writer;
use crate::emulator::code::Refusal;

const NAMESPACE: &str = "Tag_Profile_Custom_";
const MAX_BYTES: usize = 500;
const MAX_FIELDS: usize = 20;
const GENDERS: &[&str] = &["Gender_Type_Unknown", "Gender_Type_Female", "Gender_Type_Male"];
const ALLOWS: &[&str] = &["AllowType_Type_NeedConfirm", "AllowType_Type_AllowAny", "AllowType_Type_DenyAny"];
const FORBIDS: &[&str] = &["AdminForbid_Type_None", "AdminForbid_Type_SendOut"];

/// A custom field as the console declares it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomField {
    /// Letters only, at most 8.
    pub keyword: String,
    /// Whether it may be read; otherwise 40007.
    #[serde(default = "yes")]
    pub read: bool,
    /// Whether it may be written; otherwise 40008.
    #[serde(default = "yes")]
    pub write: bool,
}

fn yes() -> bool {
    true
}

impl CustomField {
    /// Readable and writable.
    pub fn new(keyword: &str) -> Self {
        CustomField { keyword: keyword.to_owned(), read: true, write: true }
    }

    fn objection(&self) -> Option<String> {
        let good = (1..=8).contains(&self.keyword.len()) && self.keyword.bytes().all(|b| b.is_ascii_alphabetic());
        (!good).then(|| format!("custom field {:?}: a keyword is 1 to 8 letters", self.keyword))
    }

    /// Why the console would not declare these.
    pub fn objection_to_all(all: &[Self]) -> Option<String> {
        if all.len() > MAX_FIELDS {
            return Some(format!("{} custom fields, more than {MAX_FIELDS}", all.len()));
        }
        let twice = (1..all.len()).find(|at| all[..*at].iter().any(|other| other.keyword == all[*at].keyword));
        if let Some(at) = twice {
            return Some(format!("custom field {:?} is there twice", all[at].keyword));
        }
        all.iter().find_map(CustomField::objection)
    }
}

enum Holds {
    /// At most so many bytes, one of these if there are any.
    Text(usize, &'static [&'static str]),
    Number,
}

impl Model {
    /// Whether `tag` exists and may be read.
    pub(super) fn check_readable(&self, tag: &str) -> Result<(), Refusal> {
        match tag.strip_prefix(NAMESPACE) {
            None => standard(tag, MAX_BYTES).map(drop),
            Some(keyword) if self.custom(keyword)?.read => Ok(()),
            Some(_) => Err(Refusal::new(40007)),
        }
    }

    /// Whether `writer` may set `tag` to `value`.
    pub(super) fn check_writable(
        &self,
        writer: &Writer,
        tag: &str,
        value: &Value,
        location: usize,
    ) -> Result<(), Refusal> {
        let holds = match tag.strip_prefix(NAMESPACE) {
            None => standard(tag, location)?,
            Some(keyword) if self.custom(keyword)?.write => Holds::Text(MAX_BYTES, &[]),
            Some(_) => return Err(Refusal::new(40008)),
        };
        if tag == "Tag_Profile_IM_AdminForbidType" && !writer.is_admin() {
            return Err(Refusal::new(40008));
        }
        match (holds, value) {
            (Holds::Text(..), Value::String(text)) if text.len() > MAX_BYTES => Err(Refusal::new(40601)),
            (Holds::Text(max, _), Value::String(text)) if text.len() > max => {
                Err(Refusal::because(40605, format!("{tag} holds at most {max} bytes")))
            }
            (Holds::Text(_, allowed), Value::String(text))
                if allowed.is_empty() || allowed.contains(&text.as_str()) =>
            {
                Ok(())
            }
            (Holds::Text(..), Value::String(_)) => Err(Refusal::new(40605)),
            (Holds::Number, Value::Number(number)) => match number.as_u64() {
                Some(number) if u32::try_from(number).is_ok() => Ok(()),
                Some(_) => Err(Refusal::new(40605)),
                None => Err(Refusal::new(40610)),
            },
            _ => Err(Refusal::new(40610)),
        }
    }

    fn custom(&self, keyword: &str) -> Result<&CustomField, Refusal> {
        self.custom_fields.iter().find(|field| field.keyword == keyword).ok_or_else(|| Refusal::new(40009))
    }
}

fn standard(tag: &str, location: usize) -> Result<Holds, Refusal> {
    Ok(match tag.strip_prefix("Tag_Profile_IM_").unwrap_or_default() {
        "Nick" | "SelfSignature" | "Image" => Holds::Text(MAX_BYTES, &[]),
        "Location" => Holds::Text(location, &[]),
        "Gender" => Holds::Text(MAX_BYTES, GENDERS),
        "AllowType" => Holds::Text(MAX_BYTES, ALLOWS),
        "AdminForbidType" => Holds::Text(MAX_BYTES, FORBIDS),
        "BirthDay" | "Language" | "MsgSettings" | "Level" | "Role" => Holds::Number,
        _ => return Err(Refusal::because(40009, format!("there is no tag {tag:?}"))),
    })
}
