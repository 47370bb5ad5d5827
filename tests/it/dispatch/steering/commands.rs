//! `portraitd handlers`: what it prints, its exit codes, while the service runs and while it does not.

use serde_json::json;
use tempfile::tempdir;

use super::backend::Backend;
use super::{access_log, failed, handler, handlers, until};
use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::service::{APP, Launch, Service, program};

/// Runs `handlers …`, which has to go well and to say so on stderr only.
#[track_caller]
fn orders(service: &Service, arguments: &[&str]) -> String {
    let output = service.cli(&[&["handlers"], arguments].concat());
    assert_eq!(program::stdout(&output), "", "{arguments:?}");
    program::stderr(&output)
}

/// Runs `handlers …`, which has to fail with this exit code.
#[track_caller]
fn fails(service: &Service, code: i32, arguments: &[&str]) -> String {
    let output = service.cli(&[&["handlers"], arguments].concat());
    assert_eq!(program::code(&output), code, "{arguments:?}: {}", program::stderr(&output));
    assert!(output.stdout.is_empty(), "{arguments:?}");
    program::stderr(&output)
}

on_both_stores! {
    async fn handlers_are_shown_as_a_table_and_as_json(db: Database) {
        let backend = Backend::start().await;
        let service = failed(&db, &backend, "").await;
        let table = program::stdout(&service.cli(&["handlers"]));
        for column in ["handler", "state", "position", "behind", "waiting", "dead", "owner"] {
            assert!(table.lines().any(|line| line.contains(column)), "{column} in\n{table}");
        }
        let lines: Vec<&str> = table.lines().collect();
        let (first, second) = (lines.iter().position(|l| l.contains("backend")), lines.iter().position(|l| l.contains("trace")));
        assert!(first.is_some() && first < second, "by name:\n{table}");

        eventually("trace is at the end, too", async || handler(&service, "trace").is_some_and(|h| h["lag"] == 0)).await;
        let shown = program::lines(&service.cli(&["handlers", "--json"]));
        assert_eq!(shown.len(), 2);
        let backend = &shown[0];
        let expected = json!({
            "name": "backend", "state": "running", "position": 3, "head": 3, "lag": 0, "lag_seconds": 0, "waiting": 0,
            "parked_accounts": 0, "dead_letters": 3, "stalled_at": null, "owner": backend["owner"], "epoch": 1,
        });
        assert_eq!(backend, &expected);
        assert!(backend["owner"].as_str().is_some_and(|owner| owner.contains(&format!("/{}/", service.pid()))), "{backend}");
    }

    async fn dead_letters_are_shown_oldest_first_with_why(db: Database) {
        let backend = Backend::start().await;
        let service = failed(&db, &backend, "").await;
        let shown = program::lines(&service.cli(&["handlers", "dead-letters", "backend", "--json"]));
        let logged = service.changes();
        for (letter, seq) in shown.iter().zip(1..) {
            let expected = json!({
                "seq": seq, "app": APP, "account": "id1", "attempts": 1, "since": letter["since"],
                "received_at": logged[3 - seq]["received_at"], "error": "it answered 500 Internal Server Error",
            });
            assert_eq!(letter, &expected);
        }
        assert_eq!(shown.len(), 3);
        let limited = program::lines(&service.cli(&["handlers", "dead-letters", "backend", "--json", "--limit", "2"]));
        assert_eq!(limited, shown[..2]);
        let table = program::stdout(&service.cli(&["handlers", "dead-letters", "backend"]));
        assert!(table.contains("id1") && table.contains("it answered 500"), "{table}");
        let output = service.cli(&["handlers", "dead-letters", "trace"]);
        assert_eq!((program::stdout(&output).as_str(), program::stderr(&output).trim()), ("", "trace has no dead letters"));
    }

    async fn retry_rewind_pause_and_resume_do_what_they_say_and_are_recorded(db: Database) {
        let backend = Backend::start().await;
        let service = failed(&db, &backend, "").await;
        backend.says(200);
        assert!(orders(&service, &["retry", "backend", "2"]).contains("1 dead letter of backend is tried again"));
        until(&service, "one of three works", |backend| backend["dead_letters"] == 2 && backend["waiting"] == 0).await;
        let letters = program::lines(&service.cli(&["handlers", "dead-letters", "backend", "--json"]));
        assert_eq!(letters.iter().map(|letter| letter["seq"].as_i64()).collect::<Vec<_>>(), [Some(1), Some(3)]);
        assert!(fails(&service, 1, &["retry", "backend", "2"]).contains("backend has no such dead letter"));
        assert!(orders(&service, &["retry", "backend", "--all"]).contains("2 dead letters of backend are tried again"));
        until(&service, "all work", |backend| backend["dead_letters"] == 0 && backend["waiting"] == 0).await;
        assert!(fails(&service, 1, &["retry", "backend", "--all"]).contains("no such dead letter"));

        assert!(orders(&service, &["pause", "backend"]).contains("portraitd handlers resume backend"));
        until(&service, "it is paused", |backend| backend["state"] == "paused").await;
        assert!(orders(&service, &["resume", "backend"]).contains("goes on"));
        until(&service, "it is not paused", |backend| backend["state"] == "running").await;

        assert!(orders(&service, &["rewind", "backend", "--to", "2"]).contains("again from entry 2 on"));
        until(&service, "it is through again", |backend| backend["position"] == 3 && backend["epoch"].as_i64() > Some(2)).await;
        assert!(orders(&service, &["rewind", "backend", "--to", "beginning"]).contains("again from entry 1 on"));
        eventually("trace is through", async || handler(&service, "trace").is_some_and(|h| h["lag"] == 0)).await;
        assert!(orders(&service, &["rewind", "trace", "--to", "2100-01-01T00:00:00Z"]).contains("again from entry 4 on"));
        assert!(orders(&service, &["rewind", "trace", "--to", "2020-01-01"]).contains("again from entry 1 on"));

        let recorded = access_log(&db).await;
        let who = recorded[0].split(" | ").next().expect("who").to_owned();
        assert!(who.ends_with("(command line)"), "{who}");
        let expected = [
            "handlers.retry | backend | entries [2]", "handlers.read | backend | limit=50", "handlers.retry | backend | entries [2]",
            "handlers.retry | backend | all 2 dead letters", "handlers.retry | backend | all 0 dead letters",
            "handlers.pause | backend | -", "handlers.resume | backend | -",
            "handlers.rewind | backend | to after entry 1", "handlers.rewind | backend | to after entry 0",
            "handlers.rewind | trace | to after entry 3", "handlers.rewind | trace | to after entry 0",
        ];
        assert_eq!(recorded, expected.map(|line| format!("{who} | {line}")));
    }

    async fn what_was_ordered_while_the_service_was_down_holds_when_it_starts(db: Database) {
        let backend = Backend::start().await;
        let mut service = failed(&db, &backend, "").await;
        service.terminate();
        assert!(service.ended().await.success(), "{}", service.stderr());
        let down = handler(&service, "backend").expect("it is known");
        assert_eq!((&down["state"], &down["owner"]), (&json!("idle"), &json!(null)));
        orders(&service, &["pause", "backend"]);
        orders(&service, &["retry", "backend", "1", "3"]);
        orders(&service, &["rewind", "trace", "--to", "2"]);

        backend.says(200);
        let service = Launch::on(&db).toml(&handlers(&backend)).start().await;
        service.says_times("profile change", 2).await;
        service.callback().post().await.assert_ok("the fourth");
        until(&service, "it stands still", |backend| {
            backend["state"] == "paused" && backend["lag"] == 1 && backend["waiting"] == 2 && backend["dead_letters"] == 1
        })
        .await;
        orders(&service, &["resume", "backend"]);
        until(&service, "it is through", |backend| backend["lag"] == 0 && backend["waiting"] == 0).await;
    }

    async fn a_handler_nobody_knows_and_a_place_ahead_exit_1(db: Database) {
        let mut service = Launch::on(&db).toml("[[handlers]]\nname = \"trace\"\nkind = \"log\"").start().await;
        eventually("it is known", async || handler(&service, "trace").is_some()).await;
        let cases: [&[&str]; 6] = [
            &["dead-letters", "nobody"],
            &["retry", "nobody", "1"],
            &["retry", "nobody", "--all"],
            &["rewind", "nobody", "--to", "1"],
            &["pause", "nobody"],
            &["resume", ""],
        ];
        for arguments in cases {
            let said = fails(&service, 1, arguments);
            assert!(said.contains("there is no handler") && said.contains("`portraitd handlers`"), "{arguments:?}: {said}");
        }
        service.callback().post().await.assert_ok("a callback");
        eventually("it is through", async || handler(&service, "trace").is_some_and(|h| h["position"] == 1)).await;
        service.terminate();
        assert!(service.ended().await.success(), "{}", service.stderr());
        let service = Service::start(&db).await;
        service.callback().post().await.assert_ok("one that no handler is given");
        service.callback().post().await.assert_ok("and another");
        let said = fails(&service, 1, &["rewind", "trace", "--to", "3"]);
        assert!(said.contains("only goes back"), "{said}");
        assert!(access_log(&db).await.is_empty(), "nothing was done");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_arguments_exit_2() {
    let db = Database::sqlite().await;
    let service = Service::start(&db).await;
    let cases: [&[&str]; 15] = [
        &["nonsense"],
        &["dead-letters"],
        &["dead-letters", "x", "--limit", "0"],
        &["dead-letters", "x", "--limit", "1001"],
        &["retry"],
        &["retry", "x"],
        &["retry", "x", "one"],
        &["retry", "x", "1", "--all"],
        &["rewind", "x"],
        &["rewind", "x", "--to", "0"],
        &["rewind", "x", "--to", "-1"],
        &["rewind", "x", "--to", "yesterday"],
        &["rewind", "x", "--to", "now"],
        &["pause"],
        &["resume", "x", "y"],
    ];
    for arguments in cases {
        fails(&service, 2, arguments);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_log_it_exits_1_and_makes_none_and_without_handlers_it_says_so() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("log.db");
    let url = format!("sqlite://{}", file.display());
    let env = [("DATABASE_URL", url.as_str())];
    for arguments in [&["handlers"][..], &["handlers", "pause", "x"], &["handlers", "dead-letters", "x"]] {
        let output = program::run(folder.path(), &env, arguments);
        assert_eq!(program::code(&output), 1, "{arguments:?}: {}", program::stderr(&output));
        assert!(!file.exists(), "{arguments:?}");
    }
    assert_eq!(program::code(&program::run(folder.path(), &env, &["migrate"])), 0);
    for arguments in [&["handlers"][..], &["handlers", "--json"]] {
        assert_eq!(program::stdout(&program::run(folder.path(), &env, arguments)), "", "{arguments:?}");
    }
    let said = program::stderr(&program::run(folder.path(), &env, &["handlers"]));
    assert_eq!(said.trim(), "no handler has begun yet");
}
