//! `[handlers.attributes]`: which push attribute follows which profile field, and how its value is written.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The vendor's limit on names and on values of attributes.
pub const MAX_ATTRIBUTE_BYTES: usize = 50;
/// The vendor's limit on attributes of an app.
const MAX_ATTRIBUTES: usize = 10;

/// What a push attribute follows. Just a tag may be written as text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attribute {
    /// The profile field.
    pub tag: String,
    /// What each of its values is as an attribute, empty for none; without, the value itself.
    pub values: Option<BTreeMap<String, String>>,
    /// What every value is that `values` does not have.
    pub otherwise: Option<String>,
}

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TagOrTable)
    }
}

struct TagOrTable;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    tag: String,
    values: Option<BTreeMap<String, String>>,
    otherwise: Option<String>,
}

impl<'de> Visitor<'de> for TagOrTable {
    type Value = Attribute;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tag, or a table with tag, values and otherwise")
    }

    fn visit_str<E>(self, tag: &str) -> Result<Attribute, E> {
        Ok(Attribute { tag: tag.to_owned(), ..Attribute::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Attribute, A::Error> {
        let Table { tag, values, otherwise } = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Attribute { tag, values, otherwise })
    }
}

/// What is wrong with them, if anything.
pub(super) fn check(attributes: &BTreeMap<String, Attribute>) -> Result<(), String> {
    if attributes.is_empty() || attributes.len() > MAX_ATTRIBUTES {
        return Err(format!("attributes must be 1 to {MAX_ATTRIBUTES}, as many as an app may have"));
    }
    attributes.iter().try_for_each(|(name, attribute)| one(name, attribute).map_err(|why| format!("attributes.{why}")))
}

fn one(name: &str, attribute: &Attribute) -> Result<(), String> {
    if !(1..=MAX_ATTRIBUTE_BYTES).contains(&name.len()) {
        return Err(format!("{name:?}: an attribute's name has 1 to {MAX_ATTRIBUTE_BYTES} bytes, not {}", name.len()));
    }
    if !is_tag(&attribute.tag) {
        return Err(format!(
            "{name}: tag = {:?} is no profile field: write one as Tag_Profile_IM_Gender or Tag_Profile_Custom_Pet",
            attribute.tag
        ));
    }
    match &attribute.values {
        None if attribute.otherwise.is_some() => return Err(format!("{name}: otherwise means nothing without values")),
        Some(values) if values.is_empty() => {
            return Err(format!("{name}: values has none: leave it out to take each value as it is"));
        }
        _ => {}
    }
    let written = attribute.values.iter().flat_map(BTreeMap::values).chain(&attribute.otherwise);
    match written.map(String::len).find(|len| *len > MAX_ATTRIBUTE_BYTES) {
        Some(len) => Err(format!("{name}: a value has {len} bytes, but {MAX_ATTRIBUTE_BYTES} is the most")),
        None => Ok(()),
    }
}

/// By its shape: the vendor may have new ones.
fn is_tag(tag: &str) -> bool {
    let keyword = ["Tag_Profile_IM_", "Tag_Profile_Custom_"].iter().find_map(|begin| tag.strip_prefix(begin));
    keyword.is_some_and(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

#[cfg(test)]
mod tests;
