//! docs/emulator.md and what it is about: the same routes, the same flags.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;
use tempfile::tempdir;

use super::Vendor;
use crate::harness::service::program;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("it is there")
}

/// `GET /emulator`, … as the table has them: the methods and the path between backticks, in the first cell.
fn documented() -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    for line in read("docs/emulator.md").lines().filter(|line| line.starts_with("| `") && line.contains(" /emulator")) {
        let cell = line.split('|').nth(1).expect("a cell").replace(['`', ','], "");
        let mut words: Vec<&str> = cell.split_whitespace().collect();
        let path = words.pop().expect("a path");
        routes.extend(words.iter().map(|method| format!("{method} {path}")));
    }
    routes
}

/// As the router has them.
fn routed() -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    for line in read("src/emulator/control.rs").lines().filter_map(|line| line.trim().strip_prefix(".route(\"")) {
        let (path, methods) = line.split_once('"').expect("a path");
        let methods = ["get", "put", "post", "delete"].into_iter().filter(|name| methods.contains(&format!("{name}(")));
        routes.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    routes
}

#[tokio::test]
async fn every_route_is_documented_and_every_documented_one_is_there() {
    assert_eq!(documented(), routed());
    let vendor = Vendor::with(&[]).await;
    for route in documented() {
        let (method, path) = route.split_once(' ').expect("a method and a path");
        let path = path.trim_start_matches("/emulator").replace("{account}", "id1");
        let (status, said) = vendor.control(method, &path, json!([[]])).await;
        assert!(
            ![404, 405, 500].contains(&status) || said["error"] == "there is no account \"id1\"",
            "{route}: {said}"
        );
    }
    for (method, path, status) in [("GET", "/nothing", 404), ("GET", "/", 404), ("DELETE", "/model", 405)] {
        let (answered, said) = vendor.control(method, path, json!(null)).await;
        assert_eq!(answered, status, "{method} {path}");
        assert!(said["error"].as_str().is_some_and(|why| why.contains("docs/emulator.md")), "{said}");
    }
    assert!(vendor.control("POST", "/drain?timeout_ms=soon", json!(null)).await.1["error"].is_string());
}

#[test]
fn every_flag_is_documented_and_every_documented_one_is_there() {
    let folder = tempdir().expect("a folder");
    let help = program::stdout(&program::run(folder.path(), &[], &["emulator", "--help"]));
    let named =
        |line: &str| line.trim().strip_prefix("--").map(|rest| rest.split([' ', '\n']).next().map(str::to_owned));
    let all = ["help", "config", "database-url"].map(str::to_owned);
    let has: BTreeSet<String> = help.lines().filter_map(named).flatten().filter(|flag| !all.contains(flag)).collect();
    let docs = read("docs/emulator.md");
    let documented: BTreeSet<String> = docs
        .lines()
        .filter(|line| line.starts_with("| `--"))
        .flat_map(|line| line.split('|').nth(1).expect("a cell").split(','))
        .map(|flag| flag.trim().trim_matches('`').trim_start_matches("--").to_owned())
        .collect();
    assert_eq!(documented, has);
}
