//! Verification after an erasure: what was erased is told from what was altered.

use portraitd::store::erasure::Whom;
use portraitd::store::{NewEntry, Store};

use super::verify::{assert_broken, assert_holds, blob, restore, save};
use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{APP, RECEIVED, append, callback};
use crate::harness::proof::{chain_of, digest_of};

async fn erase(store: &Store, account: &str, as_operator: bool) {
    let whom = Whom { app: APP, account: account.to_owned(), as_operator };
    while store.erase(&whom, RECEIVED).await.unwrap().entries > 0 {}
}

fn entry(account: &str) -> NewEntry {
    callback(account).operator("admin").nick(account).item("Tag_B", "2").build()
}

/// 1 whole, 2 erased whole, 3 of somebody whose operator was erased, 4 the erasure of 2 and 3, 5 whole.
async fn filled(db: &Database) -> Store {
    let store = db.store().await;
    let own = callback("zoe").nick("zoe").item("Tag_B", "2").build();
    append(&store, &[entry("id1"), own, callback("id3").operator("zoe").nick("id3").item("Tag_B", "2").build()]).await;
    erase(&store, "zoe", true).await;
    append(&store, &[entry("id5")]).await;
    assert_eq!(assert_holds(&store, "an erasure").await.seq, 5);
    save(db).await;
    store
}

/// Alters, is found at the entry, and is as before.
async fn found(db: &Database, store: &Store, seq: i64, sql: &str) {
    assert!(db.tamper(sql).await > 0, "{sql}");
    assert_broken(store, seq, sql).await;
    restore(db).await;
    assert_holds(store, sql).await;
}

on_both_stores! {
    async fn altering_any_column_of_an_erased_entry_is_found_at_that_entry(db: Database) {
        let store = filled(&db).await;
        let millisecond = if db.is_postgres() { "interval '1 millisecond'" } else { "1" };
        let (hash, id) = (blob(&db, &[1; 32]), blob(&db, &[1; 16]));
        for (column, value) in [
            ("received_at", format!("received_at + {millisecond}")),
            ("event_time", format!("event_time + {millisecond}")),
            ("event_time", "NULL".to_owned()),
            ("effective_time", format!("effective_time + {millisecond}")),
            ("sdk_app_id", "sdk_app_id + 1".to_owned()),
            ("kind", "'erasure'".to_owned()),
            ("auth", "'none'".to_owned()),
            ("account", "'somebody'".to_owned()),
            ("operator", "'somebody'".to_owned()),
            ("client_ip", "'127.0.0.1'".to_owned()),
            ("platform", "'iOS'".to_owned()),
            ("receipt_id", id.clone()),
            ("salt", id),
            ("digest", hash.clone()),
            ("chain", hash),
            ("body", blob(&db, b"{}")),
        ] {
            for seq in [2, 3] {
                found(&db, &store, seq, &format!("UPDATE callbacks SET {column} = {value} WHERE seq = {seq}")).await;
            }
        }
        found(&db, &store, 3, "UPDATE callbacks SET account = NULL WHERE seq = 3").await;
        for seq in [2, 3] {
            for change in ["tag = 'Tag_X'", "value = '1'", "ordinal = 7"] {
                found(&db, &store, seq, &format!("UPDATE profile_changes SET {change} WHERE seq = {seq} AND ordinal = 1")).await;
            }
            found(&db, &store, seq, &format!("DELETE FROM profile_changes WHERE seq = {seq} AND ordinal = 1")).await;
            found(&db, &store, seq, &format!("INSERT INTO profile_changes (seq, ordinal, tag) VALUES ({seq}, 2, 'Tag_C')")).await;
            found(&db, &store, seq, &format!("DELETE FROM callbacks WHERE seq = {seq}")).await;
        }
    }

    async fn a_null_body_without_an_erasure_and_an_altered_erasure_are_found(db: Database) {
        let store = filled(&db).await;
        let all_null = "salt = NULL, account = NULL, operator = NULL, client_ip = NULL, platform = NULL, body = NULL";
        found(&db, &store, 1, "UPDATE callbacks SET body = NULL WHERE seq = 1").await;
        found(&db, &store, 5, &format!("UPDATE callbacks SET {all_null} WHERE seq = 5")).await;
        // Without its erasure, what it names is what is found first.
        let (entries, _) = store.stored(4, 4).await.unwrap();
        let body = String::from_utf8(entries[0].body.clone().unwrap()).unwrap();
        for (body, why) in [(body.replace("\"seq\":3", "\"seq\":1"), "another entry"), (body.replace("\"seq\":2", "\"seq\":9"), "what comes later"), ("{}".to_owned(), "nothing")] {
            let sql = format!("UPDATE callbacks SET body = {} WHERE seq = 4", blob(&db, body.as_bytes()));
            db.tamper(&sql).await;
            assert_broken(&store, 2, why).await;
            restore(&db).await;
        }
        found(&db, &store, 2, "DELETE FROM callbacks WHERE seq = 4").await;
        found(&db, &store, 2, "UPDATE callbacks SET kind = 'callback' WHERE seq = 4").await;
    }

    async fn a_forged_erasure_is_found_where_its_chain_does_not_follow(db: Database) {
        let store = filled(&db).await;
        erase(&store, "id5", false).await;
        let (mut entries, _) = store.stored(5, 6).await.unwrap();
        let (fifth, mut forged) = (entries.remove(0), entries.remove(0));
        forged.receipt_id = vec![1; 16];
        forged.digest = digest_of(&forged).to_vec();
        let wrong = chain_of(&forged.chain, &forged);
        db.tamper(&format!("UPDATE callbacks SET receipt_id = {}, chain = {} WHERE seq = 6", blob(&db, &[1; 16]), blob(&db, &wrong))).await;
        assert_broken(&store, 6, "an erasure that was appended by hand").await;
        // With a chain that follows it is what portraitd erase does: only a head that was noted before tells.
        let right = chain_of(&fifth.chain, &forged);
        db.tamper(&format!("UPDATE callbacks SET chain = {} WHERE seq = 6", blob(&db, &right))).await;
        assert_holds(&store, "a chain that follows").await;
    }

    async fn what_an_erasure_names_must_not_be_there(db: Database) {
        let store = filled(&db).await;
        let (entries, _) = store.stored(5, 5).await.unwrap();
        erase(&store, "id5", false).await;
        let body = blob(&db, entries[0].body.as_deref().unwrap());
        db.tamper(&format!("UPDATE callbacks SET body = {body}, account = 'id5', salt = {} WHERE seq = 5", blob(&db, entries[0].salt.as_deref().unwrap()))).await;
        assert_broken(&store, 5, "it came back from a backup").await;
    }
}
