//! Logs that grow and are pruned in small parts.

use portraitd::store::Store;

use super::db::Database;
use super::entries::{append, callback};

/// A new log in this database whose parts hold so many sequences.
pub async fn in_parts_of(db: &Database, sequences: i64) -> Store {
    let store = db.store().await;
    if db.is_postgres() {
        for parent in ["callbacks", "profile_changes"] {
            db.execute(&format!("DROP TABLE {parent}_000000, {parent}_000001, {parent}_000002")).await;
        }
        db.execute(&format!("CREATE OR REPLACE VIEW span AS SELECT bigint '{sequences}' AS entries")).await;
        store.extend().await.unwrap();
    } else {
        db.execute(&format!("DROP VIEW span; CREATE VIEW span AS SELECT {sequences} AS entries")).await;
    }
    store
}

/// Appends so many entries, ten at a time, all of them received long ago; partitions are attached as they are needed.
pub async fn fill(store: &Store, entries: usize) {
    let all: Vec<_> = (0..entries).map(|n| callback(&format!("id{}", n % 5)).nick(&n.to_string()).build()).collect();
    for ten in all.chunks(10) {
        store.extend().await.unwrap();
        append(store, ten).await;
    }
    store.extend().await.unwrap();
}
