//! Reading the log: `changes`, `unreadable`, `verify`.

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::harness::db::{Database, on_both_stores};
use crate::harness::service::{Launch, Service, program};

async fn fill(service: &Service) {
    let post = async |app: i64, account: &str, operator: &str, time: i64, tag: &str, value: &str| {
        let body = json!({"From_Account": account, "Operator_Account": operator, "EventTime": time, "ProfileItem": [{"Tag": tag, "Value": value}]});
        service.callback().with("SdkAppid", app).body(body.to_string()).post().await.assert_ok(value);
    };
    post(1, "anna", "anna", 1000, "Nick", "one").await;
    post(1, "anna", "admin", 2000, "Nick", "two").await;
    post(1, "bert", "bert", 3000, "Nick", "three").await;
    post(2, "anna", "anna", 4000, "Gender", "four").await;
}

/// The new values of `changes --json` with these arguments.
fn values(service: &Service, arguments: &[&str]) -> Vec<Value> {
    let all: Vec<&str> = ["changes", "--json"].iter().chain(arguments).copied().collect();
    program::lines(&service.cli(&all)).iter().map(|change| change["new"].clone()).collect()
}

on_both_stores! {
    async fn changes_are_newest_first_and_each_filter_narrows_them(db: Database) {
        let service = Launch::on(&db).app(1, &[]).app(2, &[]).start().await;
        fill(&service).await;
        assert_eq!(values(&service, &[]), ["four", "three", "two", "one"]);
        assert_eq!(values(&service, &["--app", "1"]), ["three", "two", "one"]);
        assert_eq!(values(&service, &["--account", "anna"]), ["four", "two", "one"]);
        assert_eq!(values(&service, &["--operator", "admin"]), ["two"]);
        assert_eq!(values(&service, &["--tag", "Gender"]), ["four"]);
        assert_eq!(values(&service, &["--limit", "2"]), ["four", "three"]);
        assert_eq!(values(&service, &["--app", "1", "--account", "anna", "--limit", "1"]), ["two"]);
        assert_eq!(values(&service, &["--account", "nobody"]), [""; 0]);
        assert_eq!(values(&service, &["--account", "' OR 1=1 --"]), [""; 0]);
        let third = program::lines(&service.cli(&["changes", "--json", "--account", "bert"]))[0]["received_at"].as_str().expect("a time").to_owned();
        let since = values(&service, &["--since", &third]);
        assert!(since.contains(&json!("three")) && since.contains(&json!("four")), "since is inclusive: {since:?}");
        let until = values(&service, &["--until", &third]);
        assert!(!until.contains(&json!("three")) && !until.contains(&json!("four")), "until is exclusive: {until:?}");
        assert_eq!(values(&service, &["--since", "2999-01-01"]), [""; 0]);
        assert_eq!(values(&service, &["--until", "2999-01-01"]).len(), 4);
    }

    async fn changes_as_a_table_shows_who_changed_what_from_what_to_what(db: Database) {
        let service = Launch::on(&db).app(1, &[]).app(2, &[]).start().await;
        fill(&service).await;
        let output = service.cli(&["changes", "--app", "1", "--account", "anna"]);
        let table = program::stdout(&output);
        for heading in ["seq", "received", "app", "account", "by", "platform", "tag", "old", "new"] {
            assert!(table.contains(heading), "{heading} in\n{table}");
        }
        let row = table.lines().find(|line| line.contains("two")).expect("the newest");
        for cell in ["2.0", "anna", "admin", "iOS", "Nick", "\"one\"", "\"two\""] {
            assert!(row.contains(cell), "{cell} in {row}");
        }
        let row = table.lines().find(|line| line.contains("1.0")).expect("the oldest");
        assert!(row.contains("self") && !row.contains("two"), "{row}");
        let limited = service.cli(&["changes", "--limit", "2"]);
        assert!(program::stderr(&limited).contains("--limit"), "it says that there is more");
        let none = service.cli(&["changes", "--account", "nobody"]);
        assert_eq!(program::stdout(&none), "");
        assert!(program::stderr(&none).contains("no changes"), "{}", program::stderr(&none));
    }

    async fn hostile_text_does_nothing_in_a_terminal(db: Database) {
        let service = Service::start(&db).await;
        let hostile = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}\u{200b}\r\n\u{9b}31m";
        let body = json!({"From_Account": hostile, "Operator_Account": format!("x{hostile}"), "ProfileItem": [{"Tag": hostile, "Value": hostile}]});
        service.callback().with("OptPlatform", "\u{202e}evil").body(body.to_string()).post().await.assert_ok("recorded");
        service.callback().body(format!("not JSON {hostile}")).post().await.assert_fail(400, "unreadable");
        service.callback().with("CallbackCommand", hostile).body("{\"CallbackCommand\":1}").post().await.assert_fail(400, "command");
        for arguments in [&["changes"][..], &["unreadable"], &["verify"]] {
            let output = service.cli(arguments);
            let text = format!("{}{}", program::stdout(&output), program::stderr(&output));
            let bad = text.chars().find(|c| (c.is_control() && *c != '\n') || ['\u{202e}', '\u{200b}'].contains(c));
            assert_eq!(bad, None, "{arguments:?}: {text:?}");
        }
        assert!(program::stdout(&service.cli(&["changes"])).contains("\\u{1b}"), "it is shown, as its code");
    }

    async fn unreadable_shows_what_could_not_be_recorded_and_why(db: Database) {
        let service = Service::start(&db).await;
        let none = service.cli(&["unreadable"]);
        assert_eq!((program::stdout(&none).as_str(), program::stderr(&none).contains("nothing")), ("", true));
        service.callback().body("first").post().await.assert_fail(400, "not JSON");
        service.callback().body(vec![0xFF, 0x00, 0x7B]).post().await.assert_fail(400, "not UTF-8");
        let table = program::stdout(&service.cli(&["unreadable"]));
        assert!(table.contains("not a JSON object") && table.contains("first") && table.contains("1400000000"), "{table}");
        let lines = service.unreadable();
        assert_eq!(lines.len(), 2);
        assert_eq!((&lines[0]["body_base64"], lines[0].get("body")), (&json!("/wB7"), None), "bytes that are no text");
        assert_eq!((&lines[1]["body"], lines[1].get("body_base64")), (&json!("first"), None));
        assert_eq!(program::lines(&service.cli(&["unreadable", "--json", "--limit", "1"])), lines[..1]);
    }

    async fn reading_works_while_the_service_runs_and_after_it_stopped(db: Database) {
        let mut service = Service::start(&db).await;
        service.callback().post().await.assert_ok("recorded");
        assert_eq!((service.changes().len(), service.verified_entries()), (1, 1));
        service.terminate();
        assert!(service.ended().await.success());
        assert_eq!((service.changes().len(), service.verified_entries()), (1, 1));
    }

    async fn verify_names_the_first_row_that_does_not_hold_and_exits_1(db: Database) {
        let service = Launch::on(&db).app(1, &[]).app(2, &[]).start().await;
        fill(&service).await;
        let said = program::stdout(&service.cli(&["verify"]));
        assert!(said.starts_with("4 entries hold"), "{said}");
        let altered = [
            ("UPDATE profile_changes SET value = '\"forged\"' WHERE seq = 4", "entry 4", "item row 0"),
            ("UPDATE callbacks SET account = 'mallory' WHERE seq = 3", "entry 3", "digest"),
            ("DELETE FROM callbacks WHERE seq = 2", "entry 2", "missing"),
        ];
        for (sql, entry, what) in altered {
            assert_eq!(db.tamper(sql).await, 1, "{sql}");
            let output = service.cli(&["verify"]);
            let said = program::stderr(&output);
            assert_eq!(program::code(&output), 1, "{sql}: {said}");
            assert!(said.contains(entry) && said.contains(what), "{sql}: {said}");
            assert!(output.stdout.is_empty(), "{sql}");
        }
    }
}

#[test]
fn reading_commands_on_an_absent_store_name_the_absolute_path_and_make_nothing() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().canonicalize().expect("a path");
    for (url, resolved) in [
        (None, path.join("portraitd.db")),
        (Some("sqlite://other.db"), path.join("other.db")),
        (Some("sqlite://deep/down.db"), path.join("deep/down.db")),
    ] {
        let env: Vec<_> = url.map(|url| ("DATABASE_URL", url)).into_iter().collect();
        for arguments in [&["changes"][..], &["changes", "--json"], &["unreadable"], &["verify"]] {
            let output = program::run(folder.path(), &env, arguments);
            let said = program::stderr(&output);
            assert_eq!(program::code(&output), 1, "{arguments:?}: {said}");
            assert!(said.contains(&resolved.display().to_string()), "{arguments:?}: {} in {said}", resolved.display());
            assert!(output.stdout.is_empty(), "{arguments:?}");
        }
    }
    assert_eq!(std::fs::read_dir(&path).expect("a folder").count(), 0, "nothing was made");
}

#[tokio::test]
async fn reading_commands_do_not_migrate_a_database_that_holds_no_log() {
    let db = Database::postgres().await;
    let folder = tempdir().expect("a folder");
    for command in ["changes", "unreadable", "verify"] {
        let output = program::run(folder.path(), &[("DATABASE_URL", &db.url())], &[command]);
        assert_eq!(program::code(&output), 1, "{command}: {}", program::stderr(&output));
        assert!(program::stderr(&output).contains("migrate"), "{command}: {}", program::stderr(&output));
    }
    assert_eq!(db.count("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").await, 0);
}
