//! Opening: what is made, what is only looked for, and what is refused with a reason.

use portraitd::store::{Open, Store, StoreError};

use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{append, callbacks};

async fn error(url: &str, open: Open) -> StoreError {
    match Store::open(url, open).await {
        Ok(store) => panic!("{} opened", store.location()),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_missing_file_is_named_and_not_made_by_a_reader() {
    let db = Database::sqlite().await;
    let error = error(&db.url(), Open::Existing).await;
    assert!(matches!(error, StoreError::Absent { .. }), "{error:?}");
    assert!(error.to_string().contains(&db.path().display().to_string()), "{error}");
    let folder = std::fs::read_dir(db.path().parent().unwrap()).unwrap();
    assert_eq!(folder.count(), 0, "nothing was made");
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_named_by_a_writer() {
    let error = error("sqlite:///no/such/folder/log.db", Open::Migrate).await;
    assert!(error.to_string().contains("/no/such/folder/log.db"), "{error}");
}

#[tokio::test]
async fn an_in_memory_database_is_refused() {
    for url in ["sqlite::memory:", "sqlite://:memory:", "sqlite://x?mode=memory", "sqlite://"] {
        let error = error(url, Open::Migrate).await;
        assert!(matches!(error, StoreError::Unsuitable(_)), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn a_database_of_another_encoding_is_refused() {
    let db = Database::postgres_with("ENCODING 'LATIN1' LOCALE 'C'").await;
    let error = error(&db.url(), Open::Migrate).await;
    assert!(error.to_string().contains("LATIN1") && error.to_string().contains("UTF8"), "{error}");
    assert_eq!(db.count("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace").await, 0);
}

#[tokio::test]
async fn a_postgres_without_our_tables_is_not_touched_by_a_reader() {
    let db = Database::postgres().await;
    let error = error(&db.url(), Open::Existing).await;
    assert!(matches!(error, StoreError::NotMigrated { .. }), "{error:?}");
    assert!(error.to_string().contains("portraitd migrate"), "{error}");
    assert_eq!(db.count("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace").await, 0);
}

#[tokio::test]
async fn a_sqlite_file_without_our_tables_is_not_touched_by_a_reader() {
    let db = Database::sqlite().await;
    db.execute("CREATE TABLE somebody_elses (x)").await;
    let error = error(&db.url(), Open::Existing).await;
    assert!(matches!(error, StoreError::NotMigrated { .. }), "{error:?}");
    assert_eq!(db.texts("SELECT name FROM sqlite_schema").await, ["somebody_elses"]);
}

#[tokio::test]
async fn a_password_is_not_in_the_location() {
    let db = Database::postgres().await;
    let store = Store::open(&db.url_as("postgres", "hunter2"), Open::Migrate).await;
    // A server that wants another password refuses; what it says must not show ours either.
    let said = store.map_or_else(|error| format!("{error} {error:?}"), |store| store.location());
    assert!(!said.contains("hunter2"), "{said}");
}

on_both_stores! {
    async fn tables_newer_than_the_program_are_refused_with_both_versions(db: Database) {
        drop(db.store().await);
        db.execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             SELECT 9999, 'from the future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
        )
        .await;
        for open in [Open::Migrate, Open::Existing] {
            let error = error(&db.url(), open).await;
            assert!(matches!(error, StoreError::Newer { found: 9999, .. }), "{error:?}");
            assert!(error.to_string().contains("run a newer portraitd"), "{error}");
        }
    }

    async fn a_reader_opens_what_a_writer_made(db: Database) {
        append(&db.store().await, &callbacks(2)).await;
        let reader = Store::open(&db.url(), Open::Existing).await.unwrap();
        assert_eq!(reader.head().await.unwrap().seq, 2);
    }

    async fn opening_again_keeps_the_log(db: Database) {
        append(&db.store().await, &callbacks(2)).await;
        append(&db.store().await, &callbacks(2)).await;
        assert_eq!(crate::harness::proof::assert_chained(&db.store().await).await.len(), 4);
    }

    async fn a_store_that_takes_appends_says_so(db: Database) {
        db.store().await.check().await.unwrap();
    }
}

#[tokio::test]
async fn a_read_only_postgres_says_that_it_takes_no_appends() {
    let db = Database::postgres().await;
    drop(db.store().await);
    let name = db.texts("SELECT current_database()::text").await.remove(0);
    db.execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    let error = db.store().await.check().await.unwrap_err();
    assert!(error.to_string().contains("read-only"), "{error}");
}
