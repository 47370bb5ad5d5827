//! `portraitd demo`: one command, the page, a change, and nothing left.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::tempdir;

use crate::harness::db::eventually;
use crate::harness::service::program;
use crate::harness::service::stderr::Stderr;

fn start(folder: &Path, temporary: &Path) -> (Child, Stderr) {
    let mut command = program::command(folder);
    // What somebody configured for a real service is not the demo's.
    command
        .arg("demo")
        .env("TMPDIR", temporary)
        .env("DATABASE_URL", "postgres://nowhere/x")
        .env("PORTRAITD_NONSENSE", "x");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    let stderr = Stderr::of(&mut child);
    (child, stderr)
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).expect("a folder").next().is_none()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_starts_shows_changes_and_leaves_nothing_behind() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let (folder, temporary) = (tempdir().expect("a folder"), tempdir().expect("a folder"));
        let (mut child, stderr) = start(folder.path(), temporary.path());
        let said = stderr.wait_until(|said| said.ended || said.begins("Everything is in").is_some()).await;
        let address =
            |name: &str| said.begins(name).expect("an address").split_whitespace().last().expect("a URL").to_owned();
        let (page, emulator) = (address("  the page"), address("  emulator"));
        assert!(said.text().contains(&format!("curl '{page}api/v1/changes")));
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let get = async |url: String| http.get(url).send().await.expect("it answers");
        assert_eq!(get(page.clone()).await.status(), 200);
        eventually("a change of the trickle", async || {
            let changes = get(format!("{page}api/v1/changes?limit=1000")).await.text().await.expect("a body");
            let changes: Value = serde_json::from_str(&changes).expect("JSON");
            changes["items"].as_array().is_some_and(|items| items.iter().any(|item| item["new"] == "小梅"))
        })
        .await;
        let command = said.text().split_once("change a profile yourself:").expect("a command").1.to_owned();
        let command = command.split("Everything is in").next().expect("a command");
        let set = Command::new("/bin/sh").args(["-c", command]).env_clear().current_dir(folder.path()).output();
        let set = set.expect("sh runs");
        assert_eq!(String::from_utf8_lossy(&set.stderr), "alice: set\n", "{set:?}");
        let change = r#"{"platform":"Web","items":[{"Tag":"Tag_Profile_IM_Nick","Value":"Bob"}]}"#;
        let request = http.post(format!("{emulator}/emulator/accounts/bob/profile")).body(change);
        let answer = request.header("content-type", "application/json").send().await.expect("it answers");
        assert_eq!(answer.status(), 200);
        for (account, nick) in [("alice", "Alice"), ("bob", "Bob")] {
            eventually("a change of one's own", async || {
                let changes = get(format!("{page}api/v1/changes?account={account}")).await;
                changes.text().await.expect("a body").contains(nick)
            })
            .await;
        }
        assert!(!is_empty(temporary.path()));
        // SAFETY: a signal to a child we started and have not waited for.
        assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, signal) }, 0);
        stderr.wait_until(|said| said.ended).await;
        assert!(child.wait().expect("it ended").success(), "{}", stderr.now().text());
        assert!(is_empty(temporary.path()) && is_empty(folder.path()), "nothing is left");
    }
}

#[tokio::test]
async fn a_start_that_fails_leaves_nothing_either() {
    let folder = tempdir().expect("a folder");
    let temporary = folder.path().join("a?mode=nonsense");
    std::fs::create_dir(&temporary).expect("a folder");
    let (mut child, stderr) = start(folder.path(), &temporary);
    stderr.wait_until(|said| said.ended).await;
    assert!(!child.wait().expect("it ended").success());
    assert!(is_empty(&temporary), "{}", stderr.now().text());
}
