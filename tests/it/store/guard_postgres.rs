//! Postgres refuses to alter the log, partition by partition, even to a superuser who did not switch the guard off.

use portraitd::store::verify::{self, Verdict};

use crate::harness::db::Database;
use crate::harness::entries::{append, callbacks};

/// The parents and every partition, attached or made ahead.
const RELATIONS: &str = "SELECT c.relname::text FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
   AND (c.relname ~ '^(callbacks|profile_changes)(_[0-9]+)?$') ORDER BY 1";

/// A log with an entry, and all tables it consists of.
async fn filled() -> (Database, Vec<String>) {
    let db = Database::postgres().await;
    let store = db.store().await;
    append(&store, &callbacks(3)).await;
    store.extend().await.unwrap();
    let relations = db.texts(RELATIONS).await;
    assert!(relations.len() >= 8, "two parents with three partitions each: {relations:?}");
    (db, relations)
}

async fn assert_refused(db: &Database, sql: &str) {
    let before =
        db.texts("SELECT c::text FROM callbacks c UNION ALL SELECT p::text FROM profile_changes p ORDER BY 1").await;
    let error = db.try_execute(sql).await.expect_err(sql);
    let error = error.as_database_error().unwrap_or_else(|| panic!("{sql}: {error}"));
    assert_eq!(error.code().as_deref(), Some("23001"), "{sql}: {error}");
    assert!(error.message().contains("is append-only"), "{sql}: {error}");
    let after =
        db.texts("SELECT c::text FROM callbacks c UNION ALL SELECT p::text FROM profile_changes p ORDER BY 1").await;
    assert_eq!(before, after, "{sql}");
}

#[tokio::test]
async fn update_delete_and_truncate_are_refused_on_the_parents_and_on_every_partition() {
    let (db, relations) = filled().await;
    for relation in relations {
        assert_refused(&db, &format!("UPDATE {relation} SET seq = seq")).await;
        assert_refused(&db, &format!("UPDATE {relation} SET seq = 9 WHERE false")).await;
        assert_refused(&db, &format!("DELETE FROM {relation}")).await;
        assert_refused(&db, &format!("DELETE FROM ONLY {relation} WHERE seq = 1")).await;
        assert_refused(&db, &format!("TRUNCATE {relation}")).await;
        assert_refused(&db, &format!("TRUNCATE {relation} RESTART IDENTITY CASCADE")).await;
        assert_refused(&db, &format!("WITH gone AS (DELETE FROM {relation} RETURNING 1) SELECT count(*) FROM gone"))
            .await;
    }
    let verdict = verify::run(&db.store().await, verify::Plan::default(), |_, _| ()).await.unwrap();
    assert!(matches!(verdict, Verdict::Holds { head, .. } if head.seq == 3));
}

#[tokio::test]
async fn an_insert_that_turns_into_an_update_is_refused() {
    let (db, _) = filled().await;
    for relation in ["callbacks", "callbacks_000000"] {
        assert_refused(
            &db,
            &format!("INSERT INTO {relation} SELECT * FROM callbacks ON CONFLICT (seq) DO UPDATE SET account = 'somebody else'"),
        )
        .await;
    }
    for relation in ["profile_changes", "profile_changes_000000"] {
        assert_refused(
            &db,
            &format!("INSERT INTO {relation} SELECT * FROM profile_changes ON CONFLICT (seq, ordinal) DO UPDATE SET value = '0'"),
        )
        .await;
    }
}

#[tokio::test]
async fn merge_is_refused() {
    let (db, _) = filled().await;
    for relation in ["callbacks", "callbacks_000000", "profile_changes", "profile_changes_000000"] {
        for action in ["UPDATE SET seq = t.seq", "DELETE"] {
            let sql = format!(
                "MERGE INTO {relation} t USING (SELECT 1::bigint AS seq) s ON t.seq = s.seq WHEN MATCHED THEN {action}"
            );
            assert_refused(&db, &sql).await;
        }
    }
}

#[tokio::test]
async fn a_second_row_under_a_taken_sequence_is_refused() {
    let (db, _) = filled().await;
    for relation in ["callbacks", "callbacks_000000"] {
        let error =
            db.try_execute(&format!("INSERT INTO {relation} SELECT * FROM callbacks WHERE seq = 2")).await.unwrap_err();
        assert!(error.as_database_error().is_some_and(|e| e.is_unique_violation()), "{error}");
    }
}

#[tokio::test]
async fn every_table_of_the_log_carries_the_guard() {
    let (db, mut relations) = filled().await;
    relations.splice(0..0, ["access_log", "anchors", "blocks"].map(String::from));
    let guarded = db
        .texts(
            "SELECT tgrelid::regclass::text FROM pg_trigger
              WHERE tgname = 'append_only' AND tgenabled = 'O' AND tgfoid = 'portraitd_refuse()'::regprocedure
                AND tgtype & 2 = 2 AND tgtype & 8 = 8 AND tgtype & 16 = 16 AND tgtype & 32 = 32 ORDER BY 1",
        )
        .await;
    assert_eq!(guarded, relations, "before DELETE, UPDATE and TRUNCATE");
}
