//! Which apps it speaks for, and what keeps it from starting.

use form_urlencoded::parse;

use super::super::forward::backend::{Backend, Manner};
use super::*;
use crate::harness::service::APP;

/// A vendor that takes everything.
async fn vendor() -> Backend {
    let answer = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#;
    Backend::that([Manner::Says(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}", answer.len()))]).await
}

fn entry(base_url: &str, more: &str) -> String {
    format!(
        "[tencent]\nbase_url = {base_url:?}\n[[handlers]]\nname = \"push\"\nkind = \"push-attributes\"\n{more}\n\
         attributes = {{ city = \"{CITY}\" }}\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_apps_changes_are_sent_for_that_app_with_its_own_key() {
    let db = Database::sqlite().await;
    let mut vendor = vendor().await;
    let toml = entry(&vendor.url(""), "");
    let launch = Launch::on(&db).toml(&toml).app(APP, &[]).secret_key("one").app(APP + 1, &[]).secret_key("two");
    let service = launch.start().await;
    let now =
        i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()).unwrap();
    for (app, key) in [(APP, "one"), (APP + 1, "two")] {
        service.callback().with("SdkAppid", app).sets(CITY, json!("Bern")).post().await.assert_ok("a callback");
        let request = vendor.request().await;
        let url = request.line.strip_prefix("POST /v4/timpush/set_attr?").expect(&request.line);
        let query: BTreeMap<_, _> =
            parse(url.strip_suffix(" HTTP/1.1").expect("a version").as_bytes()).into_owned().collect();
        assert_eq!(query["sdkappid"], app.to_string());
        let usersig = portraitd::tencent::usersig::check(
            &query["usersig"],
            &key.into(),
            app.unsigned_abs(),
            "administrator",
            now,
        );
        assert!(usersig.is_ok(), "{app}: {usersig:?}");
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!(body, json!({ "UserAttrs": [{ "To_Account": "id1", "Attrs": { "city": "Bern" } }] }));
    }
    is_through(&service, 2).await;
    assert!(!service.stderr().contains("usersig"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_without_a_secret_key_keeps_it_from_starting_unless_the_entry_leaves_it_out() {
    let db = Database::sqlite().await;
    let vendor = vendor().await;
    let launch = |more: &str| Launch::on(&db).toml(&entry(&vendor.url(""), more)).app(APP, &[]).secret_key("one");
    let (status, said) = launch("").app(APP + 1, &[]).fail().await;
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains(&format!("handlers: \"push\": app {} has no secret key", APP + 1)), "{said}");
    assert!(said.contains("PORTRAITD_SECRET_KEY") && said.contains("[[apps]]"), "{said}");
    drop(launch(&format!("apps = [{APP}]")).app(APP + 1, &[]).start().await);
    let (status, said) = launch(&format!("apps = [{}]", APP + 2)).fail().await;
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains(&format!("app {} has no secret key", APP + 2)), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attribute_that_could_not_work_keeps_it_from_starting() {
    let db = Database::sqlite().await;
    let toml = entry("http://127.0.0.1:1", "").replace(CITY, "Location");
    let (status, said) = Launch::on(&db).toml(&toml).env("PORTRAITD_SECRET_KEY", "x").fail().await;
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("handlers: \"push\": attributes.city: tag = \"Location\" is no profile field"), "{said}");
}
