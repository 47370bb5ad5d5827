//! The shape of the source tree: imports point one way, rooms are small, the configuration file is complete.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What each module may name of the crate. Flow order; nothing points back up.
const MAY_NAME: [(&str, &[&str]); 23] = [
    ("protocol", &[]),
    ("stop", &[]),
    ("clock", &["protocol"]),
    ("failures", &[]),
    ("outgoing", &[]),
    ("tencent", &["protocol", "clock", "outgoing"]),
    ("emulator", &["protocol", "stop", "clock", "tencent"]),
    ("config", &["tencent"]),
    ("telemetry", &["config"]),
    ("store", &["protocol", "config"]),
    ("journal", &["protocol", "store", "telemetry"]),
    ("receiver", &["protocol", "clock", "failures", "config", "telemetry", "store", "journal"]),
    ("listener", &["config", "stop", "telemetry"]),
    ("reconcile", &["protocol", "stop", "clock", "config", "telemetry", "store", "tencent"]),
    ("dispatch", &["protocol", "stop", "clock", "telemetry", "store"]),
    ("handlers", &["protocol", "clock", "outgoing", "tencent", "config", "dispatch"]),
    ("export", &["protocol", "store"]),
    ("proof", &["protocol", "stop", "clock", "outgoing", "config", "telemetry", "store"]),
    (
        "audit",
        &[
            "failures",
            "protocol",
            "stop",
            "clock",
            "config",
            "telemetry",
            "store",
            "journal",
            "dispatch",
            "export",
            "proof",
        ],
    ),
    ("upkeep", &["protocol", "stop", "clock", "config", "store", "journal"]),
    (
        "app",
        &[
            "protocol",
            "stop",
            "clock",
            "config",
            "telemetry",
            "store",
            "journal",
            "receiver",
            "listener",
            "dispatch",
            "handlers",
            "proof",
            "tencent",
            "audit",
            "upkeep",
            "reconcile",
        ],
    ),
    (
        "cli",
        &[
            "protocol",
            "stop",
            "clock",
            "config",
            "telemetry",
            "store",
            "journal",
            "receiver",
            "listener",
            "export",
            "proof",
            "tencent",
            "emulator",
            "app",
            "reconcile",
            "handlers",
        ],
    ),
    ("lib", &[]),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `folder`: its path from there, and its text.
fn files(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, base: &Path, into: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, base, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(base).unwrap().display().to_string();
                into.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let (base, mut found) = (root().join(folder), Vec::new());
    walk(&base, &base, &mut found);
    assert!(!found.is_empty(), "{folder} is empty");
    found.sort();
    found
}

/// Which of the crate's top modules a file belongs to.
fn module(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap_or_default()
}

/// The code without its comments.
fn code(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The crate's top modules a text names, in `crate::module` or `crate::{module, …}`.
fn named(text: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    code(text)
        .split("crate::")
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(list) => {
                let mut depth = 0;
                let outer = list.chars().take_while(|c| {
                    depth += match c {
                        '{' => 1,
                        '}' => -1,
                        _ => 0,
                    };
                    depth >= 0
                });
                outer.collect::<String>().split(',').map(|name| word(name.trim())).collect()
            }
            None => vec![word(rest)],
        })
        .collect()
}

#[test]
fn imports_point_one_way() {
    let modules: BTreeSet<&str> = MAY_NAME.iter().map(|(module, _)| *module).collect();
    for (file, text) in files("src") {
        let module = module(&file);
        if file == "main.rs" {
            continue;
        }
        let (_, allowed) =
            MAY_NAME.iter().find(|(name, _)| *name == module).unwrap_or_else(|| panic!("{file}: no rule for it here"));
        for name in named(&text).iter().filter(|name| modules.contains(name.as_str()) && *name != module) {
            assert!(allowed.contains(&name.as_str()), "src/{file} names crate::{name}, which {module} must not know");
        }
    }
}

#[test]
fn imports_are_found_in_every_form_they_are_written() {
    let text = "use crate::store::Store;\nuse crate::{app::App, cli::{a, b}, stop};\n// crate::audit\nfn f(x: crate::config::X) {}";
    assert!(
        ["app", "cli", "config", "stop", "store"].iter().all(|name| named(text).contains(*name)),
        "{:?}",
        named(text)
    );
    assert!(!named(text).contains("audit"), "comments do not import");
}

#[test]
fn the_receiver_knows_nothing_of_the_database() {
    for (file, text) in files("src").into_iter().filter(|(file, _)| module(file) == "receiver") {
        for forbidden in ["store::Store", "store::{Store", "sqlx", "dispatch"] {
            assert!(!code(&text).contains(forbidden), "src/{file} names {forbidden}");
        }
    }
}

#[test]
fn sql_stays_in_the_store() {
    for (file, text) in files("src") {
        // The journal says what a refused row was refused for; it names the error's type and nothing else.
        let text = if file == "journal/settle.rs" { code(&text).replace("sqlx::Error", "") } else { code(&text) };
        assert!(module(&file) == "store" || !text.contains("sqlx"), "src/{file} names sqlx");
    }
}

#[test]
fn the_protocol_is_pure() {
    for (file, text) in files("src").into_iter().filter(|(file, _)| module(file) == "protocol") {
        for forbidden in ["async ", "tokio", "axum", "std::fs", "std::net", "SystemTime", "Instant"] {
            assert!(!code(&text).contains(forbidden), "src/{file} names {forbidden}");
        }
    }
}

#[test]
fn no_file_of_the_source_has_more_than_300_lines() {
    for (file, text) in files("src") {
        assert!(text.lines().count() <= 300, "src/{file} has {} lines: what is its second job?", text.lines().count());
    }
}

#[test]
fn every_file_opens_with_its_job() {
    for (file, text) in files("src").into_iter().filter(|(file, _)| !file.ends_with("tests.rs")) {
        assert!(text.starts_with("//! "), "src/{file} does not say what it is for");
    }
}

#[test]
fn no_test_waits_by_sleeping() {
    let sleep = ["sle", "ep("].concat();
    for (file, text) in files("tests") {
        assert!(!code(&text).contains(&sleep), "tests/{file} sleeps");
    }
}

#[test]
fn the_default_configuration_mentions_every_key() {
    let model = ["model", "handlers"]
        .map(|file| std::fs::read_to_string(root().join(format!("src/config/{file}.rs"))).unwrap());
    let defaults = std::fs::read_to_string(root().join("config/default.toml")).unwrap();
    let keys: Vec<&str> = model
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.strip_prefix("    pub ")?.split_once(':').map(|(key, _)| key))
        .collect();
    assert!(keys.len() > 20, "the model has keys: {keys:?}");
    for key in keys {
        let mentioned = defaults.lines().map(|line| line.trim_start_matches(['#', ' '])).any(|line| {
            line.starts_with(&format!("{key} = "))
                || line
                    .strip_prefix('[')
                    .is_some_and(|section| section.trim_end_matches(']').rsplit(['.', '[']).next() == Some(key))
        });
        assert!(mentioned, "config/default.toml does not mention {key}");
    }
}

#[test]
fn every_key_of_the_default_configuration_is_explained() {
    let defaults = std::fs::read_to_string(root().join("config/default.toml")).unwrap();
    let lines: Vec<&str> = defaults.lines().collect();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(" = ") && !line.starts_with('#')) {
        let section = lines[..at].iter().rposition(|line| line.is_empty()).map_or(0, |blank| blank + 1);
        assert!(lines[section..at].iter().any(|line| line.starts_with("# ")), "no comment above {line}");
    }
}
