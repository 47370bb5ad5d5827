//! How much of all bodies may be in memory at a time, and whose.

use tokio::net::TcpStream;

use crate::harness::db::{Database, eventually};
use crate::harness::service::wire::Wire;
use crate::harness::service::{APP, Callback, Launch, Service};

/// Room for eight bodies of 1,000 bytes; one of them for strangers.
async fn service(db: &Database) -> Service {
    Launch::on(db)
        .app(APP, &["token"])
        .toml("[receiver]\nmax_body_bytes = 1000\nmax_inflight_bytes = 8000")
        .start()
        .await
}

/// A body of 1,000 bytes, all but `missing` of them sent.
async fn under_way(service: &Service, callback: Callback<'_>, missing: usize) -> Wire<TcpStream> {
    let mut connection = service.connect().await;
    let body = vec![b' '; 1000 - missing];
    connection.send(callback.body(body).bytes("POST", "Content-Length: 1000\r\n")).await;
    connection
}

async fn in_memory(bytes: f64, service: &Service) {
    let there = async || service.metric("portraitd_body_bytes", "").await == bytes;
    eventually(&format!("{bytes} bytes of bodies are in memory"), there).await;
}

async fn assert_overloaded(service: &Service, callback: Callback<'_>, case: &str) {
    let mut connection = service.connect().await;
    connection.send(callback.request()).await;
    let answer = connection.answer().await;
    answer.assert_fail(503, case);
    assert_eq!(answer.header("connection"), Some("close"), "{case}");
    assert!(connection.is_closed().await, "{case}");
}

#[tokio::test]
async fn beyond_the_limit_callbacks_are_503_and_taken_again_once_there_is_room() {
    let db = Database::sqlite().await;
    let service = service(&db).await;
    let signed = || service.callback().signed("token");
    let mut full = Vec::new();
    for _ in 0..8 {
        full.push(under_way(&service, signed(), 1).await);
    }
    in_memory(8.0 * 999.0, &service).await;
    assert_overloaded(&service, signed(), "no room for a callback").await;
    assert_overloaded(&service, service.callback(), "nor for a stranger's").await;
    assert_eq!(service.metric("portraitd_callbacks_total", "overloaded").await, 2.0);
    for connection in &mut full {
        connection.send(" ").await;
        connection.answer().await.assert_ok("what was under way: a blank body, the console's check");
    }
    in_memory(0.0, &service).await;
    signed().post().await.assert_ok("there is room again");
    assert_eq!(service.verified_entries(), 1);
}

#[tokio::test]
async fn strangers_cannot_use_up_what_callbacks_need() {
    let db = Database::sqlite().await;
    let service = service(&db).await;
    let mut stranger = under_way(&service, service.callback(), 1).await;
    in_memory(999.0, &service).await;
    assert_overloaded(&service, service.callback(), "without a Sign").await;
    assert_overloaded(&service, service.callback().with("SdkAppid", 7).signed("token"), "an unknown app").await;
    assert_overloaded(&service, service.callback().signed("another"), "a wrong Sign").await;
    assert_overloaded(&service, service.callback().signed_at("token", -3600), "an old Sign").await;
    for _ in 0..3 {
        service.callback().signed("token").post().await.assert_ok("a right Sign");
    }
    stranger.send(" ").await;
    stranger.answer().await.assert_fail(401, "which is what a stranger with room is told");
    service.callback().post().await.assert_fail(401, "and the next one");
}

#[tokio::test]
async fn what_is_announced_and_not_sent_takes_no_room() {
    let db = Database::sqlite().await;
    let service = service(&db).await;
    let mut announced = Vec::new();
    for _ in 0..50 {
        announced.push(under_way(&service, service.callback().signed("token"), 990).await);
    }
    in_memory(500.0, &service).await;
    service.callback().signed("token").post().await.assert_ok("there is room");
    drop(announced);
    in_memory(0.0, &service).await;
}
