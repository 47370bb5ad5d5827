//! `erase`, as whoever answers a person's request meets it.

use serde_json::{Value, json};

use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::service::{APP, Launch, Service, program};

async fn post(service: &Service, account: &str, operator: &str, nick: &str) {
    let body =
        json!({"From_Account": account, "Operator_Account": operator, "ProfileItem": [{"Tag": "Nick", "Value": nick}]});
    service.callback().body(body.to_string()).post().await.assert_ok(nick);
}

fn erase(service: &Service, arguments: &[&str]) -> (i32, String, String) {
    let app = APP.to_string();
    let output = service.cli(&[&["erase", "--app", &app], arguments].concat());
    (program::code(&output), String::from_utf8_lossy(&output.stdout).into_owned(), program::stderr(&output))
}

fn changes(service: &Service) -> Vec<Value> {
    program::lines(&service.cli(&["changes", "--json"]))
}

on_both_stores! {
    async fn a_person_is_erased_while_the_service_runs(db: Database) {
        let service = Launch::on(&db).toml("[[handlers]]\nname = \"trace\"\nkind = \"log\"").start().await;
        post(&service, "zoe", "zoe", "sesame").await;
        post(&service, "bert", "zoe", "by zoe").await;
        post(&service, "bert", "bert", "own").await;
        eventually("the handler is through", async || service.says_times("profile change", 3).await.contains("trace")).await;

        let (code, said, notes) = erase(&service, &["--account", "zoe"]);
        assert_eq!((code, said.as_str()), (0, "1 entries erased, 0 unreadable bodies dropped\n"), "{notes}");
        assert!(notes.contains("backups") && notes.contains("handlers"), "{notes}");
        let (code, said, _) = erase(&service, &["--account", "zoe", "--as-operator"]);
        assert_eq!((code, said.as_str()), (0, "1 entries erased, 0 unreadable bodies dropped\n"));
        assert_eq!(erase(&service, &["--account", "zoe"]).1, "0 entries erased, 0 unreadable bodies dropped\n");

        post(&service, "zoe", "zoe", "back again").await;
        let shown = changes(&service);
        let seqs: Vec<_> = shown.iter().map(|change| change["seq"].as_i64().expect("a number")).collect();
        assert_eq!(seqs, [6, 3, 2, 1], "4 and 5 are the erasures");
        assert_eq!((&shown[3]["erased"], &shown[3]["account"], &shown[3]["tag"]), (&json!(true), &json!(null), &json!("Nick")));
        assert_eq!((&shown[2]["new"], &shown[2]["operator"]), (&json!("by zoe"), &json!(null)));
        assert_eq!(shown[1]["old"], "by zoe");
        assert_eq!(shown[0].get("old"), None, "what is erased was never there");
        let table = program::stdout(&service.cli(&["changes"]));
        assert!(table.contains("(erased)") && table.matches("self").count() == 2, "{table}");
        let csv = program::stdout(&service.cli(&["export", "--format", "csv"]));
        assert!(!csv.contains("sesame") && csv.contains("back again"), "{csv}");
        eventually("the handler sees what comes after", async || service.says_times("profile change", 4).await.contains("trace")).await;
        assert_eq!(service.verified_entries(), 6);
        let who = db.texts("SELECT action || ' ' || target FROM access_log WHERE action = 'erase' ORDER BY id").await;
        assert_eq!(who, ["erase *"; 3], "that somebody was erased is recorded, not who");
    }

    async fn nonsense_is_refused(db: Database) {
        let service = Launch::on(&db).start().await;
        post(&service, "zoe", "zoe", "sesame").await;
        assert_eq!(erase(&service, &["--account", ""]).0, 1);
        assert_eq!(erase(&service, &[]).0, 2);
        assert_eq!(program::code(&service.cli(&["erase", "--account", "zoe"])), 2);
        assert_eq!(program::code(&service.cli(&["verify", "--from", "0"])), 2);
        assert_eq!(program::code(&service.cli(&["verify", "--from", "2", "--to", "1"])), 1);
        assert_eq!(program::code(&service.cli(&["verify", "--head", "/nonexistent"])), 1);
        assert_eq!(changes(&service)[0]["new"], "sesame");
    }
}

#[tokio::test]
async fn a_head_that_was_noted_is_held_against_the_log() {
    let db = Database::sqlite().await;
    let service = Launch::on(&db).start().await;
    post(&service, "zoe", "zoe", "sesame").await;
    let noted = tempfile::NamedTempFile::new().expect("a file");
    let file = noted.path().to_str().expect("a path");
    std::fs::write(noted.path(), program::stdout(&service.cli(&["verify"]))).expect("written");
    post(&service, "zoe", "zoe", "later").await;
    assert!(program::stdout(&service.cli(&["verify", "--head", file])).starts_with("2 entries hold"));
    let chain = "ab".repeat(32);
    std::fs::write(noted.path(), format!("{{\"at\":\"2026-01-01T00:00:00.000Z\",\"seq\":1,\"chain\":\"{chain}\"}}\n"))
        .expect("written");
    let output = service.cli(&["verify", "--head", file]);
    assert_eq!(program::code(&output), 1);
    assert!(
        program::stderr(&output).contains("entry 1: its chain is not the one that was noted"),
        "{}",
        program::stderr(&output)
    );
}
