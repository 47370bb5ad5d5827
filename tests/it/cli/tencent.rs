//! `profile`, `push-attrs`, `usersig` and `allowlist`: what they send, print, and how they end.

use std::path::Path;
use std::process::Output;

use portraitd::tencent::usersig::check;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::harness::service::program;
use crate::tencent::{APP, Backend, Manner, OK, SECRET_KEY, answers, body, refuses};

/// Runs it in an environment where the one app has its key, and Tencent is this backend.
fn run(folder: &Path, backend: &Backend, arguments: &[&str]) -> Output {
    let (app, url) = (APP.to_string(), backend.url(""));
    let env = [
        ("PORTRAITD_SDK_APP_ID", app.as_str()),
        ("PORTRAITD_SECRET_KEY", SECRET_KEY),
        ("PORTRAITD__TENCENT__BASE_URL", &url),
        ("PORTRAITD__RECEIVER__ALLOWLIST", "allowlist"),
    ];
    let output = program::run(folder, &env, arguments);
    for text in [&output.stdout, &output.stderr] {
        assert!(!String::from_utf8_lossy(text).contains(SECRET_KEY), "the secret key shows");
    }
    output
}

async fn once(manner: Manner, arguments: &[&str]) -> (Output, Backend) {
    let folder = tempdir().expect("a folder");
    let backend = Backend::that([manner]).await;
    let output = tokio::task::block_in_place(|| run(folder.path(), &backend, arguments));
    (output, backend)
}

const PROFILES: &str = r#"{"ErrorCode":0,"UserProfileItem":[
    {"To_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"Al\u001b[2J"},{"Tag":"Tag_Profile_IM_Level","Value":7}],"ResultCode":0},
    {"To_Account":"bob","ResultCode":40003,"ResultInfo":"nobody"}],"Fail_Account":["bob"]}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn profile_set_takes_short_names_and_sends_integers_where_they_belong() {
    let arguments = ["profile", "set", "alice", "nick=a=b", "gender=female", "level=7", "Tag_Profile_Custom_Team=7"];
    let (output, mut backend) = once(answers(OK), &arguments).await;
    assert_eq!(program::stdout(&output), "");
    assert_eq!(program::stderr(&output), "alice: set\n");
    let expected = json!({ "From_Account": "alice", "ProfileItem": [
        { "Tag": "Tag_Profile_IM_Nick", "Value": "a=b" },
        { "Tag": "Tag_Profile_IM_Gender", "Value": "Gender_Type_Female" },
        { "Tag": "Tag_Profile_IM_Level", "Value": 7 },
        { "Tag": "Tag_Profile_Custom_Team", "Value": "7" },
    ] });
    assert_eq!(body(&backend.request().await), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_tencent_refuses_exits_1_and_what_a_limit_refuses_exits_2() {
    let (output, _) = once(refuses(40003), &["profile", "set", "alice", "nick=x"]).await;
    assert_eq!(program::code(&output), 1);
    assert!(program::stderr(&output).contains("40003, the account does not exist"), "{}", program::stderr(&output));
    for (arguments, why) in [
        (["profile", "set", "alice", "level=high"], "level: must be an integer"),
        (["profile", "set", "alice", "gender=no"], "Gender_Type_Unknown, Gender_Type_Female"),
        (["profile", "set", "alice", "nickname=x"], "nickname: is no standard field"),
    ] {
        let (output, mut backend) = once(answers(OK), &arguments).await;
        assert_eq!(program::code(&output), 2, "{}", program::stderr(&output));
        assert!(program::stderr(&output).contains(why) && output.stdout.is_empty(), "{}", program::stderr(&output));
        assert_eq!(backend.drained(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_twice_or_is_no_account_is_refused_and_nothing_is_sent() {
    let cases: [(&[&str], &str); 6] = [
        (&["profile", "set", "alice", "nick=a", "Tag_Profile_IM_Nick=b"], "Tag_Profile_IM_Nick: is given twice"),
        (&["push-attrs", "set", "sex=a", "sex=b", "--account", "alice"], "sex: is given twice"),
        (&["push-attrs", "names", "1=sex", "01=city"], "1: is given twice"),
        (&["usersig", ""], "the account \"\""),
        (&["usersig", "小明"], "printable ASCII"),
        (&["profile", "get", "小明"], "printable ASCII"),
    ];
    for (arguments, why) in cases {
        let (output, mut backend) = once(answers(OK), arguments).await;
        assert_eq!(program::code(&output), 2, "{}", program::stderr(&output));
        assert!(program::stderr(&output).contains(why) && output.stdout.is_empty(), "{}", program::stderr(&output));
        assert_eq!(backend.drained(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn profile_get_shows_those_that_worked_names_the_others_and_exits_1() {
    let arguments = ["profile", "get", "alice", "bob", "--tag", "nick", "--tag", "Tag_Profile_IM_Level"];
    let (output, mut backend) = once(answers(PROFILES), &arguments).await;
    assert_eq!(program::code(&output), 1);
    let (shown, said) = (String::from_utf8_lossy(&output.stdout), program::stderr(&output));
    assert!(shown.contains("alice") && shown.contains("Al\\u{1b}[2J") && !shown.contains("bob"), "{shown}");
    assert!(said.contains("bob: portrait_get: 40003") && said.contains("1 of 2 accounts failed"), "{said}");
    let asked = body(&backend.request().await);
    assert_eq!(asked["TagList"], json!(["Tag_Profile_IM_Nick", "Tag_Profile_IM_Level"]));

    let (output, mut backend) = once(answers(PROFILES), &["profile", "get", "alice", "--json"]).await;
    let items = json!([{ "Tag": "Tag_Profile_IM_Nick", "Value": "Al\u{1b}[2J" }, { "Tag": "Tag_Profile_IM_Level", "Value": 7 }]);
    assert_eq!(program::lines(&output), [json!({ "account": "alice", "items": items })]);
    let asked = body(&backend.request().await);
    assert!(asked["TagList"].as_array().is_some_and(|tags| tags.len() == 11), "{asked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_attrs_are_set_removed_and_shown() {
    let failing = r#"{"ErrorCode":0,"ErrorList":[{"To_Account":"bob","ErrorCode":90035}]}"#;
    let arguments = ["push-attrs", "set", "sex=female", "city=Oslo", "--account", "alice", "--account", "bob"];
    let (output, mut backend) = once(answers(failing), &arguments).await;
    let said = program::stderr(&output);
    assert_eq!(program::code(&output), 1);
    assert!(said.contains("alice: set") && said.contains("bob: set_attr: 90035"), "{said}");
    let attrs = json!({ "city": "Oslo", "sex": "female" });
    let expected = [json!({ "To_Account": "alice", "Attrs": attrs }), json!({ "To_Account": "bob", "Attrs": attrs })];
    assert_eq!(body(&backend.request().await)["UserAttrs"], Value::from(expected.to_vec()));

    let (output, mut backend) = once(answers(OK), &["push-attrs", "remove", "sex", "--account", "alice"]).await;
    assert_eq!(program::stdout(&output), "");
    assert_eq!(body(&backend.request().await), json!({ "UserAttrs": [{ "To_Account": "alice", "Attrs": ["sex"] }] }));

    let got = r#"{"ErrorCode":0,"UserAttrs":[{"To_Account":"alice","Attrs":{"sex":"female"}}]}"#;
    let (output, _) = once(answers(got), &["push-attrs", "get", "alice", "--json"]).await;
    assert_eq!(program::lines(&output), [json!({ "account": "alice", "attrs": { "sex": "female" } })]);
    let (output, _) = once(answers(got), &["push-attrs", "get", "alice"]).await;
    assert!(program::stdout(&output).contains("female"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_attrs_names_shows_names_or_sets_those_that_are_given() {
    let named = r#"{"ErrorCode":0,"AttrNames":{"0":"sex","1":"city"},"AttrTypes":{"1":1}}"#;
    let (output, _) = once(answers(named), &["push-attrs", "names", "--json"]).await;
    let expected = [
        json!({ "number": 0, "name": "sex", "type": null }),
        json!({ "number": 1, "name": "city", "type": "RegistrationID" }),
    ];
    assert_eq!(program::lines(&output), expected);
    let arguments = ["push-attrs", "names", "0=sex", "--type", "registration-id"];
    let (output, mut backend) = once(answers(OK), &arguments).await;
    assert_eq!(program::stdout(&output), "");
    assert_eq!(body(&backend.request().await), json!({ "AttrNames": { "0": "sex" }, "AttrTypes": { "0": 1 } }));
}

#[test]
fn usersig_makes_one_that_is_good_and_warns_where_it_opens_the_app() {
    let folder = tempdir().expect("a folder");
    let app = APP.to_string();
    let env = [("PORTRAITD_SDK_APP_ID", app.as_str()), ("PORTRAITD_SECRET_KEY", SECRET_KEY)];
    for (identifier, warns) in [("alice", false), ("administrator", true)] {
        let output = program::run(folder.path(), &env, &["usersig", identifier, "--expire", "600"]);
        let now = chrono::Utc::now().timestamp();
        let claims = check(&program::stdout(&output), &SecretString::from(SECRET_KEY), APP, identifier, now);
        assert_eq!(claims.expect("it is good").expire, 600);
        assert_eq!(program::stderr(&output).contains("can do anything"), warns);
    }
}

#[test]
fn which_app_is_meant_must_be_clear_and_it_must_have_a_key() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("portraitd.toml");
    let toml = "[[apps]]\nsdk_app_id = 1\nsecret_key = \"one\"\n[[apps]]\nsdk_app_id = 2\n";
    program::write_secret(&file, toml);
    let run = |arguments: &[&str]| {
        let arguments: Vec<&str> =
            ["usersig", "alice", "--config", "portraitd.toml"].iter().chain(arguments).copied().collect();
        program::run(folder.path(), &[], &arguments)
    };
    for (arguments, why) in [
        (&[][..], "Give --app with one of 1, 2"),
        (&["--app", "2"], "app 2 has no secret key"),
        (&["--app", "3"], "app 3 is not configured"),
    ] {
        let output = run(arguments);
        assert_eq!(program::code(&output), 2);
        assert!(program::stderr(&output).contains(why), "{}", program::stderr(&output));
    }
    let now = chrono::Utc::now().timestamp();
    let made = program::stdout(&run(&["--app", "1"]));
    assert!(check(&made, &SecretString::from("one"), 1, "alice", now).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_allowlist_is_replaced_in_one_step_and_only_by_one_that_is_good() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("allowlist");
    let list = |entries: &str| answers(&format!(r#"{{"ErrorCode":0,"IPList":[{entries}]}}"#));
    let mut backend = Backend::that([
        list(r#""192.0.2.7""#),
        list(r#""198.51.100.0/24","192.0.2.7""#),
        list(r#""192.0.2.9""#),
        list(""),
    ])
    .await;
    tokio::task::block_in_place(|| {
        let shown = program::stdout(&run(folder.path(), &backend, &["allowlist"]));
        assert_eq!(shown, "192.0.2.7/32\n198.51.100.0/24\n");
        assert!(!file.exists());
        let output = run(folder.path(), &backend, &["allowlist", "--nettype", "6", "--write"]);
        assert_eq!(program::stdout(&output), "");
        let written = std::fs::read_to_string(&file).expect("the file");
        assert!(written.starts_with("# ") && written.ends_with("\n192.0.2.9/32\n"), "{written}");
        let output = run(folder.path(), &backend, &["allowlist", "--write"]);
        assert_eq!(program::code(&output), 1, "an empty list shuts everybody out");
        assert_eq!(std::fs::read_to_string(&file).expect("the file"), written);
    });
    let mut asked = String::new();
    for _ in 0..3 {
        asked.push_str(&backend.request().await.line);
    }
    assert!(asked.contains("nettype=5") && asked.contains("nettype=6"), "{asked}");
}
