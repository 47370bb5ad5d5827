//! Configuration from outside: what refuses to start, and what `config` shows.

use tempfile::tempdir;

use crate::harness::service::program;

const ONE_APP: (&str, &str) = ("PORTRAITD_SDK_APP_ID", "1400000000");

/// What is wrong, in which environment, with which flags, and what the message names.
type Refusal = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str], &'static str);

#[test]
fn serve_refuses_a_configuration_it_cannot_trust_with_exit_2_and_names_the_key() {
    let folder = tempdir().expect("a folder");
    let cases: [Refusal; 18] = [
        ("no app", &[], &[], "--sdk-app-id"),
        ("an unknown key", &[ONE_APP, ("PORTRAITD__RECEIVER__LISTENN", "127.0.0.1:0")], &[], "listenn"),
        ("an unknown section", &[ONE_APP, ("PORTRAITD__NONSENSE__KEY", "1")], &[], "nonsense"),
        ("not an address", &[ONE_APP], &["--listen", "nowhere"], "receiver.listen"),
        ("not a number", &[ONE_APP, ("PORTRAITD__RECEIVER__MAX_BODY_BYTES", "big")], &[], "receiver.max_body_bytes"),
        (
            "not one of its words",
            &[ONE_APP, ("PORTRAITD__RECEIVER__OTHER_COMMANDS", "ignore")],
            &[],
            "receiver.other_commands",
        ),
        ("unsigned on all interfaces", &[ONE_APP], &["--listen", "0.0.0.0:0"], "receiver.listen"),
        (
            "private listener on all interfaces without token",
            &[ONE_APP],
            &["--admin-listen", "0.0.0.0:0"],
            "admin.listen",
        ),
        ("private listener on IPv6 without token", &[ONE_APP], &["--admin-listen", "[::]:0"], "admin.listen"),
        ("app 0", &[("PORTRAITD_SDK_APP_ID", "0")], &[], "apps"),
        ("an app that is no number", &[("PORTRAITD_SDK_APP_ID", "abc")], &[], "PORTRAITD_SDK_APP_ID"),
        ("a database nobody knows", &[ONE_APP], &["--database-url", "mysql://x"], "store.url"),
        ("a database URL that is none", &[ONE_APP], &["--database-url", "postgres://[x"], "store.url"),
        ("a log in memory", &[ONE_APP], &["--database-url", "sqlite::memory:"], "store.url"),
        ("a filter nobody understands", &[ONE_APP, ("PORTRAITD__LOG__FILTER", "info,x=y=z")], &[], "log.filter"),
        ("not a time to wait", &[ONE_APP, ("PORTRAITD__PROOF__EVERY", "3600")], &[], "proof.every"),
        ("not a URL", &[ONE_APP, ("PORTRAITD__PROOF__HEAD_URL", "anchors")], &[], "proof.head_url"),
        ("a misspelt shorthand", &[ONE_APP, ("PORTRAITD_CALLBACK_TOKENS", "t")], &[], "PORTRAITD_CALLBACK_TOKENS"),
    ];
    for (case, env, arguments, named) in cases {
        let arguments: Vec<&str> = ["serve"].iter().chain(arguments).copied().collect();
        let output = program::run(folder.path(), env, &arguments);
        let said = program::stderr(&output);
        assert_eq!(program::code(&output), 2, "{case}: {said}");
        assert!(said.contains(named) && output.stdout.is_empty(), "{case}: {named} in {said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing was made");
}

#[test]
fn a_configuration_file_that_is_wrong_or_missing_exits_2_and_is_named() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("portraitd.toml");
    let path = file.to_str().expect("a path");
    let run = |env: &[(&str, &str)]| {
        let output = program::run(folder.path(), env, &["config", "--config", path]);
        assert_eq!(program::code(&output), 2, "{}", program::stderr(&output));
        program::stderr(&output)
    };
    assert!(run(&[]).contains(path), "there is none");
    for (text, named) in [
        ("[receiver", "portraitd.toml"),
        ("[[apps]]\nsdk_app_id = 1\ntokens = [\"hunter2", "portraitd.toml, line 3, column"),
        ("[receiver]\nlisten_on = 1", "listen_on"),
        ("other = 1", "other"),
        ("[[apps]]\nsdk_app_id = 1\ntoken = \"hunter2\"", "token"),
        ("[[apps]]\nsdk_app_id = 1\n[[apps]]\nsdk_app_id = 1", "listed twice"),
        ("[[apps]]\nsdk_app_id = 1\ntokens = [\"\"]", "empty"),
    ] {
        std::fs::write(&file, text).expect("written");
        let said = run(&[]);
        assert!(said.contains(named) && !said.contains("hunter2"), "{text:?}: {said}");
    }
    std::fs::write(&file, "[[apps]]\nsdk_app_id = 1").expect("written");
    assert!(run(&[ONE_APP]).contains("PORTRAITD_SDK_APP_ID"), "one app by name and others in the file");
}

#[test]
fn variables_that_are_no_text_are_refused_where_they_are_ours_and_ignored_elsewhere() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempdir().expect("a folder");
    let broken = std::ffi::OsStr::from_bytes(b"hunter2\xff");
    for (name, code) in [("PORTRAITD_CALLBACK_TOKEN", 2), ("DATABASE_URL", 2), ("LS_COLORS", 0)] {
        let output =
            program::command(folder.path()).env(name, broken).arg("config").output().expect("the program runs");
        let said = program::stderr(&output);
        assert_eq!(program::code(&output), code, "{name}: {said}");
        assert!(!said.contains("hunter2") && said.contains(&format!("{name}: not UTF-8")) == (code == 2), "{said}");
    }
}

#[test]
fn config_shows_values_and_where_each_came_from() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("portraitd.toml");
    std::fs::write(&file, "[receiver]\npath = \"/from-file\"\nsign_window_secs = 30\n[log]\nfilter = \"warn\"")
        .expect("written");
    let env = [
        ("PORTRAITD_CONFIG", file.to_str().expect("a path")),
        ("PORTRAITD__RECEIVER__SIGN_WINDOW_SECS", "45"),
        ("PORTRAITD__LOG__FORMAT", ""),
        ONE_APP,
        ("DATABASE_URL", "sqlite://elsewhere.db"),
    ];
    let output = program::run(folder.path(), &env, &["config", "--database-url", "sqlite://flag.db"]);
    let said = program::stdout(&output);
    let line = |key: &str| {
        let line = said
            .lines()
            .find(|line| line.starts_with(&format!("{key} = ")))
            .unwrap_or_else(|| panic!("{key} in {said}"));
        let (value, origin) = line.split_once('#').expect("an origin");
        (value.split_once('=').expect("a value").1.trim().trim_matches('"').to_owned(), origin.trim().to_owned())
    };
    let expect = |key: &str, value: &str, origin: &str| {
        let (v, o) = line(key);
        assert_eq!(v, value, "{key}");
        assert!(o.contains(origin), "{key} came from {o}");
    };
    expect("receiver.listen", "127.0.0.1:8080", "default");
    expect("receiver.path", "/from-file", "portraitd.toml");
    expect("receiver.sign_window_secs", "45", "PORTRAITD__RECEIVER__SIGN_WINDOW_SECS");
    expect("store.url", "sqlite://flag.db", "--database-url");
    expect("log.format", "text", "default");
    expect("log.filter", "warn", "portraitd.toml");
    expect("apps[0].sdk_app_id", "1400000000", "PORTRAITD_SDK_APP_ID");
    assert!(program::stderr(&output).contains("no token"), "warnings go to stderr");
    assert!(!folder.path().join("flag.db").exists(), "nothing was made");
}

#[test]
fn config_never_shows_a_secret_or_the_databases_password() {
    let folder = tempdir().expect("a folder");
    let secret_file = folder.path().join("admin-token");
    program::write_secret(&secret_file, "hunter3\n");
    let env = [
        ONE_APP,
        ("PORTRAITD_CALLBACK_TOKEN", "hunter1,hunter2"),
        ("PORTRAITD_ADMIN_TOKEN_FILE", secret_file.to_str().expect("a path")),
        ("DATABASE_URL", "postgres://me:hunter4@db.example.com:5432/log?password=hunter5&sslmode=require"),
    ];
    let output = program::run(folder.path(), &env, &["config"]);
    let said = format!("{}{}", program::stdout(&output), program::stderr(&output));
    assert!(!said.contains("hunter"), "{said}");
    assert!(said.contains("db.example.com") && said.contains("[redacted]"), "{said}");
    let output = program::run(folder.path(), &[("PORTRAITD__STORE__URL", "mysql://me:hunter6@x")], &["config"]);
    assert_eq!(program::code(&output), 2);
    assert!(!program::stderr(&output).contains("hunter"), "{}", program::stderr(&output));
}

#[test]
fn config_defaults_is_a_file_to_start_from() {
    let folder = tempdir().expect("a folder");
    let defaults = program::stdout(&program::run(folder.path(), &[], &["config", "--defaults"]));
    assert_eq!(defaults, include_str!("../../../config/default.toml"));
    let file = folder.path().join("portraitd.toml");
    std::fs::write(&file, &defaults).expect("written");
    let output = program::run(folder.path(), &[ONE_APP], &["config", "--config", file.to_str().expect("a path")]);
    assert_eq!(program::code(&output), 0, "{}", program::stderr(&output));
}

#[test]
fn a_postgres_url_that_leads_nowhere_fails_without_its_password() {
    let folder = tempdir().expect("a folder");
    let url = "postgres://me:hunter2@127.0.0.1:1/none";
    for arguments in [&["changes"][..], &["verify"], &["migrate"]] {
        let output = program::run(folder.path(), &[("DATABASE_URL", url)], arguments);
        let said = program::stderr(&output);
        assert_eq!(program::code(&output), 1, "{arguments:?}: {said}");
        assert!(!said.contains("hunter2"), "{arguments:?}: {said}");
    }
}
