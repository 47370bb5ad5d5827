//! `[tencent]` and secret keys.

use super::*;

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
