use std::io::Write;

use secrecy::ExposeSecret;

use super::*;
use crate::config::{OtherCommands, show};

fn env(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn with_app(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    let mut all = env(pairs);
    all.insert("PORTRAITD_SDK_APP_ID".to_owned(), "1400000000".to_owned());
    all
}

fn file(text: &str) -> (tempfile::NamedTempFile, Flags) {
    let mut file = tempfile::NamedTempFile::new().expect("temporary file");
    file.write_all(text.as_bytes()).expect("written");
    let flags = Flags { config: Some(file.path().to_owned()), ..Flags::default() };
    (file, flags)
}

fn refused(flags: &Flags, env: &HashMap<String, String>) -> String {
    load(flags, env).expect_err("refused").0
}

#[test]
fn the_embedded_defaults_are_a_configuration_by_themselves() {
    let loaded = load(&Flags::default(), &env(&[])).expect("loads");
    assert!(loaded.config.apps.is_empty());
    assert_eq!(loaded.config.receiver.max_body_bytes, 262_144);
    assert_eq!(loaded.config.store.url.expose_secret(), "sqlite://portraitd.db");
}

#[test]
fn every_layer_beats_the_ones_before_it_and_says_who_it_is() {
    let (_keep, mut flags) =
        file("[receiver]\nlisten = \"127.0.0.1:1\"\nother_commands = \"reject\"\n[store]\nurl = \"sqlite://file.db\"");
    flags.listen = Some("127.0.0.1:3".to_owned());
    let env = with_app(&[
        ("PORTRAITD__RECEIVER__LISTEN", "127.0.0.1:2"),
        ("PORTRAITD__STORE__URL", "sqlite://variable.db"),
        ("PORTRAITD__RECEIVER__MAX_BODY_BYTES", "100"),
        ("DATABASE_URL", "sqlite://shorthand.db"),
        ("PORTRAITD_CALLBACK_TOKEN", "token"),
    ]);
    let loaded = load(&flags, &env).expect("loads");
    assert_eq!(loaded.config.receiver.listen.port(), 3);
    assert_eq!(loaded.config.receiver.other_commands, OtherCommands::Reject);
    assert_eq!(loaded.config.receiver.max_body_bytes, 100);
    assert_eq!(loaded.config.store.url.expose_secret(), "sqlite://shorthand.db");
    let shown = show(&loaded);
    for (key, from) in [
        ("receiver.listen", "--listen"),
        ("receiver.max_body_bytes", "PORTRAITD__RECEIVER__MAX_BODY_BYTES"),
        ("store.url", "DATABASE_URL"),
        ("apps[0].sdk_app_id", "PORTRAITD_SDK_APP_ID"),
        ("apps[0].tokens", "PORTRAITD_CALLBACK_TOKEN"),
        ("admin.listen", "default"),
    ] {
        let line = shown.lines().find(|l| l.starts_with(key)).unwrap_or_else(|| panic!("{key} in {shown}"));
        assert!(line.ends_with(&format!("# {from}")), "{line}");
    }
}

#[test]
fn an_unknown_key_is_named_with_where_it_stands() {
    let (_keep, flags) = file("[receiver]\nlisen = \"127.0.0.1:1\"");
    let message = refused(&flags, &env(&[]));
    assert!(message.contains("receiver.lisen") && message.contains("expected one of"), "{message}");
    let message = refused(&Flags::default(), &env(&[("PORTRAITD__RECEIVER__LISTENN", "x")]));
    assert!(message.contains("receiver.listenn (PORTRAITD__RECEIVER__LISTENN)"), "{message}");
    let (_keep, flags) = file("[recever]\nlisten = \"127.0.0.1:1\"");
    assert!(refused(&flags, &env(&[])).contains("recever"));
}

#[test]
fn a_bad_value_names_its_key() {
    for (name, value, key) in [
        ("PORTRAITD__RECEIVER__LISTEN", "nowhere", "receiver.listen"),
        ("PORTRAITD__RECEIVER__MAX_BODY_BYTES", "many", "receiver.max_body_bytes"),
        ("PORTRAITD__RECEIVER__OTHER_COMMANDS", "drop", "receiver.other_commands"),
        ("PORTRAITD__STORE__URL", "mysql://x", "store.url"),
        ("PORTRAITD_SDK_APP_ID", "+14", "PORTRAITD_SDK_APP_ID"),
    ] {
        let message = refused(&Flags::default(), &env(&[(name, value)]));
        assert!(message.contains(key), "{name}={value}: {message}");
    }
}

#[test]
fn empty_variables_count_as_unset() {
    let env = env(&[
        ("PORTRAITD__RECEIVER__LISTEN", ""),
        ("DATABASE_URL", ""),
        ("PORTRAITD_SDK_APP_ID", ""),
        ("PORTRAITD_CONFIG", ""),
    ]);
    let loaded = load(&Flags::default(), &env).expect("loads");
    assert_eq!(loaded.config.receiver.listen.port(), 8080);
}

#[test]
fn tokens_are_split_at_commas_and_keep_leading_zeros() {
    let loaded = load(&Flags::default(), &with_app(&[("PORTRAITD_CALLBACK_TOKEN", "00123, next")])).expect("loads");
    let tokens: Vec<_> = loaded.config.apps[0].tokens.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(tokens, ["00123", "next"]);
}

#[test]
fn secrets_may_come_from_a_file_but_not_from_two_places() {
    let mut secret = tempfile::NamedTempFile::new().expect("temporary file");
    writeln!(secret, "from-a-file").expect("written");
    let path = secret.path().to_str().expect("path");
    let loaded = load(&Flags::default(), &with_app(&[("PORTRAITD_CALLBACK_TOKEN_FILE", path)])).expect("loads");
    assert_eq!(loaded.config.apps[0].tokens[0].expose_secret(), "from-a-file");
    let both = with_app(&[("PORTRAITD_CALLBACK_TOKEN_FILE", path), ("PORTRAITD_CALLBACK_TOKEN", "x")]);
    assert!(refused(&Flags::default(), &both).contains("both set"));
}

#[test]
fn secrets_are_shown_nowhere() {
    let (_keep, flags) = file("[[apps]]\nsdk_app_id = 7\ntokens = [\"tok3n\", \"t0ken\"]");
    let env = env(&[("DATABASE_URL", "postgres://me:passw0rd@db/x"), ("PORTRAITD_ADMIN_TOKEN", "adm1n")]);
    let loaded = load(&flags, &env).expect("loads");
    for text in [show(&loaded), format!("{:?}", loaded.config)] {
        for secret in ["tok3n", "t0ken", "passw0rd", "adm1n"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn one_app_by_shorthand_excludes_a_list_of_apps() {
    let (_keep, flags) = file("[[apps]]\nsdk_app_id = 7");
    assert!(refused(&flags, &with_app(&[])).contains("keep one of the two"));
}

#[test]
fn a_callback_token_of_no_app_stops_serve_but_no_command_that_reads() {
    let (_keep, flags) = file("[[apps]]\nsdk_app_id = 7");
    let loaded = load(&flags, &env(&[("PORTRAITD_CALLBACK_TOKEN", "x")])).expect("loads");
    assert!(loaded.unfit_to_serve.expect("unfit").contains("with [[apps]]"));
    let loaded = load(&Flags::default(), &env(&[])).expect("loads");
    assert!(loaded.unfit_to_serve.expect("unfit").contains("--sdk-app-id"));
    assert!(load(&Flags::default(), &with_app(&[])).expect("loads").unfit_to_serve.is_none());
}

#[test]
fn a_listener_others_can_reach_needs_credentials() {
    let open = ("PORTRAITD__RECEIVER__LISTEN", "0.0.0.0:8080");
    assert!(refused(&Flags::default(), &with_app(&[open])).contains("allow_unsigned"));
    assert!(load(&Flags::default(), &with_app(&[open, ("PORTRAITD_CALLBACK_TOKEN", "t")])).is_ok());
    assert!(load(&Flags::default(), &with_app(&[open, ("PORTRAITD__RECEIVER__ALLOW_UNSIGNED", "true")])).is_ok());
    let open = ("PORTRAITD__ADMIN__LISTEN", "0.0.0.0:8081");
    assert!(refused(&Flags::default(), &with_app(&[open])).contains("PORTRAITD_ADMIN_TOKEN"));
    assert!(load(&Flags::default(), &with_app(&[open, ("PORTRAITD_ADMIN_TOKEN", "t")])).is_ok());
}

#[test]
fn keys_of_a_later_version_warn_and_are_left_out() {
    let loaded = load(&Flags::default(), &with_app(&[("PORTRAITD__SPOOL__DIR", "/tmp/x")])).expect("loads");
    assert!(loaded.warnings.iter().any(|w| w.starts_with("spool.dir")), "{:?}", loaded.warnings);
    assert!(
        refused(&Flags::default(), &with_app(&[("PORTRAITD__STORE__RETENTION_DAYS", "30")])).contains("retention_days")
    );
}
