//! An account's profile at the vendor against what the log believes of it.

use std::collections::BTreeMap;

use super::value::{NOTHING, is_same};
use crate::protocol::time::Millis;
use crate::store::reconcile::Believed;
use crate::tencent::Item;

/// A tag whose value at the vendor is not the log's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Tag
    pub tag: String,
    /// The vendor's value as JSON text; `null` where it has none.
    pub value: String,
    /// What the log knows; none at the first sight of a value.
    pub known: Option<Known>,
}

/// A value in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The entry that set it.
    pub seq: i64,
    /// JSON text.
    pub value: String,
    /// When it took effect.
    pub effective_time: Millis,
}

impl Difference {
    /// The log knew a value, and another one: a change was missed.
    pub fn is_missed(&self) -> bool {
        self.known.is_some()
    }

    /// Whether a later look found the same, and nothing new of the tag in the log.
    pub(super) fn is_confirmed_by(&self, later: &Difference) -> bool {
        let entry = |difference: &Difference| difference.known.as_ref().map(|known| known.seq);
        self.tag == later.tag && entry(self) == entry(later) && is_same(&self.tag, &self.value, &later.value)
    }
}

/// What differs of the tags that were asked for, by tag.
pub(super) fn differences(believed: Believed, asked: &[String], items: &[Item]) -> Vec<Difference> {
    let vendor: BTreeMap<&str, String> = items.iter().map(|item| (item.tag.as_str(), item.value.to_string())).collect();
    let mut log: BTreeMap<String, Known> = believed
        .items
        .into_iter()
        .map(|item| {
            let known = Known { seq: item.seq, value: item.value, effective_time: item.effective_time.0 };
            (item.tag, known)
        })
        .collect();
    let mut differences = Vec::new();
    for tag in asked {
        let value = vendor.get(tag.as_str()).map_or(NOTHING, String::as_str);
        let known = log.remove(tag);
        if !is_same(tag, value, known.as_ref().map_or(NOTHING, |known| &known.value)) {
            differences.push(Difference { tag: tag.clone(), value: value.to_owned(), known });
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Stamp;
    use crate::store::reconcile::BelievedItem;

    fn believed(items: &[(&str, &str)]) -> Believed {
        let item = |(tag, value): &(&str, &str)| BelievedItem {
            tag: (*tag).to_owned(),
            value: (*value).to_owned(),
            seq: 3,
            effective_time: Stamp(5),
        };
        Believed { newest: Some(3), items: items.iter().map(item).collect() }
    }

    fn item(tag: &str, value: &str) -> Item {
        Item { tag: tag.to_owned(), value: value.into() }
    }

    #[test]
    fn a_value_is_new_other_gone_or_not_asked_for() {
        let asked = ["A", "B", "C", "D", "E"].map(str::to_owned);
        let found = differences(
            believed(&[("A", "\"same\""), ("B", "\"old\""), ("C", "\"gone\""), ("Z", "\"not asked for\"")]),
            &asked,
            &[item("A", "same"), item("B", "new"), item("D", "first"), item("E", "")],
        );
        let known = |value: &str| Some(Known { seq: 3, value: value.to_owned(), effective_time: 5 });
        assert_eq!(
            found,
            [
                Difference { tag: "B".to_owned(), value: "\"new\"".to_owned(), known: known("\"old\"") },
                Difference { tag: "C".to_owned(), value: "null".to_owned(), known: known("\"gone\"") },
                Difference { tag: "D".to_owned(), value: "\"first\"".to_owned(), known: None },
            ]
        );
        assert!(found[0].is_missed() && !found[2].is_missed());
    }

    #[test]
    fn it_is_confirmed_by_the_same_value_over_the_same_entry() {
        let known = |seq| Some(Known { seq, value: "1".to_owned(), effective_time: 5 });
        let first = Difference { tag: "A".to_owned(), value: "\"7\"".to_owned(), known: known(3) };
        assert!(first.is_confirmed_by(&Difference { value: "7".to_owned(), ..first.clone() }));
        assert!(!first.is_confirmed_by(&Difference { value: "8".to_owned(), ..first.clone() }));
        assert!(!first.is_confirmed_by(&Difference { known: known(4), ..first.clone() }));
        assert!(!first.is_confirmed_by(&Difference { known: None, ..first.clone() }));
    }
}
