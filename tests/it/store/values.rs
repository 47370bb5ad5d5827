//! Whatever JSON people send as a value is kept as they sent it.

use portraitd::store::verify::{self, Verdict};
use portraitd::store::{ChangeFilter, Paging};

use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{append, callback};

const VALUES: [&str; 14] = [
    r#""\u0000""#,
    r#""\ud83d""#,
    r#""\udc00\ud800""#,
    "1e400",
    "-0.0",
    "18446744073709551615",
    "0.10000000000000000000000000000000000000001",
    "null",
    "true",
    r#""""#,
    r#"{"b":1,"a":{"b":[1,2,{"c":"d e"}]},"b":2}"#,
    "[[[[[[[[[[]]]]]]]]]]",
    "\"\u{202e}right to left\u{202c} 👩\u{200d}👩\u{200d}👧 \\\"quoted\\\" \\\\ \\/ \\n\"",
    r#""'; DROP TABLE callbacks; --""#,
];

on_both_stores! {
    async fn values_are_kept_exactly(db: Database) {
        let store = db.store().await;
        let sent = VALUES.iter().fold(callback("id1"), |sent, value| sent.item("Tag_A", value));
        append(&store, &[sent.build()]).await;

        let (_, items) = store.stored(1, 1).await.unwrap();
        let stored: Vec<_> = items.iter().map(|item| item.value.as_deref().unwrap()).collect();
        assert_eq!(stored, VALUES);
        let mut changes = store.changes(&ChangeFilter::default(), Paging::newest(100)).await.unwrap().items;
        changes.reverse();
        for (at, change) in changes.iter().enumerate() {
            assert_eq!(change.new.as_deref(), Some(VALUES[at]));
            assert_eq!(change.old.as_deref(), at.checked_sub(1).map(|before| VALUES[before]));
            let shown = serde_json::to_string(change).unwrap();
            assert!(shown.contains(&format!(r#""new":{},"#, VALUES[at])), "{shown}");
        }
        assert!(matches!(verify::run(&store, verify::Plan::default(), |_, _| ()).await.unwrap(), Verdict::Holds { .. }));
    }

    async fn a_value_200_levels_deep_is_refused_by_the_protocol_but_100_are_kept(db: Database) {
        let store = db.store().await;
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        append(&store, &[callback("id1").item("Tag_A", &deep(100)).build()]).await;
        assert_eq!(store.stored(1, 1).await.unwrap().1[0].value, Some(deep(100)));
        let too_deep = format!(r#"{{"From_Account":"id1","ProfileItem":[{{"Tag":"Tag_A","Value":{}}}]}}"#, deep(200));
        assert!(portraitd::protocol::body::parse(too_deep.as_bytes()).is_err());
    }

    async fn long_and_odd_accounts_and_tags_are_kept_exactly(db: Database) {
        let store = db.store().await;
        let account = "é".repeat(512);
        let tag = format!("Tag_Profile_Custom_{}", "t".repeat(490));
        append(&store, &[callback(&account).item(&tag, "1").build(), callback("\u{202e}id ' \u{7f}").item("%_", "2").build()]).await;
        let found = store.changes(&ChangeFilter { account: Some(account.clone()), ..ChangeFilter::default() }, Paging::newest(9)).await.unwrap().items;
        assert_eq!((found.len(), found[0].account.as_deref(), found[0].tag.as_str()), (1, Some(account.as_str()), tag.as_str()));
        let found = store.changes(&ChangeFilter { tag: Some("%_".to_owned()), ..ChangeFilter::default() }, Paging::newest(9)).await.unwrap().items;
        assert_eq!((found.len(), found[0].account.as_deref()), (1, Some("\u{202e}id ' \u{7f}")));
    }
}
