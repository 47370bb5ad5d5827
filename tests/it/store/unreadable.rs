//! Bodies that could not be recorded: kept once, counted, bounded.

use bytes::Bytes;
use portraitd::store::Store;
use portraitd::store::model::{Auth, NewUnreadable};

use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{APP, RECEIVED, unreadable};

async fn keep(store: &Store, bodies: &[NewUnreadable]) {
    for body in bodies {
        store.keep_unreadable(body).await.unwrap();
    }
}

/// (times, body) of what is kept, newest first.
async fn kept(store: &Store) -> Vec<(i64, Vec<u8>)> {
    store.unreadable(None, 100).await.unwrap().into_iter().map(|row| (row.times, row.body)).collect()
}

on_both_stores! {
    async fn a_body_is_kept_verbatim_with_all_that_is_known_about_it(db: Database) {
        let store = db.store().await;
        let body = NewUnreadable {
            body: Bytes::from_static(b"\x00\xff\xfe not text"),
            client_ip: Some("127.0.0.1".to_owned()),
            platform: Some("iOS".to_owned()),
            auth: Auth::Stale,
            ..unreadable("")
        };
        keep(&store, std::slice::from_ref(&body)).await;
        let row = store.unreadable(None, 1).await.unwrap().remove(0);
        assert_eq!(row.body, b"\x00\xff\xfe not text");
        assert_eq!((row.times, row.first_at.0, row.last_at.0), (1, RECEIVED, RECEIVED));
        assert_eq!((row.sdk_app_id, row.command), (Some(APP), body.command));
        assert_eq!((row.reason, row.auth.as_str()), (body.reason, "stale"));
        assert_eq!((row.client_ip, row.platform), (body.client_ip, body.platform));
    }

    async fn the_same_again_is_counted_and_not_stored(db: Database) {
        let store = db.store().await;
        let again = |at| NewUnreadable { received_at: at, ..unreadable("[]") };
        keep(&store, &[again(RECEIVED), again(RECEIVED + 9)]).await;
        keep(&store, &[again(RECEIVED + 5)]).await;
        let rows = store.unreadable(None, 100).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].times, rows[0].first_at.0, rows[0].last_at.0), (3, RECEIVED, RECEIVED + 9));
    }

    async fn another_app_reason_or_body_is_another_row(db: Database) {
        let store = db.store().await;
        let other_app = NewUnreadable { sdk_app_id: Some(APP + 1), ..unreadable("[]") };
        let no_app = NewUnreadable { sdk_app_id: None, ..unreadable("[]") };
        let other_reason = NewUnreadable { reason: "ProfileItem is missing".to_owned(), ..unreadable("[]") };
        keep(&store, &[unreadable("[]"), other_app, no_app, other_reason, unreadable("[ ]")]).await;
        let rows = kept(&store).await;
        assert_eq!(rows.len(), 5);
        assert_eq!(rows[0], (1, b"[ ]".to_vec()), "newest first");
        assert_eq!(store.unreadable(None, 2).await.unwrap().len(), 2);
    }

    async fn beyond_the_bound_the_oldest_go_first(db: Database) {
        let store = db.store().await;
        let bodies: Vec<_> = ["a", "b", "c", "d"].iter().map(|c| unreadable(&c.repeat(1000))).collect();
        keep(&store, &bodies).await;
        let row = 1000 + 512;
        assert_eq!(store.bound_unreadable(4 * row).await.unwrap(), 0, "everything fits");
        assert_eq!(store.bound_unreadable(4 * row - 1).await.unwrap(), 1);
        assert_eq!(store.bound_unreadable(2 * row + 5).await.unwrap(), 1);
        let left: Vec<_> = kept(&store).await.into_iter().map(|(_, body)| body[0]).collect();
        assert_eq!(left, [b'd', b'c']);
        assert_eq!(store.bound_unreadable(0).await.unwrap(), 2);
        assert_eq!(store.bound_unreadable(0).await.unwrap(), 0);
    }

    async fn what_is_unreadable_takes_no_sequence(db: Database) {
        let store = db.store().await;
        keep(&store, &[unreadable("[]")]).await;
        assert_eq!(store.head().await.unwrap().seq, 0);
        assert_eq!(db.count("SELECT count(*) FROM recent").await, 0);
    }
}
