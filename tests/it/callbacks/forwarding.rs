//! Other commands forwarded to a backend: what it gets, what comes back, and what a bad one can do.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::harness::db::Database;
use crate::harness::service::{APP, Launch, Service};

const AFTER: &str = "Sns.CallbackFriendAdd";
const BEFORE: &str = "C2C.CallbackBeforeSendMsg";
const SAID: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ResultItem":[]}"#;

/// What a backend does with a request.
#[derive(Clone)]
enum Manner {
    /// Answers with these bytes and closes.
    Says(String),
    /// Reads, and says nothing.
    Mute,
    /// Never stops talking.
    Endless,
}

/// A backend that keeps what it was asked, byte for byte.
struct Backend {
    url: String,
    asked: mpsc::UnboundedReceiver<String>,
}

impl Backend {
    async fn that(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://me:s3cret@{}/im", listener.local_addr().expect("an address"));
        let (tell, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (tell, manner) = (tell.clone(), manner.clone());
                tokio::spawn(async move {
                    let (mut request, mut part) = (Vec::new(), [0; 4096]);
                    while !String::from_utf8_lossy(&request).ends_with("<end>") {
                        match stream.read(&mut part).await {
                            Ok(length @ 1..) => request.extend_from_slice(&part[..length]),
                            _ => return,
                        }
                    }
                    let _ = tell.send(String::from_utf8_lossy(&request).into_owned());
                    match manner {
                        Manner::Says(answer) => drop(stream.write_all(answer.as_bytes()).await),
                        Manner::Mute => std::future::pending().await,
                        Manner::Endless => {
                            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
                        }
                    }
                });
            }
        });
        Backend { url, asked }
    }

    async fn service(&self, db: &Database) -> Service {
        let toml = format!("[receiver]\nother_commands = {:?}\nanswer_budget_ms = 1500", self.url);
        Launch::on(db).app(APP, &["token"]).toml(&toml).start().await
    }

    fn last(&mut self) -> String {
        self.asked.try_recv().expect("it was asked")
    }
}

fn ok(headers: &str, body: &str) -> Manner {
    Manner::Says(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    ))
}

/// A signed request, and the backend's answer if there is one.
async fn post(service: &Service, command: &str, headers: &[(&str, &str)]) -> reqwest::Response {
    let target = service.callback().with("CallbackCommand", command).signed("token").target();
    let mut request = service.http.post(format!("{}{target}", service.url)).body("{\"a\":1}<end>");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verified_request_goes_to_the_backend_as_it_came_and_its_answer_comes_back() {
    let db = Database::sqlite().await;
    let mut backend =
        Backend::that(ok("Content-Type: application/json; x=1\r\nSet-Cookie: a=b\r\nX-Inner: 1\r\n", SAID)).await;
    let service = backend.service(&db).await;
    let headers = [
        ("Cookie", "session=1"),
        ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "1"),
        ("Te", "trailers"),
        ("X-Mine", "2"),
        ("X-Forwarded-For", "203.0.113.9"),
        ("Authorization", "Bearer theirs"),
        ("Accept-Encoding", "gzip"),
    ];
    let answer = post(&service, AFTER, &headers).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().expect("text")),
        (200, "application/json; x=1")
    );
    for gone in ["set-cookie", "x-inner"] {
        assert!(!answer.headers().contains_key(gone), "{gone}");
    }
    assert_eq!(answer.text().await.expect("text"), SAID);

    let asked = backend.last();
    let (head, body) = asked.split_once("\r\n\r\n").expect("a head");
    assert_eq!(body, "{\"a\":1}<end>");
    let line = head.lines().next().expect("a line");
    assert!(
        line.starts_with("POST /im?SdkAppid=1400000000&") && line.contains("Sign=") && line.contains(AFTER),
        "{line}"
    );
    let head = head.to_ascii_lowercase();
    for there in ["x-mine: 2", "x-forwarded-for: 127.0.0.1", "authorization: basic bwu6cznjcmv0"] {
        assert!(head.contains(there), "{there} in {head}");
    }
    for gone in ["cookie", "x-hop", "trailers", "203.0.113.9", "theirs", "gzip"] {
        assert!(!head.contains(gone), "{gone} in {head}");
    }
    assert_eq!(service.verified_entries(), 0, "it is not recorded");
    assert_eq!(service.metric("portraitd_callbacks_total", "forwarded").await, 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_without_a_name_or_without_a_password_is_not_the_senders_either() {
    let db = Database::sqlite().await;
    let mut backend = Backend::that(ok("", SAID)).await;
    for (login, basic) in [(":s3cret@", "Basic OnMzY3JldA=="), ("me@", "Basic bWU6"), ("", "Bearer theirs")] {
        let url = backend.url.replace("me:s3cret@", login);
        let toml = format!("[receiver]\nother_commands = {url:?}");
        let service = Launch::on(&db).app(APP, &["token"]).toml(&toml).start().await;
        post(&service, AFTER, &[("Authorization", "Bearer theirs")]).await;
        let asked = backend.last();
        let lines: Vec<_> =
            asked.lines().filter(|line| line.to_ascii_lowercase().starts_with("authorization:")).collect();
        assert!(lines.len() == 1 && lines[0].ends_with(basic), "{login:?}: {lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_verified_or_ours_or_the_check_never_reaches_the_backend() {
    let db = Database::sqlite().await;
    let mut backend = Backend::that(ok("", SAID)).await;
    let service = backend.service(&db).await;
    let other = || service.callback().with("CallbackCommand", AFTER).body("{\"a\":1}<end>");
    other().post().await.assert_fail(401, "no Sign");
    other().signed("wrong").post().await.assert_fail(401, "a wrong Sign");
    other().signed_at("token", -600).post().await.assert_fail(401, "stale");
    other().signed("token").body("{}").post().await.assert_ok("the console's check");
    other()
        .signed("token")
        .body(r#"{"CallbackCommand":"State.StateChange"}"#)
        .post()
        .await
        .assert_fail(400, "another in the body");
    service.callback().signed("token").post().await.assert_ok("ours");
    assert!(backend.asked.try_recv().is_err(), "it was not asked");
    assert_eq!(service.verified_entries(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backends_refusal_is_returned_as_it_is() {
    let db = Database::sqlite().await;
    let refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno".to_owned();
    let backend = Backend::that(Manner::Says(refusal)).await;
    let service = backend.service(&db).await;
    let answer = post(&service, BEFORE, &[]).await;
    assert_eq!(answer.status().as_u16(), 403);
    assert_eq!(answer.text().await.expect("text"), "no");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_fails_is_503_before_the_event_and_ok_after_it() {
    let db = Database::sqlite().await;
    let elsewhere = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let manners = [
        ("a redirect", Manner::Says(elsewhere.to_owned())),
        ("an internal error", Manner::Says("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_owned())),
        ("nothing", Manner::Says(String::new())),
        ("no HTTP", Manner::Says("hello\r\n\r\n".to_owned())),
        ("half an answer", Manner::Says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_owned())),
        ("silence", Manner::Mute),
        ("an endless answer", Manner::Endless),
    ];
    for (case, manner) in manners {
        let backend = Backend::that(manner).await;
        let service = backend.service(&db).await;
        for (command, status) in [(BEFORE, 503), (AFTER, 200)] {
            let begun = Instant::now();
            let answer = post(&service, command, &[]).await;
            assert_eq!(answer.status().as_u16(), status, "{case}, {command}");
            assert!(begun.elapsed() < Duration::from_secs(4), "{case}: {:?}", begun.elapsed());
        }
        let said = service.says("the backend for other commands failed").await;
        assert!(!said.contains("Sign") && !said.contains("s3cret"), "{case}: {said}");
        assert_eq!(service.metric("portraitd_callbacks_total", "forward_failed").await, 2.0, "{case}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_hangs_is_asked_so_many_times_at_once_and_holds_up_no_callback() {
    let db = Database::sqlite().await;
    let mut backend = Backend::that(Manner::Mute).await;
    let service = backend.service(&db).await;
    let many = (0..100).map(|_| post(&service, BEFORE, &[]));
    let (answers, ours) = tokio::join!(futures_util::future::join_all(many), async {
        let begun = Instant::now();
        service.callback().signed("token").post().await.assert_ok("ours");
        begun.elapsed()
    });
    assert!(answers.iter().all(|answer| answer.status().as_u16() == 503));
    assert!(ours < Duration::from_secs(1), "{ours:?}");
    let asked = std::iter::from_fn(|| backend.asked.try_recv().ok()).count();
    assert!(asked <= 64, "{asked} at once");
}
