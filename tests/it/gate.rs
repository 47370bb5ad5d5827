//! Who gets in: sources, the allowlist, the limit to failures, files of secrets; and that secrets are said nowhere.

mod allowlist;
mod failures;
mod leaks;
mod secrets;
mod sources;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

use crate::harness::service::wire::Wire;
use crate::harness::service::{Answer, Callback, Service};

/// Sends it from this address of the loopback network.
async fn from(address: [u8; 4], service: &Service, callback: Callback<'_>) -> Answer {
    exchange(address, service, &callback.request()).await
}

/// Sends it through a proxy at 127.0.0.1 that speaks for this source.
async fn through(source: &str, service: &Service, callback: Callback<'_>) -> Answer {
    let headers = format!("X-Forwarded-For: {source}\r\n");
    exchange([127, 0, 0, 1], service, &callback.request_with(&headers)).await
}

async fn exchange(address: [u8; 4], service: &Service, request: &[u8]) -> Answer {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::new(IpAddr::V4(address.into()), 0)).expect("an address of the loopback network");
    let listener = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), service.public.port());
    let mut wire = Wire::new(socket.connect(listener).await.expect("the listener accepts"));
    wire.send(request).await;
    let answer = wire.answer().await;
    if answer.header("connection") == Some("close") {
        assert!(wire.is_closed().await, "it said so");
    }
    answer
}
