//! The window in which the same callback is recognised, and forgetting what is older.

use std::time::{SystemTime, UNIX_EPOCH};

use portraitd::store::Recorded::{Known, New};

use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{append, callback};

const HOUR: i64 = 3_600_000;
const LAST_MILLISECOND: i64 = 253_402_300_799_999;

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// As if everything had been recorded two hours ago.
async fn two_hours_pass(db: &Database) {
    let sql = match db.is_postgres() {
        true => "UPDATE recent SET recorded_at = recorded_at - interval '2 hours'",
        false => "UPDATE recent SET recorded_at = recorded_at - 7200000",
    };
    db.execute(sql).await;
}

on_both_stores! {
    async fn what_is_older_than_the_window_is_forgotten_and_may_be_recorded_again(db: Database) {
        let store = db.store().await;
        let received = now() - 2 * HOUR;
        let old = callback("old").nick("a").at(received - 1).received(received);
        let recent = callback("recent").nick("b").at(now()).received(now());
        append(&store, &[old.clone().build()]).await;
        two_hours_pass(&db).await;
        append(&store, &[recent.clone().build()]).await;

        assert_eq!(store.prune_recent(HOUR / 1000).await.unwrap(), 1);
        assert_eq!(append(&store, &[old.again().build(), recent.again().build()]).await, [New(3), Known]);
    }

    async fn keys_are_forgotten_by_when_they_were_recorded_however_old_the_event(db: Database) {
        let store = db.store().await;
        let early = now() - 3 * HOUR;
        let late_arrival = callback("late").nick("a").at(early).received(now());
        let spooled = callback("spooled").nick("a").at(early).received(early);
        append(&store, &[late_arrival.clone().build(), spooled.clone().build()]).await;
        assert_eq!(store.prune_recent(HOUR / 1000).await.unwrap(), 0);
        assert_eq!(append(&store, &[spooled.again().build()]).await, [Known], "its window begins when it is recorded");
        assert_eq!(append(&store, &[late_arrival.again().build()]).await, [Known]);
    }

    async fn keys_with_absurd_future_event_times_are_forgotten_too(db: Database) {
        let store = db.store().await;
        let received = now() - 2 * HOUR;
        let absurd = callback("absurd").nick("a").at(LAST_MILLISECOND).received(received);
        let ahead = callback("ahead").nick("b").at(now() + HOUR).received(received);
        append(&store, &[absurd.clone().build(), ahead.clone().build()]).await;
        two_hours_pass(&db).await;
        assert_eq!(append(&store, &[absurd.clone().again().build()]).await, [Known]);

        assert_eq!(store.prune_recent(HOUR / 1000).await.unwrap(), 2);
        assert_eq!(db.count("SELECT count(*) FROM recent").await, 0);
        assert_eq!(append(&store, &[absurd.again().build(), ahead.again().build()]).await, [New(3), New(4)]);
    }

    async fn receipts_without_an_event_time_are_forgotten_too(db: Database) {
        let store = db.store().await;
        let received = now() - 2 * HOUR;
        append(&store, &[callback("id1").without_event_time().received(received).build()]).await;
        assert_eq!(store.prune_recent(HOUR / 1000).await.unwrap(), 0);
        two_hours_pass(&db).await;
        assert_eq!(store.prune_recent(HOUR / 1000).await.unwrap(), 1);
    }

    async fn pruning_an_empty_window_does_nothing(db: Database) {
        let store = db.store().await;
        assert_eq!(store.prune_recent(0).await.unwrap(), 0);
    }
}
