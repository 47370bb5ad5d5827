//! Partitions are there before the log reaches them, and in nobody's way.

use std::time::Duration;

use portraitd::store::Recorded::New;
use portraitd::store::StoreError;
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::harness::db::Database;
use crate::harness::entries::{append, callbacks, try_append};
use crate::harness::proof::chain_of;

const SPAN: i64 = 1_000_000;

/// Puts an entry at `seq`, as if everything before it had been written.
async fn move_head(db: &Database, seq: i64) {
    let sql = format!(
        "INSERT INTO callbacks SELECT {seq}, 'today', NULL, 'today', 1, 'callback', 'sign', 'a', NULL, NULL, NULL,
         decode(repeat('00', 16), 'hex'), NULL, decode(repeat('11', 32), 'hex'), decode(repeat('22', 32), 'hex'), NULL"
    );
    assert_eq!(db.execute(&sql).await, 1);
}

async fn partitions(db: &Database, parent: &str) -> Vec<String> {
    let sql =
        format!("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = '{parent}'::regclass ORDER BY 1");
    db.texts(&sql).await
}

#[tokio::test]
async fn a_new_log_has_the_current_range_and_two_ahead() {
    let db = Database::postgres().await;
    let store = db.store().await;
    for parent in ["callbacks", "profile_changes"] {
        assert_eq!(partitions(&db, parent).await, [0, 1, 2].map(|n| format!("{parent}_00000{n}")));
    }
    assert_eq!(store.extend().await.unwrap(), 3 * SPAN, "nothing to do yet");
    assert_eq!(partitions(&db, "callbacks").await.len(), 3);
}

#[tokio::test]
async fn extend_attaches_two_ranges_ahead_of_the_head() {
    let db = Database::postgres().await;
    let store = db.store().await;
    move_head(&db, 2 * SPAN - 2).await;
    assert_eq!(store.extend().await.unwrap(), 4 * SPAN);
    for parent in ["callbacks", "profile_changes"] {
        assert_eq!(partitions(&db, parent).await, [0, 1, 2, 3].map(|n| format!("{parent}_00000{n}")));
    }
    let guards =
        "SELECT count(*) FROM pg_trigger WHERE tgname = 'append_only' AND tgrelid::regclass::text LIKE '%_000003'";
    assert_eq!(db.count(guards).await, 2);
    let error = db.try_execute("TRUNCATE callbacks_000003").await.unwrap_err().to_string();
    assert!(error.contains("append-only"), "{error}");
}

#[tokio::test]
async fn a_batch_may_cross_from_one_partition_into_the_next() {
    let db = Database::postgres().await;
    let store = db.store().await;
    move_head(&db, 2 * SPAN - 3).await;
    let entries = callbacks(5);
    let first = 2 * SPAN - 2;
    assert_eq!(append(&store, &entries).await, (first..first + 5).map(New).collect::<Vec<_>>());
    for parent in ["callbacks", "profile_changes"] {
        assert_eq!(db.count(&format!("SELECT count(*) FROM {parent}_000001 WHERE seq >= {first}")).await, 2);
        assert_eq!(db.count(&format!("SELECT count(*) FROM {parent}_000002")).await, 3);
    }
    let (rows, _) = store.stored(first - 1, i64::MAX).await.unwrap();
    for two in rows.windows(2) {
        assert_eq!(two[1].chain, chain_of(&two[0].chain, &two[1]), "the chain goes on at {}", two[1].seq);
    }
}

#[tokio::test]
async fn a_missing_partition_is_our_lateness_and_not_the_callbacks_fault() {
    let db = Database::postgres().await;
    let store = db.store().await;
    move_head(&db, 3 * SPAN - 1).await;
    let entries = callbacks(2);
    let error = try_append(&store, &entries).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    store.extend().await.unwrap();
    assert_eq!(append(&store, &entries).await, [New(3 * SPAN), New(3 * SPAN + 1)]);
}

#[tokio::test]
async fn replicas_may_extend_at_once() {
    let db = Database::postgres().await;
    let store = db.store().await;
    move_head(&db, 3 * SPAN - 1).await;
    let others: Vec<_> = [db.store().await, db.store().await, db.store().await].into();
    let ends = tokio::join!(store.extend(), others[0].extend(), others[1].extend(), others[2].extend());
    for end in [ends.0, ends.1, ends.2, ends.3] {
        assert_eq!(end.unwrap(), 5 * SPAN);
    }
    assert_eq!(partitions(&db, "callbacks").await.len(), 5, "0 to 4");
}

#[tokio::test]
async fn extending_waits_for_no_reader_and_no_append_under_way() {
    let db = Database::postgres().await;
    let store = db.store().await;
    append(&store, &callbacks(2)).await;
    let mut connection = db.pg().await;
    let mut under_way = connection.begin().await.unwrap();
    under_way.execute("SELECT count(*) FROM profile_history").await.unwrap();
    let insert = format!("INSERT INTO callbacks SELECT {}, received_at, event_time, effective_time, sdk_app_id, kind, auth, account, operator,
                          client_ip, platform, receipt_id, salt, digest, chain, body FROM callbacks WHERE seq = 1", SPAN + 1);
    under_way.execute(AssertSqlSafe(insert)).await.unwrap();
    move_head(&db, SPAN).await;

    let end =
        tokio::time::timeout(Duration::from_secs(10), store.extend()).await.expect("nothing to wait for").unwrap();
    assert_eq!(end, 4 * SPAN);
    under_way.commit().await.unwrap();
    assert_eq!(db.count("SELECT count(*) FROM callbacks").await, 4);
}

#[tokio::test]
async fn there_is_no_default_partition() {
    let db = Database::postgres().await;
    let _store = db.store().await;
    assert_eq!(db.count("SELECT count(*) FROM pg_partitioned_table WHERE partdefid <> 0").await, 0);
}
