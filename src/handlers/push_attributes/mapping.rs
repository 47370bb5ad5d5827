//! From a callback's items to attributes, pure: which are set to what, which are removed, and what cannot be an attribute.

use std::collections::BTreeMap;

use crate::config::{Attribute, MAX_ATTRIBUTE_BYTES};
use crate::dispatch::{ItemChange, ProfileChange, Value};

/// Attributes by their names.
pub(super) struct Mapping(BTreeMap<String, Attribute>);

/// What one callback asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Mapped {
    pub set: BTreeMap<String, String>,
    pub remove: Vec<String>,
    /// Why the others of its items cannot be attributes. Without the values, which are people's.
    pub refused: Vec<String>,
}

impl Mapped {
    pub fn asks_for_nothing(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }
}

impl Mapping {
    pub fn new(attributes: BTreeMap<String, Attribute>) -> Self {
        Mapping(attributes)
    }

    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(|attribute| attribute.tag.as_str())
    }

    /// Of items that are superseded nothing is asked.
    pub fn of(&self, change: &ProfileChange) -> Mapped {
        let mut mapped = Mapped::default();
        for (name, attribute) in &self.0 {
            let Some(item) = change.item(&attribute.tag).filter(|item| !item.is_superseded()) else { continue };
            match written(item).and_then(|text| mapped_text(attribute, text)) {
                Ok(value) if value.is_empty() => mapped.remove.push(name.clone()),
                Ok(value) => drop(mapped.set.insert(name.clone(), value)),
                Err(why) => mapped.refused.push(format!("{name}, from {}: {why}", attribute.tag)),
            }
        }
        mapped
    }
}

/// The value as text; empty when it was cleared.
fn written(item: &ItemChange) -> Result<String, String> {
    match item.value() {
        Value::Text(text) => Ok(text),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Other(serde_json::Value::Number(_)) => Ok(item.raw().to_owned()),
        Value::Other(serde_json::Value::Null) if item.raw() == "null" => Ok(String::new()),
        Value::Other(_) => Err("its value is neither text nor a number".to_owned()),
    }
}

fn mapped_text(attribute: &Attribute, text: String) -> Result<String, String> {
    let Some(values) = &attribute.values else {
        return match text.len() {
            ..=MAX_ATTRIBUTE_BYTES => Ok(text),
            bytes => Err(format!("its value has {bytes} bytes, but {MAX_ATTRIBUTE_BYTES} is the most")),
        };
    };
    match (values.get(&text), &attribute.otherwise) {
        (Some(value), _) => Ok(value.clone()),
        (None, _) if text.is_empty() => Ok(text),
        (None, Some(value)) => Ok(value.clone()),
        (None, None) => Err("values does not have its value, and there is no otherwise".to_owned()),
    }
}

#[cfg(test)]
mod tests;
