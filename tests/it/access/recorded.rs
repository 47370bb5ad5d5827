//! Reading is recorded before anything is shown, through the API and on the command line; what cannot be recorded is not shown.

use serde_json::Value;
use tempfile::tempdir;

use super::{access_log, ask, launch};
use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::service::{Launch, Service, program};

const DEAD_LETTERS: &str = "/api/v1/handlers/broken/dead-letters";

/// The API's routes that show people's data.
const READS: [&str; 8] = [
    DEAD_LETTERS,
    "/api/v1/changes",
    "/api/v1/changes/stream",
    "/api/v1/changes/export",
    "/api/v1/callbacks/1",
    "/api/v1/accounts/id1/profile",
    "/api/v1/unreadable",
    "/api/v1/proof/1",
];

/// The program's commands that show people's data.
const READING: [&[&str]; 7] = [
    &["changes"],
    &["changes", "--json"],
    &["tail"],
    &["export"],
    &["export", "--format", "proof"],
    &["unreadable"],
    &["handlers", "dead-letters", "broken"],
];

/// A service with a dead letter and an unreadable body.
async fn filled(launch: Launch) -> Service {
    let service = launch.start().await;
    service.callback().post().await.assert_ok("a callback");
    service.callback().body("secret body").post().await.assert_fail(400, "not JSON");
    eventually("it is a dead letter", async || {
        let output = service.cli(&["handlers", "--json"]);
        output.status.success() && program::lines(&output).iter().any(|handler| handler["dead_letters"] == 1)
    })
    .await;
    service
}

/// Nobody may add to the access log any more.
async fn close(db: &Database) {
    db.execute(if db.is_postgres() {
        "CREATE FUNCTION closed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''closed''; END';
         CREATE TRIGGER closed BEFORE INSERT ON access_log FOR EACH ROW EXECUTE FUNCTION closed()"
    } else {
        "CREATE TRIGGER closed BEFORE INSERT ON access_log BEGIN SELECT RAISE(ABORT, 'closed'); END"
    })
    .await;
}

on_both_stores! {
    async fn reading_through_the_api_is_recorded_under_the_tokens_name(db: Database) {
        let service = filled(launch(&db)).await;
        let by = [("authorization", "Bearer reader!")];
        for query in ["", "?limit=1", "?limit=1&cursor=0"] {
            let said = ask(&service, "GET", &format!("{DEAD_LETTERS}{query}"), &by).await;
            assert_eq!((said.status, &said.json["items"][0]["account"]), (200, &Value::from("id1")), "{query}");
        }
        assert_eq!(ask(&service, "GET", "/api/v1/handlers", &by).await.status, 200, "nobody's data");
        ask(&service, "GET", &format!("{DEAD_LETTERS}?limit=0"), &by).await.assert_problem(400, "nothing was shown");
        let expected = ["from 127.0.0.1", "limit=1 from 127.0.0.1", "limit=1&cursor=0 from 127.0.0.1"];
        assert_eq!(access_log(&db).await, expected.map(|details| format!("reader | handlers.read | broken | {details}")));
    }

    async fn each_way_to_read_has_its_name_and_the_account_is_the_target(db: Database) {
        let service = filled(launch(&db)).await;
        let by = [("authorization", "Basic bWU6cmVhZGVyIQ==")];
        for path in ["changes?account=id1&limit=2", "changes", "changes/export?account=id1", "callbacks/1", "accounts/id1/profile", "unreadable", "proof/1?through=1", "proof/head"] {
            let said = ask(&service, "GET", &format!("/api/v1/{path}"), &by).await;
            assert_eq!(said.status, 200, "{path}: {}", said.json);
        }
        let stream = service.http.get(format!("{}/api/v1/changes/stream?cursor=0.0", service.private_url));
        assert_eq!(stream.bearer_auth("reader!").send().await.expect("an answer").status(), 200);
        ask(&service, "GET", "/api/v1/callbacks/99", &by).await.assert_problem(404, "nothing was shown");
        let expected = [
            "changes.read | id1 | account=id1&limit=2 ", "changes.read | * | ", "changes.export | id1 | account=id1 ",
            "callback.read | id1 | seq=1 ", "profile.read | id1 | ", "unreadable.read | * | ", "proof.read | id1 | seq=1&through=1 ", "changes.stream | * | cursor=0.0 ",
        ];
        assert_eq!(access_log(&db).await, expected.map(|line| format!("reader | {line}from 127.0.0.1")));
    }

    async fn without_tokens_whoever_reads_is_anonymous(db: Database) {
        let handler = "[[handlers]]\nname = \"broken\"\nkind = \"exec\"\ncommand = [\"/bin/false\"]\nretry_secs = []";
        let service = filled(Launch::on(&db).toml(handler)).await;
        assert_eq!(ask(&service, "GET", DEAD_LETTERS, &[]).await.status, 200);
        assert_eq!(access_log(&db).await, ["anonymous | handlers.read | broken | from 127.0.0.1"]);
    }

    async fn reading_on_the_command_line_is_recorded_under_the_system_users_name(db: Database) {
        let service = filled(launch(&db)).await;
        let url = service.database_url();
        let run = |arguments: &[&str]| {
            let output = program::run(service.folder(), &[("DATABASE_URL", url), ("USER", "小明")], arguments);
            assert_eq!(program::code(&output), 0, "{arguments:?}: {}", program::stderr(&output));
        };
        run(&["changes", "--account", "id1", "--since", "2026-01-01", "--limit", "7"]);
        run(&["changes", "--operator", "a&b\n", "--app", "1", "--json"]);
        run(&["unreadable"]);
        run(&["export", "--account", "id1"]);
        run(&["handlers", "dead-letters", "broken", "--limit", "2"]);
        for nobodys in [&["handlers"][..], &["verify"], &["config"], &["changes", "--help"]] {
            run(nobodys);
        }
        let expected = [
            "changes.read | id1 | account=id1&since=2026-01-01T00%3A00%3A00.000Z&limit=7",
            "changes.read | * | app=1&operator=a%26b%0A&limit=50",
            "unreadable.read | * | limit=20",
            "changes.export | id1 | account=id1",
            "handlers.read | broken | limit=2",
        ];
        assert_eq!(access_log(&db).await, expected.map(|line| format!("小明 (command line) | {line}")));
        let output = program::run(service.folder(), &[("DATABASE_URL", url), ("SUDO_USER", "anna"), ("USER", "root")], &["unreadable"]);
        assert_eq!(program::code(&output), 0);
        assert!(access_log(&db).await[5].starts_with("anna (command line) | "), "who it was before sudo");
    }

    async fn a_read_that_cannot_be_recorded_is_refused(db: Database) {
        let service = filled(launch(&db)).await;
        close(&db).await;
        let by = [("authorization", "Bearer reader!")];
        for path in READS {
            let said = ask(&service, "GET", path, &by).await;
            let detail = said.assert_problem(503, path);
            assert_eq!(detail, "the read could not be recorded, so it is refused", "{path}");
        }
        assert!(service.says("a read was refused").await.contains("closed"), "the log says why");
        for arguments in READING {
            let output = service.cli(arguments);
            let said = program::stderr(&output);
            assert_eq!((program::code(&output), output.stdout.len()), (1, 0), "{arguments:?}: {said}");
            assert!(said.contains("reading is recorded in access_log") && said.contains("closed"), "{arguments:?}: {said}");
            assert!(!said.contains("secret body"), "{arguments:?}: {said}");
        }
        assert!(access_log(&db).await.is_empty());
        assert_eq!(ask(&service, "GET", "/api/v1/handlers", &by).await.status, 200, "nobody's data");
        assert_eq!(service.verified_entries(), 1, "nor is this");
        service.callback().account("id2").post().await.assert_ok("callbacks do not depend on it");
    }

    async fn an_account_that_no_log_could_hold_is_recorded_all_the_same(db: Database) {
        let store = db.store().await;
        let row = portraitd::store::Access { who: "me", action: "changes.read", target: "a\0b", details: Some("account=a%00b\0") };
        store.record_access(row).await.expect("it is recorded");
        assert_eq!(access_log(&db).await, ["me | changes.read | a\u{fffd}b | account=a%00b\u{fffd}"]);
    }
}

#[tokio::test]
async fn a_read_only_file_is_not_read_on_the_command_line() {
    let db = Database::sqlite().await;
    let mut service = filled(launch(&db)).await;
    service.terminate();
    assert!(service.ended().await.success());
    program::set_mode(&db.path(), 0o444);
    let (folder, url) = (tempdir().expect("a folder"), db.url());
    for arguments in READING {
        let output = program::run_bound_by_rights(folder.path(), &[("DATABASE_URL", &url)], arguments);
        let said = program::stderr(&output);
        assert_eq!((program::code(&output), output.stdout.len()), (1, 0), "{arguments:?}: {said}");
        assert!(
            said.contains("reading is recorded in access_log") && said.contains("readonly"),
            "{arguments:?}: {said}"
        );
    }
    program::set_mode(&db.path(), 0o644);
    assert!(access_log(&db).await.is_empty());
}
