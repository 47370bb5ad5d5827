//! `exec`: what the program is given, what its exit means, and that it never outlives its attempt.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::db::{Database, eventually};
use crate::harness::service::program::set_mode;
use crate::harness::service::{Launch, Service};

const NICK: &str = "Tag_Profile_IM_Nick";
const DEAD: &str = "a callback is a dead letter now: ";

/// A `[[handlers]]` entry that runs this command; `more` is of its table.
fn entry(name: &str, command: &[&str], more: &str) -> String {
    // A literal string of TOML, which takes a script as it is.
    let command: Vec<String> = command.iter().map(|word| format!("'''{word}'''")).collect();
    format!("[[handlers]]\nname = {name:?}\nkind = \"exec\"\ncommand = [{}]\n{more}\n", command.join(", "))
}

/// Programs run in the service's folder.
fn launch(db: &Database, toml: &str) -> Launch {
    Launch::on(db).env("PATH", "/usr/bin:/bin").env("ELSE", "inherited").env("PGPASSWORD", "hunter2").toml(toml)
}

/// A service with one handler.
async fn running(db: &Database, command: &[&str], more: &str) -> Service {
    launch(db, &entry("script", command, more)).start().await
}

/// The same with a shell's script.
async fn script(db: &Database, script: &str, more: &str) -> Service {
    running(db, &["/bin/sh", "-c", script], more).await
}

async fn attempts(service: &Service, outcome: &str) -> f64 {
    service.metric("portraitd_handler_attempts_total", &format!("outcome=\"{outcome}\"")).await
}

/// A file that appears whole, when the program renames it.
async fn file(service: &Service, name: &str) -> String {
    let path = service.path(name);
    eventually(&format!("{name} is there"), async || std::fs::read_to_string(&path).ok()).await
}

/// A process that runs; one that nobody has waited for yet does not.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

/// A script that leaves its own number in `leader`, its child's in `child`, and stays.
const STAYS: &str = "sleep 1000 & echo $! > part; mv part child; echo $$ > part; mv part leader; wait";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_callback_arrives_as_json_and_values_are_data_to_no_shell() {
    let db = Database::sqlite().await;
    let service = script(&db, "cat > got.part; env > env; mv got.part got", "previous = true").await;
    let hostile = "$(touch pwned) `touch pwned` '; touch pwned; \" \n --help \\ %s \u{0} 小";
    let account = "$(touch pwned); touch pwned # 'x";
    service.callback().account(account).sets(NICK, json!(hostile)).post().await.assert_ok("hostile");

    let got = file(&service, "got").await;
    let env = file(&service, "env").await;
    assert!(got.ends_with("}\n") && got.lines().count() == 1, "one line: {got}");
    let got: Value = serde_json::from_str(&got).expect("JSON");
    assert_eq!((&got["account"], &got["app"]), (&json!(account), &json!(1_400_000_000)));
    assert_eq!(got["items"], json!([{"tag": NICK, "new": hostile}]));
    assert!(!service.path("pwned").exists(), "nothing was run");

    std::fs::remove_file(service.path("got")).expect("read");
    let spread = format!(
        "{{\"From_Account\":\"id1\",\"ProfileItem\":[{{\"Tag\":\"{NICK}\",\"Value\":{{\n\"a\":\r\n[1]\n}}}}]}}"
    );
    service.callback().body(spread).post().await.assert_ok("over several lines");
    let one_line = file(&service, "got").await;
    assert!(one_line.ends_with("}\n") && one_line.lines().count() == 1, "one line: {one_line}");

    let has = |line: &str| env.lines().any(|l| l == line);
    let receipt = got["receipt_id"].as_str().expect("a receipt");
    assert!(has("PORTRAITD_HANDLER=script") && has("PORTRAITD_ATTEMPT=1") && has("PORTRAITD_EPOCH=1"), "{env}");
    assert!(has(&format!("PORTRAITD_RECEIPT_ID={receipt}")) && has("ELSE=inherited"), "{env}");
    for ours in ["DATABASE_URL", "PORTRAITD_CONFIG", "PORTRAITD__", "hunter2"] {
        assert!(!env.contains(ours), "{ours} in {env}");
    }
    eventually("both are done", async || attempts(&service, "done").await == 2.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exit_0_is_done_75_is_tried_again_and_any_other_is_a_dead_letter_with_what_it_said() {
    let db = Database::sqlite().await;
    let by_account = r#"
        read -r line
        case $line in
            *'"account":"later"'*)
                echo "$PORTRAITD_ATTEMPT" >> attempts
                [ "$PORTRAITD_ATTEMPT" = 2 ] || { echo busy >&2; exit 75; } ;;
            *'"account":"bad"'*)
                printf 'first\nsecond\nthird\n\033[31mno such user\n' >&2
                exit 3 ;;
        esac"#;
    let service = script(&db, by_account, "retry_secs = [1]").await;
    for account in ["good", "later", "bad"] {
        service.callback().account(account).sets(NICK, json!("x")).post().await.assert_ok(account);
    }
    let said = service.says(DEAD).await;
    assert!(said.contains("exit code 3: second / third / [31mno such user"), "{said}");
    eventually("two are done", async || attempts(&service, "done").await == 2.0).await;
    assert_eq!((attempts(&service, "failed").await, attempts(&service, "rejected").await), (1.0, 1.0));
    assert_eq!(file(&service, "attempts").await, "1\n2\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_not_there_or_may_not_be_run_is_refused_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("plain"), "#!/bin/sh\n").expect("a file");
    set_mode(&folder.path().join("plain"), 0o644);
    let db = Database::sqlite().await;
    for (program, why) in [
        (path("nothing"), "No such file"),
        (path("plain"), "Permission denied"),
        (path(""), "is a directory"),
        ("no-such-program".to_owned(), "it is in no folder of PATH"),
    ] {
        let (ended, said) = launch(&db, &entry("script", &[&program], "")).fail().await;
        assert_eq!(ended.code(), Some(2), "{said}");
        assert!(said.contains("handlers: \"script\": command: ") && said.contains(why), "{why}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_away_while_it_is_replaced_is_tried_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("program");
    let put = || {
        let part = folder.path().join("part");
        std::fs::write(&part, "#!/bin/sh\ncat > got\n").expect("a file");
        set_mode(&part, 0o755);
        std::fs::rename(&part, &program).expect("it is in its place");
    };
    put();
    let db = Database::sqlite().await;
    let log = "[log]\nfilter = \"info,portraitd::dispatch=debug\"";
    let service = running(&db, &[&program.display().to_string()], &format!("retry_secs = [1, 1, 1]\n{log}")).await;
    std::fs::remove_file(&program).expect("it is gone");
    service.callback().post().await.assert_ok("one");
    service.says("cannot be started: No such file").await;
    put();
    eventually("it is done", async || attempts(&service, "done").await == 1.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_crashes_is_a_dead_letter_and_who_is_ended_from_outside_is_tried_again() {
    for (signal, is_from_outside) in [("SEGV", false), ("ABRT", false), ("TERM", true), ("KILL", true)] {
        let db = Database::sqlite().await;
        let dies = format!("echo ouch >&2; kill -{signal} $$");
        let service = script(&db, &dies, "retry_secs = [0]").await;
        service.callback().post().await.assert_ok(signal);
        let said = service.says(DEAD).await;
        assert!(said.contains("killed by signal ") && said.contains(": ouch"), "{signal}: {said}");
        let tried_again = attempts(&service, "failed").await > 0.0;
        assert_eq!(tried_again, is_from_outside, "{signal}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_handlers_run_side_by_side_and_one_that_fails_holds_up_no_other() {
    let db = Database::sqlite().await;
    let name = "cat > \"$PORTRAITD_HANDLER.part\"; mv \"$PORTRAITD_HANDLER.part\" \"$PORTRAITD_HANDLER\"";
    let entries = [
        entry("bad", &["/bin/sh", "-c", "exit 1"], ""),
        entry("slow", &["/bin/sh", "-c", "exec sleep 1000"], ""),
        entry("one", &["/bin/sh", "-c", name], ""),
        entry("two", &["/bin/sh", "-c", name], "tags = [\"Tag_Profile_IM_Nick\"]"),
    ];
    let service = launch(&db, &entries.concat()).start().await;
    service.callback().sets(NICK, json!("x")).post().await.assert_ok("one");
    assert_eq!(file(&service, "one").await, file(&service, "two").await);
    assert!(service.says(DEAD).await.contains("bad"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_reads_nothing_talks_without_end_or_leaves_somebody_behind_is_waited_for_all_the_same() {
    let db = Database::sqlite().await;
    let talks = "sleep 1000 & echo $! > part; mv part child; yes 'all is well' | head -c 3000000 >&2; exit 1";
    let service = script(&db, talks, "").await;
    let long = "x".repeat(200_000);
    service.callback().sets(NICK, json!(long)).post().await.assert_ok("long");
    let said = service.says(DEAD).await;
    assert!(said.contains("exit code 1: all is well / all is well / a"), "{said}");
    let child = file(&service, "child").await;
    assert!(runs(&child), "what it leaves behind is its own business");
    kill(&child);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_time_limit_its_whole_process_group_is_killed() {
    let db = Database::sqlite().await;
    let service = script(&db, STAYS, "timeout_secs = 1\nretry_secs = []").await;
    service.callback().post().await.assert_ok("one");
    let (leader, child) = (file(&service, "leader").await, file(&service, "child").await);
    let said = service.says(DEAD).await;
    assert!(said.contains("no answer within 1 s"), "{said}");
    eventually("both are gone", async || !runs(&leader) && !runs(&child)).await;
    let proc = PathBuf::from(format!("/proc/{}", leader.trim()));
    eventually("nothing is left of it in the process table", async || !proc.exists()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_killed_when_the_service_stops_and_the_callback_comes_again() {
    let db = Database::sqlite().await;
    let mut service = script(&db, STAYS, "[shutdown]\ngrace_secs = 1").await;
    service.callback().post().await.assert_ok("one");
    let (leader, child) = (file(&service, "leader").await, file(&service, "child").await);
    service.terminate();
    assert!(service.ended().await.success());
    eventually("both are gone", async || !runs(&leader) && !runs(&child)).await;

    let service = script(&db, "echo \"$PORTRAITD_ATTEMPT $PORTRAITD_EPOCH\" > part; mv part again", "").await;
    assert_eq!(file(&service, "again").await, "1 2\n", "the attempt that was called off does not count");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_dies_with_a_service_that_is_killed() {
    let db = Database::sqlite().await;
    let mut service = script(&db, STAYS, "").await;
    service.callback().post().await.assert_ok("one");
    let (leader, child) = (file(&service, "leader").await, file(&service, "child").await);
    assert!(runs(&leader));
    service.kill();
    service.ended().await;
    eventually("it is gone", async || !runs(&leader)).await;
    kill(&child);
}

/// Ends what the script has left behind.
fn kill(pid: &str) {
    let pid = pid.trim().parse().expect("a process's number");
    // SAFETY: a signal to a process that a script of this test has started and that still runs.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}
