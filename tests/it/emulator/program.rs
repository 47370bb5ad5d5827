//! `portraitd emulator` as somebody at a shell runs it.

use std::process::{Child, Stdio};

use portraitd::emulator::{Emulator, Options};
use serde_json::Value;
use tempfile::tempdir;

use crate::harness::db::Database;
use crate::harness::service::stderr::Stderr;
use crate::harness::service::{APP, Launch, program};

fn start(folder: &std::path::Path, arguments: &[&str]) -> (Child, Stderr) {
    let mut command = program::command(folder);
    command.args(["emulator", "--listen", "127.0.0.1:0"]).args(arguments);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program runs");
    let stderr = Stderr::of(&mut child);
    (child, stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_in_a_file_survives_a_crash() {
    let folder = tempdir().expect("a folder");
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut seen = Vec::new();
    for run in 0..2 {
        let (mut child, stderr) = start(folder.path(), &["--file", "model.json", "--any-account"]);
        let said = stderr.wait_until(|said| said.ended || said.begins("  control").is_some()).await;
        let control = said.line("  control").split_whitespace().last().expect("a URL").to_owned();
        if run == 0 {
            let change = r#"{"items":[{"Tag":"Tag_Profile_IM_Nick","Value":"小明"}]}"#;
            let request =
                http.post(format!("{control}/accounts/id1/profile")).header("content-type", "application/json");
            assert_eq!(request.body(change).send().await.expect("it answers").status(), 200);
        }
        let model = http.get(format!("{control}/model")).send().await.expect("it answers").text().await;
        seen.push(serde_json::from_str::<Value>(&model.expect("a body")).expect("JSON"));
        child.kill().expect("it is there");
        child.wait().expect("it ends");
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0]["accounts"]["id1"]["profile"]["Tag_Profile_IM_Nick"], "小明");
}

#[tokio::test]
async fn one_file_is_one_emulators() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("model.json");
    let options = || Options { file: Some(file.clone()), ..Options::default() };
    let first = Emulator::start(options()).await.expect("it starts");
    let error = Emulator::start(options()).await.err().expect("it does not start").to_string();
    assert!(error.contains("another emulator"), "{error}");
    // Somebody who keeps a connection alive does not keep the emulator alive.
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("{}/emulator", first.base_url());
    assert_eq!(http.get(&url).send().await.expect("it answers").status(), 200);
    drop(first);
    Emulator::start(options()).await.expect("it starts, the other one is gone");
    assert!(http.get(&url).send().await.is_err());
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_said_at_the_start() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("model.json");
    let why = async || {
        let options = Options { file: Some(file.clone()), ..Options::default() };
        Emulator::start(options).await.err().map(|error| format!("{error:#}")).unwrap_or_default()
    };
    for (text, said) in [
        ("", "does not hold a model"),
        (r#"{"accounts": {"id1"#, "does not hold a model"),
        (r#"{"people": {}}"#, "people"),
        (r#"{"custom_fields": [{"keyword": "much too long"}]}"#, "keyword"),
    ] {
        std::fs::write(&file, text).expect("written");
        let error = why().await;
        assert!(error.contains("--file") && error.contains(said), "{text}: {error}");
        assert_eq!(std::fs::read_to_string(&file).expect("read"), text, "it is left as it was");
    }
    std::fs::remove_file(&file).expect("removed");
    std::fs::create_dir(folder.path().join("model.json.new")).expect("a folder");
    assert!(why().await.contains("cannot write"));
}

#[test]
fn it_refuses_what_it_cannot_do_and_to_listen_to_and_fire_at_others() {
    let folder = tempdir().expect("a folder");
    let cases: [&[&str]; 6] = [
        &["--listen", "0.0.0.0:0"],
        &["--callback-url", "http://example.com/"],
        &["--load", "--callback-url", "https://192.0.2.1/"],
        &["--custom-field", "too long for it"],
        &["--load", "--drop", "0.5"],
        &["--load", "--rate", "0"],
    ];
    for arguments in cases {
        let output = program::run(folder.path(), &[], &[&["emulator"], arguments].concat());
        assert_eq!(program::code(&output), 2, "{arguments:?}: {}", program::stderr(&output));
    }
    let output = program::run(folder.path(), &[], &["emulator", "--drop", "2"]);
    assert_eq!(program::code(&output), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_reports_and_exits_1_unless_all_was_answered_ok() {
    let db = Database::sqlite().await;
    let service = Launch::on(&db).app(APP, &["let-me-in"]).start().await;
    let load =
        ["emulator", "--load", "--rate", "50", "--duration", "1s", "--accounts", "7", "--callback-url", &service.url];
    let good = program::run(service.folder(), &[], &[&load[..], &["--token", "let-me-in"]].concat());
    let said = program::stdout(&good);
    assert!(said.contains("50 due, 50 OK") && said.contains("p50") && said.contains("p99"), "{said}");
    assert_eq!(service.verified_entries(), 50);
    let bad = program::run(service.folder(), &[], &[&load[..], &["--token", "wrong"]].concat());
    assert_eq!(program::code(&bad), 1);
    let said = String::from_utf8_lossy(&bad.stdout);
    assert!(said.contains("50 refused") && said.contains("401"), "{said}");
    let counts =
        said.lines().filter_map(|line| line.split_once(" ms ")?.1.split_whitespace().next()?.parse::<u32>().ok());
    assert_eq!(counts.sum::<u32>(), 50, "every answer is in the histogram: {said}");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let url = format!("http://{nobody}/");
    let arguments = ["emulator", "--load", "--rate", "50", "--duration", "1s", "--callback-url", &url];
    let dead = program::run(service.folder(), &[], &arguments);
    let said = String::from_utf8_lossy(&dead.stdout);
    assert!(said.contains("50 failed") && !said.contains("p50"), "no answer has no latency: {said}");
}
