//! Sequences, chain, receipts: what one append leaves behind.

use portraitd::store::Recorded::{Known, New};
use portraitd::store::model::GENESIS;
use portraitd::store::verify::{self, Verdict};

use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{APP, RECEIVED, append, callback, callbacks};
use crate::harness::proof::assert_chained;

on_both_stores! {
    async fn sequences_begin_at_1_follow_the_order_of_the_batch_and_have_no_gaps(db: Database) {
        let store = db.store().await;
        assert_eq!(store.head().await.unwrap(), GENESIS);
        let entries = callbacks(250);
        assert_eq!(append(&store, &entries[..2]).await, [New(1), New(2)]);
        let rest: Vec<_> = (3..=250).map(New).collect();
        assert_eq!(append(&store, &entries[2..]).await, rest);

        let rows = assert_chained(&store).await;
        let accounts: Vec<_> = rows.iter().map(|row| row.account.clone()).collect();
        let expected: Vec<_> = entries.iter().map(|entry| entry.account.clone()).collect();
        assert_eq!(accounts, expected);
    }

    async fn an_entry_is_stored_as_it_was_received(db: Database) {
        let store = db.store().await;
        let entry = callback("id1").operator("admin").item("Tag_A", "1").item("Tag_B", "{\"x\":[2]}").build();
        append(&store, std::slice::from_ref(&entry)).await;

        let (rows, items) = store.stored(1, 1).await.unwrap();
        let row = &rows[0];
        assert_eq!(row.receipt_id, entry.receipt_id);
        assert_eq!(row.body.as_deref(), Some(&entry.body[..]));
        assert_eq!(row.salt.as_deref(), Some(&entry.salt[..]));
        assert_eq!((row.sdk_app_id, row.kind.as_str(), row.auth.as_str()), (APP, "callback", "sign"));
        assert_eq!((row.account.as_deref(), row.operator.as_deref()), (Some("id1"), Some("admin")));
        assert_eq!((row.client_ip.as_deref(), row.platform.as_deref()), (Some("127.0.0.1"), Some("RESTAPI")));
        assert_eq!((row.received_at.0, row.event_time.map(|t| t.0)), (RECEIVED, entry.event_time));
        let items: Vec<_> = items.into_iter().map(|item| (item.ordinal, item.tag, item.value)).collect();
        assert_eq!(items, [(0, "Tag_A".to_owned(), Some("1".to_owned())), (1, "Tag_B".to_owned(), Some("{\"x\":[2]}".to_owned()))]);
    }

    async fn absent_claims_are_stored_as_null_and_chained_as_absent(db: Database) {
        let store = db.store().await;
        let mut entry = callback("id1").build();
        (entry.operator, entry.client_ip, entry.platform) = (None, None, None);
        let event_time = entry.event_time.map(i64::to_be_bytes);
        let fields = [Some(&entry.salt[..]), Some(b"id1"), None, event_time.as_ref().map(|t| &t[..]), None, None, Some(&entry.body)];
        entry.digest = crate::harness::proof::hash(&fields);
        append(&store, &[entry]).await;

        let row = &assert_chained(&store).await[0];
        assert_eq!((&row.operator, &row.client_ip, &row.platform), (&None, &None, &None));
    }

    async fn an_empty_profile_item_is_an_entry_without_item_rows(db: Database) {
        let store = db.store().await;
        assert_eq!(append(&store, &[callback("id1").build()]).await, [New(1)]);
        assert_eq!(db.count("SELECT count(*) FROM profile_changes").await, 0);
        assert!(matches!(verify::run(&store, verify::Plan::default(), |_, _| ()).await.unwrap(), Verdict::Holds { head, .. } if head.seq == 1));
    }

    async fn appending_nothing_records_nothing_and_stands_in_nobodys_way(db: Database) {
        let store = db.store().await;
        assert_eq!(append(&store, &callbacks(1)).await, [New(1)]);
        assert_eq!(append(&store, &[]).await, []);
        assert_eq!(append(&store, &callbacks(1)).await, [New(2)]);
        assert_chained(&store).await;
    }

    async fn the_same_append_again_after_a_lost_outcome_records_nothing_twice(db: Database) {
        let store = db.store().await;
        let entries = [callback("timed").nick("a").build(), callback("untimed").nick("b").without_event_time().build()];
        assert_eq!(append(&store, &entries).await, [New(1), New(2)]);
        assert_eq!(append(&store, &entries).await, [Known, Known]);
        let another_process = db.store().await;
        assert_eq!(append(&another_process, &entries).await, [Known, Known]);
        assert_eq!(assert_chained(&store).await.len(), 2);
    }

    async fn the_same_callback_with_an_event_time_is_recorded_once(db: Database) {
        let store = db.store().await;
        let sent = callback("id1").nick("a");
        assert_eq!(append(&store, &[sent.clone().build()]).await, [New(1)]);
        assert_eq!(append(&store, &[sent.clone().again().received(RECEIVED + 500).build()]).await, [Known]);
        assert_eq!(append(&store, &[sent.app(APP + 1).build()]).await, [New(2)], "another app's is another callback");
    }

    async fn the_same_body_without_an_event_time_is_recorded_for_each_receipt(db: Database) {
        let store = db.store().await;
        let sent = callback("id1").nick("a").without_event_time();
        assert_eq!(append(&store, &[sent.clone().build()]).await, [New(1)]);
        assert_eq!(append(&store, &[sent.again().build()]).await, [New(2)]);
    }

    async fn duplicates_inside_one_batch_leave_the_first_and_no_gap(db: Database) {
        let store = db.store().await;
        let twice = callback("id1").nick("a");
        let (other, last) = (callback("id2").nick("b").build(), callback("id3").nick("c").build());
        let batch = [twice.clone().build(), other.clone(), twice.clone().again().build(), other, last];
        assert_eq!(append(&store, &batch).await, [New(1), New(2), Known, Known, New(3)]);
        let receipts: Vec<_> = assert_chained(&store).await.into_iter().map(|row| row.receipt_id).collect();
        assert_eq!(receipts, [batch[0].receipt_id, batch[1].receipt_id, batch[4].receipt_id]);
    }

    async fn known_entries_in_a_batch_leave_the_others_their_place(db: Database) {
        let store = db.store().await;
        let entries = callbacks(5);
        append(&store, &[entries[1].clone(), entries[3].clone()]).await;
        assert_eq!(append(&store, &entries).await, [New(3), Known, New(4), Known, New(5)]);
        assert_chained(&store).await;
    }
}
