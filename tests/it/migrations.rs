//! Migrations: twins, and safe when several replicas start at once.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use portraitd::store::{Open, Store};
use sqlx::{Connection, Executor};

use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::entries::{append, callbacks};

const REPLICAS: usize = 8;

/// File names of one dialect's migrations.
fn files(dialect: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(dialect);
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_twins_hold_the_same_numbers_with_the_same_names() {
    let (postgres, sqlite) = (files("postgres"), files("sqlite"));
    assert_eq!(postgres, sqlite);
    for (number, name) in (1..).zip(&postgres) {
        assert!(name.starts_with(&format!("{number:04}_")) && name.ends_with(".sql"), "numbered without a gap: {name}");
    }
}

/// Every migration is applied once, and the log takes appends.
async fn assert_made_once(db: &Database) {
    let applied = db.count("SELECT count(*) FROM _sqlx_migrations WHERE success").await;
    assert_eq!(applied, files("postgres").len() as i64);
    let tables = match db.is_postgres() {
        true => "SELECT relname::text FROM pg_class WHERE relname = 'callbacks'",
        false => "SELECT name FROM sqlite_schema WHERE name = 'callbacks'",
    };
    assert_eq!(db.texts(tables).await, ["callbacks"]);
    append(&Store::open(&db.url(), Open::Migrate).await.unwrap(), &callbacks(1)).await;
}

/// The real program, `migrate`.
fn migrate(url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portraitd"));
    command.arg("migrate").env_clear().env("DATABASE_URL", url).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

on_both_stores! {
    async fn replicas_that_open_an_empty_database_at_once_all_succeed(db: Database) {
        let mut opening = Vec::new();
        for _ in 0..REPLICAS {
            let url = db.url();
            opening.push(tokio::spawn(async move { Store::open(&url, Open::Migrate).await.map(drop) }));
        }
        for replica in opening {
            replica.await.unwrap().unwrap();
        }
        assert_made_once(&db).await;
    }

    async fn processes_that_migrate_an_empty_database_at_once_all_succeed(db: Database) {
        let children: Vec<_> = (0..REPLICAS).map(|_| migrate(&db.url()).spawn().unwrap()).collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", said(&output));
            assert!(said(&output).contains("is up to date"), "{}", said(&output));
        }
        assert_made_once(&db).await;
    }

    async fn migrating_again_changes_nothing(db: Database) {
        append(&db.store().await, &callbacks(3)).await;
        let output = migrate(&db.url()).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        assert!(output.stdout.is_empty(), "there is no data to print");
        assert_eq!(db.store().await.head().await.unwrap().seq, 3);
    }

    async fn a_migration_that_was_edited_after_it_was_applied_is_refused(db: Database) {
        drop(db.store().await);
        let zero = if db.is_postgres() { "decode('00', 'hex')" } else { "x'00'" };
        let newest = "(SELECT max(version) FROM _sqlx_migrations)";
        db.execute(&format!("UPDATE _sqlx_migrations SET checksum = {zero} WHERE version = 1; DELETE FROM _sqlx_migrations WHERE version = {newest}")).await;
        let output = migrate(&db.url()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains("migrating"), "{}", said(&output));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_under_way_elsewhere_is_waited_for_longer_than_any_other_lock() {
    let db = Database::postgres().await;
    let mut elsewhere = db.pg().await;
    let mut under_way = elsewhere.begin().await.unwrap();
    under_way.execute("CREATE TABLE _sqlx_migrations (version bigint)").await.unwrap();
    let url = db.url();
    let opening = tokio::spawn(async move { Store::open(&url, Open::Migrate).await.map(drop) });
    eventually("it has waited for longer than the 2 s of lock_timeout, or given up", async || {
        opening.is_finished()
            || db
                .count(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                        AND application_name = 'portraitd' AND wait_event_type = 'Lock'
                        AND clock_timestamp() - query_start > interval '2500 milliseconds'",
                )
                .await
                == 1
    })
    .await;
    under_way.rollback().await.unwrap();
    opening.await.unwrap().unwrap();
}
