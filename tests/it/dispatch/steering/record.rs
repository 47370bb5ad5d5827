//! The access log: append-only, and what the service's own role may do with it.

use crate::harness::db::{Database, on_both_stores};

async fn assert_refused(db: &Database, sql: &str) {
    let error = db.try_execute(sql).await.expect_err(sql);
    assert!(error.to_string().contains("append-only"), "{sql}: {error}");
    assert_eq!(db.texts("SELECT who FROM access_log ORDER BY id").await, ["me", "you"], "{sql}");
}

on_both_stores! {
    async fn the_access_log_takes_rows_and_gives_none_back(db: Database) {
        let _store = db.store().await;
        db.execute("INSERT INTO access_log (who, action, target) VALUES ('me', 'a', 'x'), ('you', 'a', 'x')").await;
        for sql in [
            "UPDATE access_log SET who = 'somebody'",
            "UPDATE access_log SET who = who",
            "DELETE FROM access_log",
            "DELETE FROM access_log WHERE who = 'me'",
        ] {
            assert_refused(&db, sql).await;
        }
        let dialects_own: &[&str] = if db.is_postgres() {
            &[
                "TRUNCATE access_log",
                "INSERT INTO access_log (id, who, action, target) OVERRIDING SYSTEM VALUE VALUES (1, 'x', 'a', 'x')
                 ON CONFLICT (id) DO UPDATE SET who = 'x'",
                "MERGE INTO access_log t USING (SELECT 1) s ON t.id = 1 WHEN MATCHED THEN DELETE",
            ]
        } else {
            &[
                "REPLACE INTO access_log (id, who, action, target) VALUES (1, 'x', 'a', 'x')",
                "REPLACE INTO access_log (rowid, who, action, target) VALUES ('1', 'x', 'a', 'x')",
                "INSERT OR REPLACE INTO access_log (id, who, action, target) VALUES (2.0, 'x', 'a', 'x')",
                "UPDATE OR REPLACE access_log SET id = 2 WHERE id = 1",
            ]
        };
        for sql in dialects_own {
            assert_refused(&db, sql).await;
        }
    }
}
