//! Handlers, and Tencent's API with each app's secret key.

use portraitd::emulator::{Emulator, Options, SECRET_KEY};

use super::*;

const KEY: &str = "PORTRAITD_SECRET_KEY";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secret_key_is_tried_with_one_question() {
    let db = Database::sqlite().await;
    let service = Service::start(&db).await;
    let emulator = Emulator::start(Options::default()).await.expect("it starts");
    let url = emulator.base_url();
    let base_url = ("PORTRAITD__TENCENT__BASE_URL", url.as_str());
    let run = |env: &[(&str, &str)]| tokio::task::block_in_place(|| doctor(&service, env, &[]));

    assert_line(&run(&[base_url]), "ok", "not used: no app has a secret key");
    assert!(emulator.calls().is_empty(), "nothing was asked");

    let output = run(&[base_url, (KEY, SECRET_KEY)]);
    assert_eq!(program::code(&output), 0, "{}", said(&output));
    assert_line(&output, "ok", "app 1400000000: asked as administrator, answered within");

    let output = run(&[base_url, (KEY, "not the key")]);
    assert_eq!(program::code(&output), 1, "{}", said(&output));
    assert_line(&output, "fail", "app 1400000000: asked as administrator: portrait_get: 70009");

    let output = run(&[("PORTRAITD__TENCENT__BASE_URL", "http://127.0.0.1:9"), (KEY, SECRET_KEY)]);
    assert_line(&output, "fail", "check tencent.region and the way out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_that_could_not_start_are_named() {
    let db = Database::sqlite().await;
    let service = Service::start(&db).await;
    let toml = r#"
        [reconcile]
        every = "1d"
        [[handlers]]
        name = "trace"
        kind = "log"
        [[handlers]]
        name = "push"
        kind = "push-attributes"
        [handlers.attributes]
        city = "Tag_Profile_IM_Location"
        [[handlers]]
        name = "events"
        kind = "jetstream"
        url = "nats://127.0.0.1:9"
        credentials = "not-there.creds"
    "#;
    let config = service.path("handlers.toml");
    std::fs::write(&config, toml).expect("a file");
    let output = doctor(&service, &[("PORTRAITD_CONFIG", config.to_str().expect("a path"))], &[]);
    assert_eq!(program::code(&output), 1, "{}", said(&output));
    assert_line(&output, "ok", "trace");
    assert_line(&output, "fail", "app 1400000000 has no secret key");
    assert_line(&output, "fail", "not-there.creds");
    assert_line(&output, "fail", "fail  reconcile.every: reconciling takes an app's secret key");
}
