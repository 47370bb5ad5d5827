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
fn a_secret_is_not_repeated_by_what_is_wrong_around_it() {
    let files = [
        ("tokens = [\"s3cret-token", "line 1, column"),
        ("[[apps]]\nsdk_app_id = 7\ntokens = [\"s3cret-token\n", "line 3, column"),
        ("é = 99999999999999999999", "line 1, column 1"),
        ("[store]\nurl = postgres://me:s3cret@db/x", "line 2, column 7"),
        ("apps = [\"s3cret-token\"]", "apps[0]"),
        ("apps = \"s3cret-token\"", "apps"),
        ("[[apps]]\nsdk_app_id = \"s3cret-token\"", "apps[0].sdk_app_id"),
        ("[admin]\ntokens = [\"s3cret-token\"]", "admin.tokens[0]"),
        ("[[admin.tokens]]\nname = \"x\"\nsha256 = \"x\"\nscopes = [\"s3cret-token\"]", "admin.tokens[0].scopes[0]"),
        ("store = \"postgres://me:s3cret@db/x\"", "store"),
    ];
    for (text, place) in files {
        let (_keep, flags) = file(text);
        let message = refused(&flags, &env(&[]));
        assert!(message.contains(place) && !message.contains("s3cret"), "{text}: {message}");
        assert!(message.contains(&flags.config.expect("a file").display().to_string()), "{text}: {message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    for (name, value) in [
        ("PORTRAITD__APPS", "[{\"tokens\":[\"s3cret\"]}]"),
        ("PORTRAITD__APPS__0__TOKENS", "s3cret"),
        ("PORTRAITD__ADMIN__TOKENS", "s3cret"),
        ("PORTRAITD__STORE", "postgres://me:s3cret@db/x"),
        ("PORTRAITD__RECEIVER__OTHER_COMMANDS", "ftp://me:s3cret@backend/"),
    ] {
        let message = refused(&Flags::default(), &env(&[(name, value)]));
        assert!(message.contains(name) && !message.contains("s3cret"), "{name}={value}: {message}");
    }
}

#[test]
fn a_store_budget_that_leaves_no_time_for_the_spool_is_warned_about() {
    let loaded =
        load(&Flags::default(), &with_app(&[("PORTRAITD__RECEIVER__ANSWER_BUDGET_MS", "500")])).expect("loads");
    assert!(loaded.warnings.iter().any(|w| w.starts_with("receiver.store_budget_ms")), "{:?}", loaded.warnings);
}

#[test]
fn values_beyond_their_bounds_are_refused() {
    for (name, good, bad, key) in [
        ("PORTRAITD__RECEIVER__MAX_BODY_BYTES", "16777216", "16777217", "receiver.max_body_bytes"),
        ("PORTRAITD__STORE__DEDUPE_WINDOW_SECS", "60", "59", "store.dedupe_window_secs"),
    ] {
        assert!(load(&Flags::default(), &env(&[(name, good)])).is_ok(), "{name}={good}");
        assert!(refused(&Flags::default(), &env(&[(name, bad)])).contains(key), "{name}={bad}");
    }
}

#[test]
fn a_public_url_of_another_path_than_the_receivers_is_warned_about() {
    for (url, path, warns) in [
        ("https://example.com", "/", false),
        ("https://example.com/?a=/b", "/", false),
        ("https://example.com/chat", "/chat", false),
        ("https://example.com/chat", "/", true),
        ("https://example.com/", "/chat", true),
    ] {
        let env = env(&[("PORTRAITD__RECEIVER__PUBLIC_URL", url), ("PORTRAITD__RECEIVER__PATH", path)]);
        let warnings = load(&Flags::default(), &env).expect("loads").warnings;
        assert_eq!(warnings.iter().any(|w| w.contains("receiver.public_url")), warns, "{url} and {path}: {warnings:?}");
    }
}

#[test]
fn a_shorthand_that_is_misspelt_is_refused_by_name() {
    for name in ["PORTRAITD_CALLBACK_TOKENS", "PORTRAITD_CALLBACK_TOKEN_FILES", "PORTRAITD_CONFIG_FILE", "PORTRAITD_"] {
        let message = refused(&Flags::default(), &with_app(&[(name, "x")]));
        assert!(message.contains(&format!("{name}: no such variable")), "{name}: {message}");
        assert!(load(&Flags::default(), &with_app(&[(name, "")])).is_ok(), "{name}, empty, is unset");
    }
    let of_others = [
        ("PORTRAITD_SERVICE_HOST", "10.0.0.1"),
        ("PORTRAITD_SERVICE_PORT_HTTP", "80"),
        ("PORTRAITD_PORT", "tcp://10.0.0.1:80"),
        ("PORTRAITD_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("PORTRAITDX", "x"),
    ];
    assert!(load(&Flags::default(), &with_app(&of_others)).is_ok(), "as Kubernetes sets them for a Service");
    assert!(refused(&Flags::default(), &with_app(&[("PORTRAITD_PORT", "8080")])).contains("PORTRAITD_PORT"));
}

#[test]
fn a_callback_token_that_is_set_must_hold_one() {
    for blank in [" , ", ",", " "] {
        let message = refused(&Flags::default(), &with_app(&[("PORTRAITD_CALLBACK_TOKEN", blank)]));
        assert!(message.contains("PORTRAITD_CALLBACK_TOKEN holds no token"), "{blank:?}: {message}");
        let (secret, _) = file(blank);
        let path = secret.path().to_str().expect("path");
        let message = refused(&Flags::default(), &with_app(&[("PORTRAITD_CALLBACK_TOKEN_FILE", path)]));
        assert!(message.contains("PORTRAITD_CALLBACK_TOKEN_FILE holds no token"), "{blank:?}: {message}");
    }
}

#[test]
fn admin_tokens_come_from_one_place() {
    let (_keep, flags) =
        file(&format!("[[admin.tokens]]\nname = \"x\"\nsha256 = \"{}\"\nscopes = [\"metrics\"]", "0".repeat(64)));
    assert!(load(&flags, &env(&[])).is_ok());
    assert!(refused(&flags, &env(&[("PORTRAITD_ADMIN_TOKEN", "t")])).contains("keep one"));
}

#[test]
fn the_app_may_be_named_by_a_file_as_well() {
    let (id, _) = file("1400000007\n");
    let path = id.path().to_str().expect("path");
    let loaded = load(&Flags::default(), &env(&[("PORTRAITD_SDK_APP_ID_FILE", path)])).expect("loads");
    assert_eq!(loaded.config.apps[0].sdk_app_id, 1_400_000_007);
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
fn keys_of_a_later_version_are_unknown() {
    let message = refused(&Flags::default(), &with_app(&[("PORTRAITD__RECONCILE__EVERY", "1d")]));
    assert!(message.contains("reconcile"), "{message}");
}

#[test]
fn a_secret_key_belongs_to_one_app_and_never_shows() {
    let loaded = load(&Flags::default(), &with_app(&[("PORTRAITD_SECRET_KEY", "s3cret")])).expect("loads");
    assert_eq!(loaded.config.tencent.secret_key.as_ref().map(|key| key.expose_secret()), Some("s3cret"));
    let shown = format!("{}{loaded:?}{:?}", show(&loaded), loaded.config);
    assert!(shown.contains("tencent.secret_key") && !shown.contains("s3cret"), "{shown}");

    let apps = "[[apps]]\nsdk_app_id = 1\nsecret_key = \"s3cret\"\n[[apps]]\nsdk_app_id = 2\n";
    let (_keep, flags) = file(apps);
    let loaded = load(&flags, &env(&[])).expect("loads");
    assert!(!format!("{}{:?}", show(&loaded), loaded.config).contains("s3cret"));
    let (_keep, flags) = file(&format!("{apps}[tencent]\nsecret_key = \"other\"\n"));
    assert!(refused(&flags, &env(&[])).contains("write secret_key into their [[apps]]"));
}

#[test]
fn where_tencents_api_is_must_make_sense() {
    let with = |text: &str| {
        let (keep, flags) = file(&format!("[tencent]\n{text}\n"));
        let loaded = load(&flags, &env(&[]));
        drop(keep);
        loaded
    };
    assert_eq!(with("region = \"silicon-valley\"").expect("loads").config.tencent.region.name(), "silicon-valley");
    for (text, why) in [
        ("region = \"mars\"", "tencent.region"),
        ("base_url = \"ftp://127.0.0.1\"", "tencent.base_url"),
        ("base_url = \"127.0.0.1:9000\"", "tencent.base_url"),
        ("identifier = \"\"", "tencent.identifier"),
        ("secret_key = \" s3cret\"", "tencent.secret_key"),
    ] {
        let message = with(text).expect_err("refused").0;
        assert!(message.contains(why) && !message.contains("s3cret"), "{text}: {message}");
    }
    for (url, warns) in [
        ("http://127.0.0.1:9000", false),
        ("http://localhost", false),
        ("https://a.example", false),
        ("http://a.example", true),
    ] {
        let warnings = with(&format!("base_url = {url:?}")).expect("loads").warnings;
        assert_eq!(warnings.iter().any(|text| text.contains("tencent.base_url")), warns, "{url}: {warnings:?}");
    }
}
