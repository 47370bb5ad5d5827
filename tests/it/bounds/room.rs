//! How many connections there may be, and who makes room.

use tokio::net::TcpStream;

use crate::harness::db::{Database, eventually};
use crate::harness::service::wire::Wire;
use crate::harness::service::{APP, Launch, Service};
use crate::tls::{Files, certificate, connect};

async fn with_room_for(connections: usize, db: &Database) -> Service {
    Launch::on(db).app(APP, &["token"]).toml(&format!("[receiver]\nmax_connections = {connections}")).start().await
}

async fn callback(connection: &mut Wire<TcpStream>, service: &Service, case: &str) {
    connection.send(service.callback().signed("token").request()).await;
    connection.answer().await.assert_ok(case);
}

async fn proven(service: &Service) -> Wire<TcpStream> {
    let mut connection = service.connect().await;
    callback(&mut connection, service, "a connection's first callback").await;
    connection
}

async fn there_are(connections: f64, service: &Service) {
    let there = async || service.metric("portraitd_connections", "public").await == connections;
    eventually(&format!("{connections} connections"), there).await;
}

/// A head, and a body that does not come whole.
async fn trickling(service: &Service) -> Wire<TcpStream> {
    let mut connection = service.connect().await;
    connection.send(service.callback().signed("token").body("{").bytes("POST", "Content-Length: 1000\r\n")).await;
    connection
}

#[tokio::test]
async fn strangers_make_room_and_a_proven_connection_stays() {
    let db = Database::sqlite().await;
    let service = with_room_for(8, &db).await;
    let mut chat = proven(&service).await;
    let mut strangers = Vec::new();
    for _ in 0..100 {
        strangers.push(service.connect().await);
        let mut half = service.connect().await;
        half.send("POST / HT").await;
        strangers.push(half);
    }
    let evicted = async || service.metric("portraitd_connections_evicted_total", "public").await == 193.0;
    eventually("200 strangers found 7 places", evicted).await;
    callback(&mut chat, &service, "the connection from before").await;
    let mut later = proven(&service).await;
    callback(&mut chat, &service, "the first, again").await;
    callback(&mut later, &service, "the second, again").await;
    there_are(8.0, &service).await;
    assert_eq!(service.metric("portraitd_connections_refused_total", "").await, 0.0);
    drop(strangers);
    there_are(2.0, &service).await;
}

#[tokio::test]
async fn a_request_that_has_not_arrived_whole_makes_room() {
    let db = Database::sqlite().await;
    let service = with_room_for(1, &db).await;
    let mut trickling = trickling(&service).await;
    eventually("its body is under way", async || service.metric("portraitd_body_bytes", "").await == 1.0).await;
    let mut chat = proven(&service).await;
    assert!(trickling.is_closed().await);
    callback(&mut chat, &service, "and again").await;
    assert_eq!(service.metric("portraitd_body_bytes", "").await, 0.0);
}

#[tokio::test]
async fn neither_a_refusal_nor_the_health_check_proves_anything() {
    let db = Database::sqlite().await;
    let service = with_room_for(1, &db).await;
    let mut unsigned = service.connect().await;
    unsigned.send(service.callback().request()).await;
    unsigned.answer().await.assert_fail(401, "no Sign");
    let mut health = service.connect().await;
    health.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(health.answer().await.text, "ok\n");
    assert!(unsigned.is_closed().await);
    proven(&service).await;
    assert!(health.is_closed().await);
}

#[tokio::test]
async fn one_good_request_does_not_keep_a_place_for_bad_ones() {
    let db = Database::sqlite().await;
    let service = with_room_for(2, &db).await;
    let (mut chat, mut other) = (proven(&service).await, proven(&service).await);
    for (case, request) in [
        ("no Sign", service.callback().request()),
        ("another path", service.callback().at("/other").request()),
        ("another method", service.callback().body("").bytes("PUT", "Content-Length: 0\r\n")),
        ("the health check", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
    ] {
        other.send(request).await;
        other.answer().await;
        let newcomer = proven(&service).await;
        assert!(other.is_closed().await, "{case}");
        other = newcomer;
        callback(&mut chat, &service, case).await;
    }
    assert_eq!(service.metric("portraitd_connections_evicted_total", "public").await, 4.0);
    assert_eq!(service.metric("portraitd_connections_refused_total", "public").await, 0.0);
}

#[tokio::test]
async fn without_a_stranger_the_next_is_told_so_and_served_once_there_is_room() {
    let db = Database::sqlite().await;
    let service = with_room_for(2, &db).await;
    let (mut first, second) = (proven(&service).await, proven(&service).await);
    for _ in 0..3 {
        let mut third = service.connect().await;
        third.send(service.callback().signed("token").request()).await;
        let answer = third.answer().await;
        assert_eq!(answer.assert_fail(503, "there is no room"), "too many connections");
        assert_eq!(answer.header("connection"), Some("close"));
        third.finish().await;
        assert!(third.is_closed().await);
    }
    assert_eq!(service.metric("portraitd_connections_refused_total", "public").await, 3.0);
    assert_eq!(service.metric("portraitd_connections_evicted_total", "").await, 0.0);
    drop(second);
    there_are(1.0, &service).await;
    proven(&service).await;
    callback(&mut first, &service, "the first was there all the time").await;
    assert_eq!(service.verified_entries(), 4);
}

#[tokio::test]
async fn with_too_few_file_descriptors_there_are_fewer_connections_and_they_suffice() {
    let db = Database::sqlite().await;
    let service = Launch::on(&db).app(APP, &["token"]).descriptors(200).start().await;
    let line = service.says("200 file descriptors").await;
    assert!(line.contains("88 connections instead of receiver.max_connections = 4096"), "{line}");
    assert!(line.contains("12 instead of admin.max_connections = 256"), "{line}");
    service.freeze();
    let mut crowd = Vec::new();
    for _ in 0..300 {
        crowd.push(service.connect().await);
    }
    service.thaw();
    let mut chat = proven(&service).await;
    there_are(88.0, &service).await;
    callback(&mut chat, &service, "again").await;
    assert!(!service.stderr().contains("accepting a connection failed"), "{}", service.stderr());
    assert_eq!(service.verified_entries(), 2);
}

#[tokio::test]
async fn over_tls_the_next_is_closed() {
    let (pair, db) = (certificate(), Database::sqlite().await);
    let files = Files::new(&pair);
    let tls = format!("[receiver]\nmax_connections = 1\n{}", files.toml());
    let service = Launch::on(&db).toml(&tls).start().await;
    let mut chat = Wire::new(connect(service.public, &[&pair]).await.expect("TLS"));
    chat.send(service.callback().request()).await;
    chat.answer().await.assert_ok("the first");
    assert!(connect(service.public, &[&pair]).await.is_err(), "there is no room for a second");
    chat.send(service.callback().request()).await;
    chat.answer().await.assert_ok("the first, again");
}

#[tokio::test]
async fn the_private_listener_has_its_own_limit_and_readiness_proves_nothing_there() {
    let db = Database::sqlite().await;
    let service = Launch::on(&db).toml("[admin]\nmax_connections = 1").start().await;
    let ask = async |path: &str| {
        let mut connection = Wire::new(TcpStream::connect(service.private).await.expect("a connection"));
        connection.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        let answer = connection.answer().await;
        (connection, answer)
    };
    let (mut ready, answer) = ask("/readyz").await;
    assert_eq!(answer.status, 200);
    let (_metrics, answer) = ask("/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(ready.is_closed().await);
    let (_, answer) = ask("/metrics").await;
    assert_eq!((answer.status, answer.header("content-type")), (503, Some("application/problem+json")));
    service.callback().post().await.assert_ok("the public listener is another one");
}
