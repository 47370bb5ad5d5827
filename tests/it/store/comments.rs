//! The database explains itself: nothing in it is without a comment.

use crate::harness::db::Database;

#[tokio::test]
async fn every_table_view_column_and_function_has_a_comment_in_postgres() {
    let db = Database::postgres().await;
    let store = db.store().await;
    store.extend().await.unwrap();
    let columns = "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                   WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
                     AND c.relname <> '_sqlx_migrations' AND a.attnum > 0 AND NOT a.attisdropped";
    assert!(db.count(&format!("SELECT count(*) {columns}")).await > 50);
    let bare = format!(
        "SELECT c.relname || '.' || a.attname {columns} AND col_description(c.oid, a.attnum) IS NULL ORDER BY 1"
    );
    assert_eq!(db.texts(&bare).await, [""; 0], "columns without a comment");

    let bare = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
                   AND NOT relispartition AND relname <> '_sqlx_migrations' AND obj_description(oid, 'pg_class') IS NULL
                 UNION ALL
                SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL";
    assert_eq!(db.texts(bare).await, [""; 0], "tables, views and functions without a comment");
}

#[tokio::test]
async fn every_column_has_a_comment_in_sqlite() {
    let db = Database::sqlite().await;
    let _store = db.store().await;
    let tables = db.texts("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'").await;
    assert!(tables.len() >= 4, "{tables:?}");
    for sql in tables {
        let lines: Vec<&str> = sql.lines().map(str::trim).collect();
        let columns = lines[..lines.len() - 1].iter().filter(|line| !line.starts_with("PRIMARY KEY"));
        for line in columns {
            assert!(line.contains("-- "), "without a comment: {line}");
        }
    }
}

#[tokio::test]
async fn both_dialects_have_the_same_tables_and_columns_but_for_what_opens_sqlites_guards() {
    let (postgres, sqlite) = (Database::postgres().await, Database::sqlite().await);
    let (_p, _s) = (postgres.store().await, sqlite.store().await);
    let in_postgres = postgres
        .texts(
            "SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
              WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
                AND a.attnum > 0 AND c.relname <> '_sqlx_migrations' ORDER BY 1",
        )
        .await;
    let mut in_sqlite = sqlite
        .texts(
            "SELECT t.name || '.' || c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
              WHERE t.type IN ('table', 'view') AND t.name NOT IN ('_sqlx_migrations', 'sqlite_sequence', 'erasing') ORDER BY 1",
        )
        .await;
    in_sqlite.sort();
    assert_eq!(in_postgres, in_sqlite);
}
