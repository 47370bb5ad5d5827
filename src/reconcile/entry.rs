//! What was found as entries of the log: the vendor's callback shape, its keys always in this order, and nobody as the operator.

use serde::Serialize;
use serde_json::value::RawValue;

use super::Difference;
use crate::protocol::body;
use crate::protocol::command;
use crate::protocol::time::Millis;
use crate::store::model::{Arrival, Auth, Kind, NewEntry};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    callback_command: &'static str,
    #[serde(rename = "From_Account")]
    from_account: &'a str,
    event_time: Millis,
    profile_item: Vec<Item<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item<'a> {
    tag: &'a str,
    value: Box<RawValue>,
}

/// A baseline for first sights, a reconcile for what was missed, where there is any. `seen_at`: when it was first asked for what
/// was found.
pub(super) fn entries(app: i64, account: &str, found: &[Difference], seen_at: Millis, now: Millis) -> Vec<NewEntry> {
    let (missed, first): (Vec<_>, Vec<_>) = found.iter().partition(|difference| difference.is_missed());
    [(Kind::Baseline, first), (Kind::Reconcile, missed)]
        .into_iter()
        .filter(|(_, items)| !items.is_empty())
        .filter_map(|(kind, items)| entry(app, account, kind, &items, seen_at, now))
        .collect()
}

fn entry(app: i64, account: &str, kind: Kind, items: &[&Difference], seen_at: Millis, now: Millis) -> Option<NewEntry> {
    // It must count for more than what it corrects, also where the vendor's clock is ahead of ours, and be like no entry before:
    // a value that comes back would be taken for a repeated callback.
    let corrected = items.iter().filter_map(|item| Some(item.known.as_ref()?.effective_time + 1)).max();
    let body = Body {
        callback_command: command::PORTRAIT_SET,
        from_account: account,
        event_time: corrected.map_or(seen_at, |corrected| corrected.max(seen_at)),
        profile_item: items
            .iter()
            .map(|item| Some(Item { tag: &item.tag, value: RawValue::from_string(item.value.clone()).ok()? }))
            .collect::<Option<_>>()?,
    };
    let body = serde_json::to_vec(&body).ok()?;
    let portrait = body::parse(&body).ok()?;
    let arrival = Arrival {
        receipt_id: rand::random(),
        received_at: now,
        salt: rand::random(),
        sdk_app_id: app,
        auth: Auth::None,
        client_ip: None,
        platform: None,
        body: body.into(),
    };
    Some(NewEntry { kind, ..arrival.entry(portrait) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::Known;

    #[test]
    fn first_sights_and_misses_are_entries_of_their_own_in_the_vendors_shape() {
        let known = Known { seq: 3, value: "\"a\"".to_owned(), effective_time: 900 };
        let difference =
            |tag: &str, value: &str, known| Difference { tag: tag.to_owned(), value: value.to_owned(), known };
        let found = [difference("A", "\"小\"", None), difference("B", "null", Some(known)), difference("C", "7", None)];
        let made = entries(1, "id1", &found, 800, 1000);
        let bodies: Vec<_> = made.iter().map(|entry| (entry.kind, String::from_utf8_lossy(&entry.body))).collect();
        assert_eq!(
            bodies,
            [
                (
                    Kind::Baseline,
                    r#"{"CallbackCommand":"Profile.CallbackPortraitSet","From_Account":"id1","EventTime":800,"ProfileItem":[{"Tag":"A","Value":"小"},{"Tag":"C","Value":7}]}"#
                        .into()
                ),
                (
                    Kind::Reconcile,
                    r#"{"CallbackCommand":"Profile.CallbackPortraitSet","From_Account":"id1","EventTime":901,"ProfileItem":[{"Tag":"B","Value":null}]}"#
                        .into()
                ),
            ]
        );
        assert_eq!((made[0].received_at, &made[0].operator, made[1].effective_time()), (1000, &None, 901));
    }
}
