//! An export of the whole log, and the program in another language that checks it.

use std::path::Path;

use portraitd::store::Store;
use portraitd::store::erasure::Whom;
use serde_json::Value;

use super::verify_py;
use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{APP, NICK, RECEIVED, append, callback};
use crate::harness::proof::{chain_of, digest_of};
use crate::harness::service::{Service, program};

/// 1 whole, 2 erased whole, 3 of somebody whose operator was erased, 4 the erasure of 2 and 3, 5 whole.
async fn filled(db: &Database) -> Store {
    let store = db.store().await;
    let of = |account: &str, operator: &str| {
        callback(account).operator(operator).nick(account).item("Tag_B", "[1.0,{\"b\":null}]").build()
    };
    append(&store, &[of("id1", "admin"), of("zoe", "zoe"), of("id3", "zoe")]).await;
    let whom = Whom { app: APP, account: "zoe".to_owned(), as_operator: true };
    while store.erase(&whom, RECEIVED).await.expect("it is erased").entries > 0 {}
    append(&store, &[callback("id5\u{2028}").without_event_time().item(NICK, "\"\\ud800\"").build()]).await;
    for table in ["callbacks", "profile_changes"] {
        db.execute(&format!("CREATE TABLE saved_{table} AS SELECT * FROM {table}")).await;
    }
    store
}

fn export(db: &Database) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let output = program::run(folder.path(), &[("DATABASE_URL", &db.url())], &["export", "--format", "proof"]);
    assert_eq!(program::code(&output), 0, "{}", program::stderr(&output));
    output.stdout
}

#[track_caller]
fn assert_found(export: &[u8], heads: Option<&Path>, seq: i64, what: &str) {
    let output = verify_py(export, heads);
    let said = program::stderr(&output);
    assert!(program::code(&output) == 1 && output.stdout.is_empty(), "{what}: not found: {said}");
    assert!(said.starts_with(&format!("the log does not hold: entry {seq}: ")), "{what}: {said}");
}

on_both_stores! {
    async fn another_program_finds_in_the_export_what_verify_finds_in_the_log(db: Database) {
        filled(&db).await;
        let folder = tempfile::tempdir().expect("a folder");
        let ours = program::run(folder.path(), &[("DATABASE_URL", &db.url())], &["verify"]);
        let theirs = verify_py(&export(&db), None);
        assert_eq!(program::stdout(&theirs), program::stdout(&ours), "{}", program::stderr(&theirs));
        let later = if db.is_postgres() { "+ interval '1 millisecond'" } else { "+ 1" };
        let blob = |text: &str| if db.is_postgres() { format!("'{text}'::bytea") } else { format!("CAST('{text}' AS BLOB)") };
        for (seq, sql) in [
            (1, format!("UPDATE callbacks SET received_at = received_at {later} WHERE seq = 1")),
            (1, "UPDATE callbacks SET sdk_app_id = 7 WHERE seq = 1".to_owned()),
            (1, "UPDATE callbacks SET auth = 'none' WHERE seq = 1".to_owned()),
            (1, "UPDATE callbacks SET client_ip = NULL WHERE seq = 1".to_owned()),
            (1, format!("UPDATE callbacks SET body = {} WHERE seq = 1", blob("{}"))),
            (1, "UPDATE callbacks SET body = NULL WHERE seq = 1".to_owned()),
            (1, "UPDATE profile_changes SET value = '[1,{\"b\":null}]' WHERE seq = 1 AND ordinal = 1".to_owned()),
            (1, "DELETE FROM profile_changes WHERE seq = 1 AND ordinal = 1".to_owned()),
            (1, "INSERT INTO profile_changes (seq, ordinal, tag, value) VALUES (1, 2, 'Tag_C', '1')".to_owned()),
            (1, "DELETE FROM callbacks WHERE seq = 1".to_owned()),
            (2, "DELETE FROM callbacks WHERE seq = 2".to_owned()),
            (2, "UPDATE callbacks SET operator = 'a' WHERE seq = 2".to_owned()),
            (2, "UPDATE callbacks SET account = 'a' WHERE seq = 2".to_owned()),
            (2, "UPDATE profile_changes SET value = '1' WHERE seq = 2 AND ordinal = 0".to_owned()),
            (2, format!("UPDATE callbacks SET body = {} WHERE seq = 2", blob("{}"))),
            (2, "DELETE FROM callbacks WHERE seq >= 4".to_owned()),
            (2, format!("UPDATE callbacks SET body = {} WHERE seq = 4", blob("{\"erased\":[]}"))),
            (3, "UPDATE profile_changes SET tag = 'Tag_X' WHERE seq = 3 AND ordinal = 0".to_owned()),
            (3, "UPDATE callbacks SET account = NULL WHERE seq = 3".to_owned()),
            (4, "UPDATE callbacks SET account = 'a' WHERE seq = 4".to_owned()),
            (5, "UPDATE callbacks SET receipt_id = digest WHERE seq = 5".to_owned()),
            (5, "UPDATE callbacks SET event_time = received_at WHERE seq = 5".to_owned()),
        ] {
            assert!(db.tamper(&sql).await > 0, "{sql}");
            let found = if sql.contains("WHERE seq = 4") && sql.contains("account") { 2 } else { seq };
            assert_found(&export(&db), None, found, &sql);
            for table in ["callbacks", "profile_changes"] {
                db.tamper(&format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM saved_{table}")).await;
            }
        }
        assert_eq!(program::stdout(&verify_py(&export(&db), None)), program::stdout(&ours), "as it was");
    }

    async fn a_log_that_was_cut_or_written_anew_is_found_with_a_head_that_was_noted(db: Database) {
        let store = filled(&db).await;
        let (folder, whole) = (tempfile::tempdir().expect("a folder"), export(&db));
        let heads = folder.path().join("heads.jsonl");
        let head = store.head().await.expect("a head");
        std::fs::write(&heads, format!("{{\"seq\":5,\"chain\":\"{}\",\"at\":\"\"}}\n", hex::encode(head.chain))).expect("written");
        assert_eq!(program::code(&verify_py(&whole, Some(&heads))), 0);
        let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        let cut = lines[..4].concat();
        assert_eq!(program::code(&verify_py(&cut, None)), 0, "nothing shows it without a head");
        assert_found(&cut, Some(&heads), 5, "cut");

        let (rows, _) = store.stored(4, 5).await.expect("rows");
        let mut forged = rows[1].clone();
        forged.client_ip = Some("10.0.0.1".to_owned());
        forged.digest = digest_of(&forged).to_vec();
        let text = String::from_utf8(whole.clone()).expect("text");
        let before = text.rfind("\n{").expect("the last line");
        let last = text[before..].replace("127.0.0.1", "10.0.0.1").replace(&hex::encode(&rows[1].digest), &hex::encode(&forged.digest));
        let last = last.replace(&hex::encode(head.chain), &hex::encode(chain_of(&rows[0].chain, &forged)));
        let anew = format!("{}{last}", &text[..before]);
        assert_eq!(program::code(&verify_py(anew.as_bytes(), None)), 0, "nothing shows it without a head");
        assert_found(anew.as_bytes(), Some(&heads), 5, "written anew");

        let swapped = [lines[0], lines[2], lines[1], lines[3], lines[4]].concat();
        assert_found(&swapped, None, 2, "two lines that changed places");
        assert_found(&whole[..whole.len() - 20], None, 5, "a line that was cut");
        assert_found(&[lines[0], lines[1], b"{}\n", lines[3], lines[4]].concat(), None, 3, "not an entry");
        assert_found(&lines[3..].concat(), None, 1, "without its beginning");
    }

    async fn what_any_client_can_put_into_a_body_holds(db: Database) {
        let service = Service::start(&db).await;
        let item = r#"[{"Tag":"T","Value":{"a":1e5,"a":-0.0,"é":"\u00e9\/\ud83d"}},{"Tag":"U"},{"Value":[ ],"Tag":"V","x":1}]"#;
        for (operator, time) in [
            (r#""o""#, "1"), ("7", "-0"), (r#""""#, "-1"), (r#""\u0000""#, "1.0"), (r#""\ud800""#, r#""0007""#),
            ("null", r#""-7""#), ("[]", "1e3"), ("{}", "253402300800000"), ("true", r#"" 1""#), (r#""é""#, "[1]"),
            (r#""o""#, &format!("\"{}\"", "0".repeat(5000))), (r#""o""#, &"9".repeat(5000)),
        ] {
            let body = format!("\u{feff}{{\"From_Account\":\"a\\u00e9\", \"Operator_Account\":{operator},\"EventTime\":{time},\"x\":1,\"x\":2,\"ProfileItem\":{item}}}");
            service.callback().body(body).post().await.assert_ok(time);
        }
        let theirs = verify_py(&export(&db), None);
        assert_eq!(program::stdout(&theirs), program::stdout(&service.cli(&["verify"])), "{}", program::stderr(&theirs));
    }

    async fn it_is_of_the_whole_log_and_its_file_appears_when_it_is_whole(db: Database) {
        let store = db.store().await;
        append(&store, &(0..600).map(|n| callback(&format!("id{n}")).nick("x").build()).collect::<Vec<_>>()).await;
        let service = Service::start(&db).await;
        let file = service.path("proof.ndjson");
        let output = service.cli(&["export", "--format", "proof", "--output", file.to_str().expect("text")]);
        let said = program::stderr(&output);
        assert!(said.lines().last().is_some_and(|line| line.starts_with("600 entries, whole up to entry 600 in ")), "{said}");
        let text = std::fs::read_to_string(&file).expect("it is there");
        let seqs: Vec<i64> = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["seq"].as_i64().expect("a number")).collect();
        assert_eq!(seqs, (1..=600).collect::<Vec<_>>());
        for (flag, value) in [("--account", "id1"), ("--since", "2026-01-01"), ("--limit", "5")] {
            let output = service.cli(&["export", "--format", "proof", flag, value]);
            let said = program::stderr(&output);
            assert_eq!((program::code(&output), output.stdout.len()), (2, 0), "{flag}: {said}");
            assert!(said.contains(flag) && said.contains("a chain has no holes"), "{flag}: {said}");
        }
    }
}
