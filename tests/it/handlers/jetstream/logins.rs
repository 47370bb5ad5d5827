//! Who gets in, how it says that somebody does not, and that no secret is said anywhere.

use async_nats::ConnectOptions;
use async_nats::jetstream::stream;

use super::nats::{Nats, Stream};
use super::operator::Operator;
use super::{DEAD, TALKATIVE, entry, has, service};
use crate::harness::db::Database;
use crate::harness::service::program::{set_mode, stdout, write_secret};
use crate::harness::service::{Launch, Service};

/// Nothing of these is in what the service has said or shows of its configuration.
fn assert_silent(service: &Service, secrets: &[&str]) {
    let shown = stdout(&service.cli(&["config", "--config", "portraitd.toml"]));
    assert!(shown.contains("handlers[0].url"), "{shown}");
    let logged = service.stderr();
    for secret in secrets {
        let line = logged.lines().chain(shown.lines()).find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret}: {line:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_in_the_url_lets_in_and_a_wrong_one_is_told_without_the_secret() {
    let everything = "retry_secs = []\n[log]\nfilter = \"trace\"";
    for (authorization, good, bad) in [
        ("user: me, password: \"hunter2@/:\"", "me:hunter2%40%2F%3A@", "me:hunter3@"),
        ("token: hunter2", "hunter2@", "hunter3@"),
    ] {
        let nats = Nats::start(&format!("authorization {{ {authorization} }}")).await;
        let options = match authorization.starts_with("user") {
            true => ConnectOptions::new().user_and_password("me".to_owned(), "hunter2@/:".to_owned()),
            false => ConnectOptions::new().token("hunter2".to_owned()),
        };
        let stream = Stream::made_by(nats.client(options).await, stream::Config::default()).await;
        let url = |login: &str| nats.url().replace("//", &format!("//{login}"));
        let db = Database::sqlite().await;
        let let_in = service(&db, &url(good), everything).await;
        let_in.callback().post().await.assert_ok(good);
        has(&stream, 1).await;
        assert_silent(&let_in, &["hunter2"]);

        let db = Database::sqlite().await;
        let kept_out = service(&db, &url(bad), everything).await;
        kept_out.callback().post().await.assert_ok(bad);
        let said = kept_out.says(DEAD).await;
        assert!(said.contains("no connection to 127.0.0.1:") && said.contains("authorization violation"), "{said}");
        assert_silent(&kept_out, &["hunter3"]);
        assert_eq!(stream.count().await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credentials_file_lets_in_and_is_read_again_when_it_was_replaced() {
    let operator = Operator::new();
    let nats = Nats::start(&operator.config()).await;
    let (good, stranger) = (operator.credentials(), Operator::new().credentials());
    let options = ConnectOptions::with_credentials(&good).expect("credentials");
    let stream = Stream::made_by(nats.client(options).await, stream::Config::default()).await;
    let file = nats.path("nats.creds");
    write_secret(&file, &stranger);
    let db = Database::sqlite().await;
    let more = format!("credentials = {file:?}\n{}", TALKATIVE.replace("info", "trace"));
    let service = service(&db, &nats.url(), &more).await;
    service.callback().post().await.assert_ok("one");
    let said = service.says("no connection to 127.0.0.1:").await;
    assert!(said.contains("authorization violation"), "{said}");
    write_secret(&file, &good);
    has(&stream, 1).await;
    let secrets: Vec<&str> = stranger.lines().chain(good.lines()).filter(|line| !line.contains("--")).collect();
    assert_silent(&service, &secrets.into_iter().filter(|line| line.len() > 20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_connected_with_is_refused_at_the_start_and_not_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        write_secret(&path, text);
        set_mode(&path, mode);
        format!("credentials = {path:?}")
    };
    let (good, seed) = (Operator::new().credentials(), "-----BEGIN USER NKEY SEED-----");
    let broken = good.replace(seed, &format!("{seed}\nhunter2"));
    let url = "nats://127.0.0.1:4222";
    let with_login = file("good", &good, 0o600);
    for (url, more, named) in [
        ("hunter2", "", "url must begin with nats:// or tls://"),
        ("https://hunter2@127.0.0.1", "", "url must begin with nats:// or tls://"),
        ("nats://me:hunter2@", "", "url"),
        ("nats://127.0.0.1,hunter2@127.0.0.1", "", "url must begin with nats:// or tls://"),
        ("nats://me:hunter2@127.0.0.1", with_login.as_str(), "one of them is enough"),
        (url, "subject = \"a..b\"", "subject: \"a..b\" has an empty part"),
        (url, "subject = \"a.>\"", "subject: \"a.>\" may have"),
        (url, "credentials = \"no-such-file\"", "credentials: cannot read no-such-file"),
        (url, &file("open", &good, 0o644), "is open to everybody"),
        (url, &file("jwt", "hunter2", 0o600), "has no BEGIN NATS USER JWT"),
        (url, &file("broken", &broken, 0o600), "has no good key"),
    ] {
        let db = Database::sqlite().await;
        let (ended, said) = Launch::on(&db).toml(&entry("events", url, more)).fail().await;
        assert_eq!(ended.code(), Some(2), "{url} {more}: {said}");
        assert!(said.contains("handlers: \"events\": ") && said.contains(named), "{url} {more}: {said}");
        assert!(!said.contains("hunter2"), "{url} {more}: {said}");
    }
}
