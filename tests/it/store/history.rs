//! When a change took effect, what it replaced, and asking for it.

use portraitd::store::{Change, ChangeFilter, Paging, Store};

use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{APP, NICK, RECEIVED, append, callback};

const FIVE_MINUTES: i64 = 5 * 60 * 1000;

async fn changes(store: &Store, filter: ChangeFilter) -> Vec<Change> {
    store.changes(&filter, Paging::newest(1000)).await.unwrap().items
}

/// (new, old) of every change of the nickname, in the order of the log.
async fn nicks(store: &Store, account: &str) -> Vec<(String, Option<String>)> {
    let filter =
        ChangeFilter { account: Some(account.to_owned()), tag: Some(NICK.to_owned()), ..ChangeFilter::default() };
    changes(store, filter).await.into_iter().rev().map(|change| (change.new.expect("a value"), change.old)).collect()
}

fn pairs(expected: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
    expected.iter().map(|(new, old)| (format!("{new:?}"), old.map(|old| format!("{old:?}")))).collect()
}

on_both_stores! {
    async fn effective_time_is_the_event_time_unless_it_is_missing_or_too_far_ahead(db: Database) {
        let store = db.store().await;
        let cases = [
            (Some(RECEIVED - 86_400_000), RECEIVED - 86_400_000),
            (Some(0), 0),
            (Some(RECEIVED + FIVE_MINUTES), RECEIVED + FIVE_MINUTES),
            (Some(RECEIVED + FIVE_MINUTES + 1), RECEIVED),
            (Some(253_402_300_799_999), RECEIVED),
            (None, RECEIVED),
        ];
        for (event_time, effective) in cases {
            let sent = callback("id1").nick("a");
            let sent = event_time.map_or(sent.clone().without_event_time(), |time| sent.at(time));
            append(&store, &[sent.build()]).await;
            let row = store.stored(1, i64::MAX).await.unwrap().0.pop().unwrap();
            assert_eq!((row.event_time.map(|t| t.0), row.effective_time.0), (event_time, effective));
        }
    }

    async fn old_is_the_value_before_by_effective_time(db: Database) {
        let store = db.store().await;
        for (nick, time) in [("a", 1000), ("b", 2000), ("c", 3000)] {
            append(&store, &[callback("id1").nick(nick).at(time).build()]).await;
        }
        assert_eq!(nicks(&store, "id1").await, pairs(&[("a", None), ("b", Some("a")), ("c", Some("b"))]));
    }

    async fn a_late_arrival_takes_its_place_and_falsifies_no_old_value(db: Database) {
        let store = db.store().await;
        for (nick, time) in [("a", 1000), ("c", 3000), ("b", 2000), ("zero", 500)] {
            append(&store, &[callback("id1").nick(nick).at(time).build()]).await;
        }
        let expected = [("a", Some("zero")), ("c", Some("b")), ("b", Some("a")), ("zero", None)];
        assert_eq!(nicks(&store, "id1").await, pairs(&expected));
    }

    async fn at_one_time_the_log_and_then_the_body_decide_what_came_first(db: Database) {
        let store = db.store().await;
        append(&store, &[callback("id1").nick("a").nick("b").at(1000).build()]).await;
        append(&store, &[callback("id1").nick("c").at(1000).build()]).await;
        assert_eq!(nicks(&store, "id1").await, pairs(&[("a", None), ("b", Some("a")), ("c", Some("b"))]));
    }

    async fn one_absurd_clock_does_not_pin_a_profile(db: Database) {
        let store = db.store().await;
        append(&store, &[callback("id1").nick("absurd").at(RECEIVED * 3).build()]).await;
        append(&store, &[callback("id1").nick("next").at(RECEIVED + 10).received(RECEIVED + 20).build()]).await;
        assert_eq!(nicks(&store, "id1").await, pairs(&[("absurd", None), ("next", Some("absurd"))]));
    }

    async fn old_values_come_from_the_same_app_account_and_tag_only(db: Database) {
        let store = db.store().await;
        append(&store, &[
            callback("id1").nick("other app").app(APP + 1).at(1000).build(),
            callback("id2").nick("other account").at(1001).build(),
            callback("id1").item("Tag_Profile_IM_Image", "\"other tag\"").at(1002).build(),
            callback("id1").nick("mine").at(1003).build(),
        ]).await;
        let filter = ChangeFilter { app: Some(APP), account: Some("id1".to_owned()), tag: Some(NICK.to_owned()), ..ChangeFilter::default() };
        let found = changes(&store, filter).await;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].new.as_deref(), found[0].old.as_deref()), (Some("\"mine\""), None));
    }

    async fn filters_select_and_newest_comes_first(db: Database) {
        let store = db.store().await;
        append(&store, &[
            callback("id1").item("Tag_A", "1").item("Tag_B", "2").received(RECEIVED).build(),
            callback("id2").item("Tag_A", "3").operator("admin").received(RECEIVED + 1).build(),
            callback("id1").item("Tag_A", "4").app(APP + 1).received(RECEIVED + 2).build(),
        ]).await;
        let news = async |filter: ChangeFilter| -> String {
            changes(&store, filter).await.into_iter().filter_map(|change| change.new).collect()
        };
        let all = ChangeFilter::default;
        assert_eq!(news(all()).await, "4321");
        assert_eq!(news(ChangeFilter { app: Some(APP), ..all() }).await, "321");
        assert_eq!(news(ChangeFilter { account: Some("id1".to_owned()), ..all() }).await, "421");
        assert_eq!(news(ChangeFilter { operator: Some("admin".to_owned()), ..all() }).await, "3");
        assert_eq!(news(ChangeFilter { tag: Some("Tag_A".to_owned()), ..all() }).await, "431");
        assert_eq!(news(ChangeFilter { since: Some(RECEIVED + 1), ..all() }).await, "43", "since is inclusive");
        assert_eq!(news(ChangeFilter { until: Some(RECEIVED + 1), ..all() }).await, "21", "until is exclusive");
        assert_eq!(news(ChangeFilter { app: Some(APP), account: Some("id1".to_owned()), tag: Some("Tag_B".to_owned()), ..all() }).await, "2");
        assert_eq!(news(ChangeFilter { account: Some("' OR 1=1 --".to_owned()), ..all() }).await, "");
    }

    async fn no_page_is_longer_than_1000_changes(db: Database) {
        let store = db.store().await;
        let many = (0..1200).fold(callback("id1"), |sent, n| sent.item("Tag_A", &n.to_string()));
        append(&store, &[many.build()]).await;
        let page = store.changes(&ChangeFilter::default(), Paging::newest(5000)).await.unwrap().items;
        assert_eq!((page.len(), page[0].ordinal, page[999].ordinal), (1000, 1199, 200));
    }
}
