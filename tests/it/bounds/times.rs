//! How long each step of a connection may take. The listener itself with short times: the program's are long.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use portraitd::config;
use portraitd::listener::{Limits, Listener, Refusal, Times, TlsFiles};
use portraitd::stop::Stop;
use portraitd::telemetry::Metrics;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::db::eventually;
use crate::harness::service::wire::Wire;
use crate::tls::{Files, certificate, connect};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(600);
const ALL_LONG: Times =
    Times { handshake: LONG, first_byte: LONG, head: LONG, idle: LONG, makes_room: LONG, write: LONG };
const REQUEST: &str = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";

/// A listener of this process.
struct Listening {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    stop: Stop,
}

impl Listening {
    async fn with(times: Times) -> Self {
        Self::over(None, times, 100).await
    }

    async fn over(tls: Option<&Files>, times: Times, connections: usize) -> Self {
        let tls = tls.map(|files| TlsFiles::load(&config::Tls { cert: files.cert(), key: files.key() }).expect("PEM"));
        let listener = Listener::bind("127.0.0.1:0".parse().expect("an address"), tls).expect("a port");
        let router = Router::new()
            .route("/", post(|body: Bytes| async move { body.len().to_string() }))
            .route("/unread", post(|| async { "not read" }))
            .route("/large", get(|| async { vec![b'x'; 64 << 20] }));
        let limits = Limits { connections, open: &[], refusal: Refusal::new("text/plain", "full"), times };
        let (address, metrics, stop) = (listener.address(), Arc::new(Metrics::new()), Stop::new());
        tokio::spawn(listener.serve(router, limits, metrics.connections.of("public"), stop.clone()));
        Listening { address, metrics, stop }
    }

    async fn connect(&self) -> Wire<TcpStream> {
        Wire::new(TcpStream::connect(self.address).await.expect("the listener accepts"))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.hard();
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let listening = Listening::with(Times { first_byte: SHORT, ..ALL_LONG }).await;
    assert!(listening.connect().await.is_closed().await);
}

#[tokio::test]
async fn a_connection_that_says_nothing_after_its_handshake_is_closed() {
    let pair = certificate();
    let files = Files::new(&pair);
    let listening = Listening::over(Some(&files), Times { first_byte: SHORT, ..ALL_LONG }, 100).await;
    let mut silent = Wire::new(connect(listening.address, &[&pair]).await.expect("TLS"));
    assert!(silent.is_closed().await);
    let mut speaks = Wire::new(connect(listening.address, &[&pair]).await.expect("TLS"));
    speaks.send(REQUEST).await;
    assert_eq!(speaks.answer().await.text, "2");
}

#[tokio::test]
async fn a_handshake_that_does_not_come_or_stays_half_is_given_up() {
    let pair = certificate();
    let files = Files::new(&pair);
    let listening = Listening::over(Some(&files), Times { handshake: SHORT, ..ALL_LONG }, 100).await;
    for beginning in [&b""[..], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"] {
        let mut connection = listening.connect().await;
        connection.send(beginning).await;
        assert!(connection.is_closed().await, "{beginning:?}");
    }
}

/// Sends a byte now and then until the peer has had enough.
async fn trickles_until_closed(stream: TcpStream, bytes: &[u8]) {
    let begun = Instant::now();
    let (mut from, mut to) = stream.into_split();
    let trickle = async {
        let mut ticks = tokio::time::interval(SHORT / 20);
        for byte in bytes.iter().cycle() {
            ticks.tick().await;
            let _ = to.write_all(&[*byte]).await;
        }
    };
    let mut rest = Vec::new();
    tokio::select! {
        _ = from.read_to_end(&mut rest) => {}
        () = trickle => {}
    }
    assert!(rest.is_empty() && begun.elapsed() >= SHORT / 2, "cut, and not before its time");
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_also_on_a_connection_that_was_answered_before() {
    let listening = Listening::with(Times { head: SHORT, ..ALL_LONG }).await;
    trickles_until_closed(listening.connect().await.stream, b"POST / HTTP/1.1\r\nX: xxxxxxxxxx").await;
    let mut used = listening.connect().await;
    used.send(REQUEST).await;
    assert_eq!(used.answer().await.text, "2");
    trickles_until_closed(used.stream, b"POST / HTTP/1.1\r\nX: xxxxxxxxxx").await;
}

#[tokio::test]
async fn an_idle_connection_is_kept_longer_than_a_head_or_a_first_byte_may_take() {
    let listening = Listening::with(Times { head: SHORT, first_byte: SHORT, ..ALL_LONG }).await;
    let mut idle = listening.connect().await;
    for _ in 0..3 {
        idle.send(REQUEST).await;
        assert_eq!(idle.answer().await.text, "2");
        assert!(listening.connect().await.is_closed().await, "meanwhile another's time is up");
        let mut half = listening.connect().await;
        half.send("POST").await;
        assert!(half.is_closed().await, "and a third one's");
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_the_end() {
    let listening = Listening::with(Times { idle: SHORT, ..ALL_LONG }).await;
    let mut idle = listening.connect().await;
    idle.send(REQUEST).await;
    assert_eq!(idle.answer().await.text, "2");
    assert!(idle.is_closed().await);
}

#[tokio::test]
async fn at_the_limit_an_idle_connection_makes_room_and_one_that_is_used_does_not() {
    let listening = Listening::over(None, Times { makes_room: SHORT, ..ALL_LONG }, 2).await;
    let (mut idle, mut used) = (listening.connect().await, listening.connect().await);
    idle.send(REQUEST).await;
    assert_eq!(idle.answer().await.text, "2");
    eventually("there is room for a third", async || {
        used.send(REQUEST).await;
        assert_eq!(used.answer().await.text, "2");
        let mut third = listening.connect().await;
        third.send(REQUEST).await;
        third.answer().await.text == "2"
    })
    .await;
    assert!(idle.is_closed().await);
    assert_eq!(listening.metrics.connections.of("public").evicted.get(), 1);
}

#[tokio::test]
async fn a_body_on_its_way_is_not_idle_and_not_a_head() {
    let listening = Listening::with(Times { head: SHORT, idle: SHORT, first_byte: SHORT, ..ALL_LONG }).await;
    let mut slow = listening.connect().await;
    slow.send(&REQUEST[..REQUEST.len() - 1]).await;
    assert!(listening.connect().await.is_closed().await, "meanwhile another's time is up");
    slow.send("}").await;
    assert_eq!(slow.answer().await.text, "2");
}

#[tokio::test]
async fn a_peer_that_does_not_read_its_answer_is_cut() {
    let listening = Listening::with(Times { write: SHORT, ..ALL_LONG }).await;
    let mut deaf = listening.connect().await;
    deaf.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let open = listening.metrics.connections.of("public").open;
    eventually("it is there", async || open.get() == 1).await;
    eventually("it is gone", async || open.get() == 0).await;
}

#[tokio::test]
async fn an_answer_given_before_the_body_was_read_still_arrives() {
    let listening = Listening::with(ALL_LONG).await;
    for _ in 0..20 {
        let mut connection = listening.connect().await;
        let body = vec![b' '; 1 << 20];
        connection.send(format!("POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len())).await;
        connection.send(body).await;
        assert_eq!(connection.answer().await.text, "not read");
    }
}
