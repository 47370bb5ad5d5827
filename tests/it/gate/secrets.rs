//! Files of secrets: whoever else may use them knows what is in them.

use tempfile::tempdir;

use crate::harness::db::Database;
use crate::harness::service::program::{self, set_mode, write_secret};
use crate::harness::service::{APP, Launch};

const ONE_APP: (&str, &str) = ("PORTRAITD_SDK_APP_ID", "1400000000");

#[test]
fn a_file_that_a_variable_names_and_everybody_may_use_exits_2_and_says_what_to_do() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("secret");
    let path = file.to_str().expect("a path");
    write_secret(&file, "hunter2\n");
    for name in ["PORTRAITD_CALLBACK_TOKEN_FILE", "PORTRAITD_ADMIN_TOKEN_FILE", "DATABASE_URL_FILE"] {
        for mode in [0o644, 0o444, 0o604, 0o602, 0o666, 0o777] {
            set_mode(&file, mode);
            let output = program::run(folder.path(), &[ONE_APP, (name, path)], &["serve"]);
            let said = program::stderr(&output);
            assert_eq!(program::code(&output), 2, "{name}, {mode:o}: {said}");
            for part in [name, path, &format!("mode 0{mode:o}"), "chmod o= ", "0440"] {
                assert!(said.contains(part), "{part} in {said}");
            }
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
    for mode in [0o600, 0o400, 0o640, 0o440] {
        set_mode(&file, mode);
        let env = [ONE_APP, ("PORTRAITD_CALLBACK_TOKEN_FILE", path)];
        let output = program::run(folder.path(), &env, &["config"]);
        assert_eq!(program::code(&output), 0, "{mode:o}: {}", program::stderr(&output));
    }
}

#[test]
fn a_configuration_file_with_secrets_in_it_that_everybody_may_use_is_warned_about() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("portraitd.toml");
    let app = "[[apps]]\nsdk_app_id = 1\n";
    for (text, holds_secrets) in [
        (format!("{app}tokens = [\"hunter2\"]"), true),
        (format!("{app}tokens = \"hunter2\""), true),
        (format!("{app}[store]\nurl = \"postgres://me:hunter2@db/x\""), true),
        (format!("{app}[store]\nurl = \"postgres://db/x?password=hunter2\""), true),
        (format!("{app}[store]\nurl = \"postgres://me@db/x\""), false),
        (format!("{app}tokens = []\n[store]\nurl = \"sqlite://x.db\""), false),
    ] {
        for (mode, open) in [(0o644, true), (0o640, false)] {
            std::fs::write(&file, &text).expect("written");
            set_mode(&file, mode);
            let arguments = ["config", "--config", file.to_str().expect("a path")];
            let output = program::run(folder.path(), &[], &arguments);
            assert_eq!(program::code(&output), 0, "{}", program::stderr(&output));
            let said = program::stderr(&output);
            let warned = said.contains("portraitd.toml holds secrets") && said.contains("chmod o= ");
            assert_eq!(warned, holds_secrets && open, "{text}, {mode:o}: {said}");
        }
    }
}

#[tokio::test]
async fn a_private_key_that_everybody_may_use_is_warned_about_and_served() {
    let (db, folder) = (Database::sqlite().await, tempdir().expect("a folder"));
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, pair.cert.pem()).expect("written");
    write_secret(&key, &pair.signing_key.serialize_pem());
    let tls = format!("cert = {cert:?}\nkey = {key:?}");
    let launch = || Launch::on(&db).app(APP, &["token"]).toml(&format!("[receiver.tls]\n{tls}\n[admin.tls]\n{tls}"));

    assert!(!launch().start().await.stderr().contains("chmod"), "closed");
    set_mode(&key, 0o644);
    let service = launch().start().await;
    for name in ["receiver.tls.key: ", "admin.tls.key: "] {
        let line = service.says(name).await;
        assert!(line.contains("WARN") && line.contains(key.to_str().expect("a path")), "{line}");
    }
}
