//! SQLite refuses to alter the log, also where an INSERT would replace a row.

use portraitd::store::verify::{self, Verdict};

use crate::harness::db::Database;
use crate::harness::entries::{append, callbacks};

async fn filled() -> Database {
    let db = Database::sqlite().await;
    append(&db.store().await, &callbacks(3)).await;
    db
}

async fn assert_refused(db: &Database, sql: &str) {
    let error = db.try_execute(sql).await.expect_err(sql);
    assert!(error.to_string().contains("is append-only"), "{sql}: {error}");
    let verdict = verify::run(&db.store().await, verify::Plan::default(), |_, _| ()).await.unwrap();
    assert!(matches!(verdict, Verdict::Holds { head, .. } if head.seq == 3), "{sql}: {verdict:?}");
}

/// The columns of `callbacks` without seq.
const REST: &str = "received_at, event_time, effective_time, sdk_app_id, kind, auth, account, operator, client_ip, platform, \
                    receipt_id, salt, digest, chain, body";

#[tokio::test]
async fn update_and_delete_are_refused() {
    let db = filled().await;
    for table in ["callbacks", "profile_changes"] {
        assert_refused(&db, &format!("UPDATE {table} SET seq = seq")).await;
        assert_refused(&db, &format!("UPDATE OR REPLACE {table} SET seq = 2 WHERE seq = 1")).await;
        assert_refused(&db, &format!("UPDATE OR IGNORE {table} SET seq = 9")).await;
        assert_refused(&db, &format!("DELETE FROM {table}")).await;
        assert_refused(&db, &format!("DELETE FROM {table} WHERE seq = 3")).await;
    }
}

#[tokio::test]
async fn an_insert_that_replaces_an_entry_is_refused() {
    let db = filled().await;
    for verb in ["INSERT OR REPLACE", "REPLACE", "INSERT OR FAIL", "INSERT"] {
        assert_refused(&db, &format!("{verb} INTO callbacks SELECT * FROM callbacks WHERE seq = 2")).await;
    }
    for seq in ["2", "'2'", "2.0"] {
        assert_refused(
            &db,
            &format!("REPLACE INTO callbacks (seq, {REST}) SELECT {seq}, {REST} FROM callbacks WHERE seq = 1"),
        )
        .await;
        assert_refused(
            &db,
            &format!("REPLACE INTO callbacks (rowid, {REST}) SELECT {seq}, {REST} FROM callbacks WHERE seq = 1"),
        )
        .await;
    }
}

#[tokio::test]
async fn an_insert_that_replaces_an_item_is_refused() {
    let db = filled().await;
    for verb in ["INSERT OR REPLACE", "REPLACE"] {
        for (seq, ordinal) in [("2", "0"), ("'2'", "'0'"), ("2.0", "0.0")] {
            assert_refused(&db, &format!("{verb} INTO profile_changes VALUES ({seq}, {ordinal}, 'Tag_A', '1')")).await;
        }
    }
}

#[tokio::test]
async fn an_insert_that_turns_into_an_update_is_refused() {
    let db = filled().await;
    assert_refused(
        &db,
        "INSERT INTO callbacks SELECT * FROM callbacks WHERE true ON CONFLICT (seq) DO UPDATE SET account = 'somebody else'",
    )
    .await;
    assert_refused(
        &db,
        "INSERT INTO profile_changes VALUES (1, 0, 'Tag_A', '1') ON CONFLICT (seq, ordinal) DO UPDATE SET value = excluded.value",
    )
    .await;
}
