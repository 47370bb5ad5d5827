use std::collections::HashMap;
use std::io::Write;

use secrecy::ExposeSecret;

use super::*;
use crate::config::{Flags, Loaded, load};

fn loaded(text: &str) -> Result<Loaded, ConfigError> {
    let mut file = tempfile::NamedTempFile::new().expect("temporary file");
    file.write_all(text.as_bytes()).expect("written");
    load(&Flags { config: Some(file.path().to_owned()), ..Flags::default() }, &HashMap::new())
}

/// One entry named `h`.
fn entry(keys: &str) -> Result<Loaded, ConfigError> {
    loaded(&format!("[[handlers]]\nname = \"h\"\n{keys}"))
}

#[track_caller]
fn assert_refused(result: Result<Loaded, ConfigError>, mentions: &[&str]) {
    let message = result.expect_err("refused").0;
    assert!(mentions.iter().all(|word| message.contains(word)), "{mentions:?}: {message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[test]
fn each_kind_takes_its_keys_and_what_is_common_to_all() {
    let common = "start = \"now\"\ntags = [\"T\"]\napps = [7]\nprevious = true\nretry_secs = [1]\nconcurrency = 2\ntimeout_secs = 3";
    for own in [
        "kind = \"forward\"\nurl = \"https://example.com/\"\nformat = \"raw\"\nsecrets = [\"s\"]\nallow_private = true",
        "kind = \"jetstream\"\nurl = \"nats://example.com\"\nsubject = \"x\"\ncredentials = \"/x.creds\"",
        "kind = \"exec\"\ncommand = [\"/bin/true\", \"\"]",
        "kind = \"log\"\nvalues = true",
    ] {
        for more in ["", common] {
            let loaded = entry(&format!("{own}\n{more}"));
            assert!(loaded.is_ok(), "{own}\n{more}: {loaded:?}");
        }
    }
    let loaded = entry(&format!("kind = \"log\"\n{common}")).expect("loads");
    let handler = &loaded.config.handlers[0];
    assert_eq!((handler.start, handler.concurrency, handler.timeout_secs), (Some(StartAt::Now), Some(2), Some(3)));
    assert_eq!((handler.tags.as_deref(), handler.apps.as_deref()), (Some(&["T".to_owned()][..]), Some(&[7][..])));
    assert_eq!(handler.retry_secs.as_deref(), Some(&[1][..]));
}

#[test]
fn a_key_that_a_kind_needs_is_asked_for() {
    for (kind, key) in
        [("forward", "url"), ("jetstream", "url"), ("exec", "command"), ("push-attributes", "attributes")]
    {
        assert_refused(entry(&format!("kind = {kind:?}")), &["\"h\"", kind, "needs", key]);
    }
    for command in ["[]", "[\"\"]", "[\"\", \"x\"]"] {
        assert_refused(entry(&format!("kind = \"exec\"\ncommand = {command}")), &["\"h\"", "must name a program"]);
    }
    assert_refused(entry(""), &["handlers[0]", "kind"]);
    assert_refused(loaded("[[handlers]]\nkind = \"log\""), &["handlers[0]", "name"]);
}

#[test]
fn a_key_that_means_nothing_to_a_kind_is_refused_by_name() {
    let own = [
        ("forward", "url = \"https://example.com/\""),
        ("jetstream", "url = \"nats://example.com\""),
        ("exec", "command = [\"/bin/true\"]"),
        ("log", ""),
        ("push-attributes", "attributes = { sex = \"Tag_Profile_IM_Gender\" }"),
    ];
    let keys = [
        ("url", "\"https://example.com/\"", &["forward", "jetstream"][..]),
        ("command", "[\"/bin/true\"]", &["exec"]),
        ("format", "\"json\"", &["forward"]),
        ("secrets", "[\"s3cret\"]", &["forward"]),
        ("allow_private", "false", &["forward"]),
        ("subject", "\"x\"", &["jetstream"]),
        ("credentials", "\"/x\"", &["jetstream"]),
        ("values", "false", &["log"]),
        ("attributes", "{ sex = \"Tag_Profile_IM_Gender\" }", &["push-attributes"]),
    ];
    for (kind, needed) in own {
        for (key, value, _) in keys.iter().filter(|(_, _, kinds)| !kinds.contains(&kind)) {
            let refused = entry(&format!("kind = {kind:?}\n{needed}\n{key} = {value}"));
            assert_refused(refused, &["\"h\"", &format!("{key} means nothing to kind = {kind:?}")]);
        }
    }
}

#[test]
fn an_unknown_key_or_kind_or_a_value_of_another_type_is_named_with_where_it_stands() {
    for (keys, place) in [
        ("kind = \"log\"\nvalue = true", "handlers[0].value"),
        ("kind = \"webhook\"", "handlers[0].kind"),
        ("kind = \"Log\"", "handlers[0].kind"),
        ("kind = \"forward\"\nurl = \"https://x\"\nformat = \"xml\"", "handlers[0].format"),
        ("kind = \"log\"\nconcurrency = \"many\"", "handlers[0].concurrency"),
        ("kind = \"log\"\nconcurrency = -1", "handlers[0].concurrency"),
        ("kind = \"log\"\napps = [\"x\"]", "handlers[0].apps[0]"),
        ("kind = \"log\"\ntags = \"T\"", "handlers[0].tags"),
        ("kind = \"log\"\nretry_secs = [1, -1]", "handlers[0].retry_secs[1]"),
        ("kind = \"log\"\nstart = \"yesterday\"", "handlers[0].start"),
    ] {
        assert_refused(entry(keys), &[place]);
    }
    let second = "[[handlers]]\nname = \"a\"\nkind = \"log\"\n[[handlers]]\nname = \"b\"\nkind = \"log\"\nx = 1";
    assert_refused(loaded(second), &["handlers[1].x"]);
    assert_refused(loaded("[dispatch]\nretries = 3"), &["dispatch.retries"]);
}

#[test]
fn names_fit_into_commands_paths_and_metrics_and_are_there_once() {
    let named = |name: &str| loaded(&format!("[[handlers]]\nname = {name:?}\nkind = \"log\""));
    for good in ["a", "search-index", "A.b_c-9", "0", &"x".repeat(64)] {
        assert!(named(good).is_ok(), "{good}");
    }
    for bad in ["", "a b", "a/b", "ä", "a\n", "a\"b", "a{b}", "..", ".a", "-a", "--all", &"x".repeat(65)] {
        assert_refused(named(bad), &["handlers: the name"]);
    }
    let twice =
        "[[handlers]]\nname = \"a\"\nkind = \"log\"\n[[handlers]]\nname = \"a\"\nkind = \"exec\"\ncommand = [\"x\"]";
    assert_refused(loaded(twice), &["two are named \"a\""]);
}

#[test]
fn a_start_is_a_word_or_a_time() {
    for (text, start) in [
        ("beginning", StartAt::Beginning),
        ("now", StartAt::Now),
        ("2026-01-31T12:00:00Z", StartAt::Time(1_769_860_800_000)),
        ("2026-01-31T20:00:00+08:00", StartAt::Time(1_769_860_800_000)),
    ] {
        for loaded in
            [entry(&format!("kind = \"log\"\nstart = {text:?}")), loaded(&format!("[dispatch]\nstart = {text:?}"))]
        {
            let config = loaded.expect("loads").config;
            assert_eq!(
                config.handlers.first().map_or(config.dispatch.start, |h| h.start.expect("given")),
                start,
                "{text}"
            );
        }
    }
    for bad in ["", "Now", "2026-01-31", "2026-01-31T12:00:00", "1", "end"] {
        assert_refused(entry(&format!("kind = \"log\"\nstart = {bad:?}")), &["handlers[0].start", "beginning"]);
        assert_refused(loaded(&format!("[dispatch]\nstart = {bad:?}")), &["dispatch.start", "beginning"]);
    }
}

#[test]
fn how_handlers_are_run_has_bounds() {
    let week = 7 * 24 * 3600;
    let lists = |count: usize, secs: u32| format!("retry_secs = {:?}", vec![secs; count]);
    for good in [lists(0, 0), lists(100, week), "concurrency = 1024".to_owned(), "timeout_secs = 1".to_owned()] {
        assert!(entry(&format!("kind = \"log\"\n{good}")).is_ok(), "{good}");
        assert!(loaded(&format!("[dispatch]\n{good}")).is_ok(), "{good}");
    }
    for (bad, key) in [
        (lists(101, 0), "retry_secs"),
        (lists(1, week + 1), "retry_secs"),
        ("concurrency = 0".to_owned(), "concurrency"),
        ("concurrency = 1025".to_owned(), "concurrency"),
        ("timeout_secs = 0".to_owned(), "timeout_secs"),
    ] {
        assert_refused(entry(&format!("kind = \"log\"\n{bad}")), &["handlers: \"h\"", key]);
        assert_refused(loaded(&format!("[dispatch]\n{bad}")), &["dispatch", key]);
    }
}

#[test]
fn a_handlers_secrets_are_not_repeated_by_what_is_wrong_around_them() {
    for keys in [
        "kind = \"forward\"\nurl = \"https://me:s3cret@example.com\"\nsecrets = [\"s3cret\"]\nformat = \"xml\"",
        "kind = \"log\"\nsecrets = [\"s3cret\"]",
        "kind = \"log\"\nurl = \"https://me:s3cret@example.com\"",
        "kind = \"forward\"\nsecrets = [\"s3cret\"]",
        "kind = \"forward\"\nurl = [\"https://me:s3cret@example.com\"]",
    ] {
        let message = entry(keys).expect_err("refused").0;
        assert!(!message.contains("s3cret"), "{keys}: {message}");
    }
    let loaded =
        entry("kind = \"forward\"\nurl = \"https://me:s3cret@example.com\"\nsecrets = [\"s3cret\"]").expect("loads");
    assert_eq!(loaded.config.handlers[0].secrets[0].expose_secret(), "s3cret");
    assert!(!format!("{:?}", loaded.config).contains("s3cret"));
    assert!(!crate::config::show(&loaded).contains("s3cret"));
}
