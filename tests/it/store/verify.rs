//! Verification finds every way to alter the log behind its back, and names the entry.

use portraitd::store::Store;
use portraitd::store::model::Head;
use portraitd::store::verify::{self, Verdict};

use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{append, callback};
use crate::harness::proof::{chain_of, digest_of};

async fn verdict(store: &Store) -> Verdict {
    verify::run(store, verify::Plan::default(), |_, _| ()).await.unwrap()
}

pub async fn assert_holds(store: &Store, after: &str) -> Head {
    match verdict(store).await {
        Verdict::Holds { head, .. } => head,
        Verdict::Broken(fault) => panic!("after {after}: {fault}"),
    }
}

pub async fn assert_broken(store: &Store, seq: i64, what: &str) {
    match verdict(store).await {
        Verdict::Broken(fault) => assert_eq!(fault.seq, seq, "{what}: {fault}"),
        Verdict::Holds { .. } => panic!("not found: {what}"),
    }
}

/// Four entries of two items each, and a copy to restore them from.
async fn filled(db: &Database) -> Store {
    let store = db.store().await;
    for account in ["id1", "id2", "id3", "id4"] {
        append(&store, &[callback(account).operator("admin").nick(account).item("Tag_B", "2").build()]).await;
    }
    assert_eq!(assert_holds(&store, "nothing").await.seq, 4);
    save(db).await;
    store
}

/// To be restored from.
pub async fn save(db: &Database) {
    db.execute("CREATE TABLE saved_callbacks AS SELECT * FROM callbacks").await;
    db.execute("CREATE TABLE saved_profile_changes AS SELECT * FROM profile_changes").await;
}

/// Everything as it was.
pub async fn restore(db: &Database) {
    for table in ["callbacks", "profile_changes"] {
        db.tamper(&format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM saved_{table}")).await;
    }
}

/// Bytes as a literal of the dialect.
pub fn blob(db: &Database, bytes: &[u8]) -> String {
    let hex = hex::encode(bytes);
    if db.is_postgres() { format!("decode('{hex}', 'hex')") } else { format!("x'{hex}'") }
}

on_both_stores! {
    async fn altering_any_column_of_an_entry_is_found_at_that_entry(db: Database) {
        let store = filled(&db).await;
        let millisecond = if db.is_postgres() { "interval '1 millisecond'" } else { "1" };
        let (hash, id) = (blob(&db, &[1; 32]), blob(&db, &[1; 16]));
        let columns = [
            ("received_at", vec![format!("received_at + {millisecond}"), format!("received_at - {millisecond}")]),
            ("event_time", vec![format!("event_time + {millisecond}"), "NULL".to_owned()]),
            ("effective_time", vec![format!("effective_time + {millisecond}"), "received_at".to_owned()]),
            ("sdk_app_id", vec!["sdk_app_id + 1".to_owned(), "0".to_owned()]),
            ("kind", vec!["'baseline'".to_owned()]),
            ("auth", vec!["'none'".to_owned()]),
            ("account", vec!["'somebody else'".to_owned(), "''".to_owned(), "NULL".to_owned()]),
            ("operator", vec!["account".to_owned(), "''".to_owned(), "NULL".to_owned()]),
            ("client_ip", vec!["'127.0.0.2'".to_owned(), "''".to_owned(), "NULL".to_owned()]),
            ("platform", vec!["'iOS'".to_owned(), "''".to_owned(), "NULL".to_owned()]),
            ("receipt_id", vec![id.clone(), blob(&db, &[])]),
            ("salt", vec![id, blob(&db, &[]), "NULL".to_owned()]),
            ("digest", vec![hash.clone(), "chain".to_owned()]),
            ("chain", vec![hash, "digest".to_owned(), blob(&db, &[])]),
            ("body", vec![blob(&db, b"{}"), blob(&db, &[]), "NULL".to_owned()]),
        ];
        let all = store.stored(2, 2).await.unwrap().0;
        assert_eq!(format!("{:?}", all[0]).matches(": ").count(), columns.len() + 1, "every column but seq is here");
        for (column, values) in columns {
            for value in values {
                assert_eq!(db.tamper(&format!("UPDATE callbacks SET {column} = {value} WHERE seq = 2")).await, 1);
                assert_broken(&store, 2, &format!("{column} = {value}")).await;
                restore(&db).await;
                assert_holds(&store, column).await;
            }
        }
    }

    async fn altering_any_column_of_an_item_is_found_at_its_entry(db: Database) {
        let store = filled(&db).await;
        for change in ["ordinal = 7", "tag = 'Tag_X'", "tag = ''", "value = 'null'", "value = '\"id2\" '", "seq = 4, ordinal = 5"] {
            assert_eq!(db.tamper(&format!("UPDATE profile_changes SET {change} WHERE seq = 2 AND ordinal = 0")).await, 1);
            assert_broken(&store, 2, change).await;
            restore(&db).await;
            assert_holds(&store, change).await;
        }
    }

    async fn what_portraitd_never_writes_is_found_at_its_entry_and_not_before_what_is_wrong_earlier(db: Database) {
        let store = filled(&db).await;
        let (entry, item) = if db.is_postgres() {
            (vec!["received_at = received_at + interval '1 microsecond'", "effective_time = 'infinity'", "event_time = '-infinity'"], vec![])
        } else {
            (vec!["account = CAST(x'ff' AS TEXT)", "platform = CAST(x'c328' AS TEXT)"], vec!["tag = CAST(x'ff' AS TEXT)", "value = CAST(x'ff' AS TEXT)"])
        };
        let entry = entry.iter().map(|change| format!("UPDATE callbacks SET {change} WHERE seq = 3"));
        let item = item.iter().map(|change| format!("UPDATE profile_changes SET {change} WHERE seq = 3 AND ordinal = 1"));
        for sql in entry.chain(item) {
            assert_eq!(db.tamper(&sql).await, 1);
            assert_broken(&store, 3, &sql).await;
            let from = verify::Plan { from: Some(4), ..verify::Plan::default() };
            let verdict = verify::run(&store, from, |_, _| ()).await.unwrap();
            assert!(matches!(verdict, Verdict::Broken(ref fault) if fault.seq == 3), "{sql}: {verdict:?}");
            db.tamper("UPDATE callbacks SET auth = 'none' WHERE seq = 2").await;
            assert_broken(&store, 2, &sql).await;
            restore(&db).await;
            db.tamper(&format!("{sql}; UPDATE callbacks SET kind = 'erasure' WHERE seq = 3")).await;
            assert_broken(&store, 3, &sql).await;
            restore(&db).await;
            assert_holds(&store, &sql).await;
        }
    }

    async fn bodies_that_are_too_large_together_are_read_a_few_at_a_time(db: Database) {
        let store = db.store().await;
        append(&store, &(0..7).map(|n| callback(&format!("id{n}")).padded(3 << 20).build()).collect::<Vec<_>>()).await;
        append(&store, &[callback("id7").padded(9 << 20).build(), callback("id8").build()]).await;
        let mut ends = vec![];
        while ends.last() != Some(&9) {
            ends.push(store.fitting(ends.last().map_or(1, |end| end + 1), 9).await.unwrap());
        }
        assert!(ends.is_sorted() && ends.len() >= 5 && ends.contains(&8), "{ends:?}");
        assert_eq!(assert_holds(&store, "nothing").await.seq, 9);
    }

    async fn rows_that_are_gone_or_too_many_are_found(db: Database) {
        let store = filled(&db).await;
        let cases = [
            (1, "DELETE FROM callbacks WHERE seq = 1"),
            (2, "DELETE FROM callbacks WHERE seq = 2"),
            (2, "DELETE FROM callbacks WHERE seq = 2; DELETE FROM profile_changes WHERE seq = 2"),
            (4, "DELETE FROM callbacks WHERE seq = 4"),
            (2, "UPDATE callbacks SET seq = 20 WHERE seq = 2"),
            (2, "DELETE FROM profile_changes WHERE seq = 2 AND ordinal = 0"),
            (2, "DELETE FROM profile_changes WHERE seq = 2 AND ordinal = 1"),
            (3, "DELETE FROM profile_changes WHERE seq = 3"),
            (3, "INSERT INTO profile_changes (seq, ordinal, tag, value) VALUES (3, 2, 'Tag_C', '1')"),
            (3, "INSERT INTO profile_changes (seq, ordinal, tag, value) VALUES (3, -1, 'Tag_C', '1')"),
            (5, "INSERT INTO profile_changes (seq, ordinal, tag, value) VALUES (7, 0, 'Tag_C', '1')"),
            (0, "INSERT INTO profile_changes (seq, ordinal, tag, value) VALUES (0, 0, 'Tag_C', '1')"),
            (1, "DELETE FROM callbacks"),
        ];
        for (seq, sql) in cases {
            db.tamper(sql).await;
            assert_broken(&store, seq, sql).await;
            restore(&db).await;
            assert_holds(&store, sql).await;
        }
    }

    async fn two_bodies_that_changed_places_are_found(db: Database) {
        let store = filled(&db).await;
        db.tamper("UPDATE callbacks SET body = (SELECT s.body FROM saved_callbacks s WHERE s.seq = 5 - callbacks.seq) WHERE seq IN (2, 3)").await;
        assert_broken(&store, 2, "swapped bodies").await;
    }

    async fn two_entries_that_changed_places_are_found(db: Database) {
        let store = filled(&db).await;
        db.tamper("UPDATE callbacks SET seq = 30 WHERE seq = 2; UPDATE callbacks SET seq = 2 WHERE seq = 3; UPDATE callbacks SET seq = 3 WHERE seq = 30").await;
        assert_broken(&store, 2, "swapped entries").await;
    }

    async fn an_entry_rewritten_with_a_right_digest_and_chain_is_found_at_the_next_one(db: Database) {
        let store = filled(&db).await;
        let (rows, _) = store.stored(1, 2).await.unwrap();
        let mut forged = rows[1].clone();
        forged.client_ip = Some("10.0.0.1".to_owned());
        forged.digest = digest_of(&forged).to_vec();
        let chain = chain_of(&rows[0].chain, &forged);
        let (digest, chain) = (blob(&db, &forged.digest), blob(&db, &chain));
        db.tamper(&format!("UPDATE callbacks SET client_ip = '10.0.0.1', digest = {digest}, chain = {chain} WHERE seq = 2")).await;
        assert_broken(&store, 3, "a forged entry").await;
    }

    async fn progress_reaches_the_end_and_an_empty_log_holds(db: Database) {
        let store = db.store().await;
        assert_eq!(assert_holds(&store, "nothing").await.seq, 0);
        append(&store, &(0..2500).map(|n| callback(&format!("id{n}")).build()).collect::<Vec<_>>()).await;
        let mut told = Vec::new();
        let verdict = verify::run(&store, verify::Plan::default(), |done, total| told.push((done, total))).await.unwrap();
        assert!(matches!(verdict, Verdict::Holds { head, .. } if head == Head { seq: 2500, ..head }));
        assert!(told.len() > 2 && told.is_sorted() && told.iter().all(|(_, total)| *total == 2500), "{told:?}");
        assert_eq!(told.last(), Some(&(2500, 2500)));
    }
}
