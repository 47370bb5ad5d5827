//! What a listener allows: how many connections, and how long each step of one may take.

use std::time::Duration;

use bytes::Bytes;

/// The bounds of one listener.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// Paths that anybody may ask: a good answer there proves nothing about who asks.
    pub open: &'static [&'static str],
    /// What a connection is told that finds no room.
    pub refusal: Refusal,
    /// How long each step may take.
    pub times: Times,
}

/// A whole answer, ready to be sent: 503, and then the connection closes.
#[derive(Debug, Clone)]
pub struct Refusal(pub(super) Bytes);

impl Refusal {
    /// With this body.
    pub fn new(content_type: &str, body: &str) -> Self {
        Refusal(Bytes::from(format!(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        )))
    }
}

/// How long each step of a connection may take. A body's time is not among them: that is for whoever reads it.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// The TLS handshake.
    pub handshake: Duration,
    /// From the connection, or its handshake, to its first byte; up to half as much again. A silent connection costs little,
    /// at the limit it makes room, and each that is closed may be back with another handshake.
    pub first_byte: Duration,
    /// From a request's first byte to the end of its head.
    pub head: Duration,
    /// From an answer to the next request. Long: Chat keeps its connections.
    pub idle: Duration,
    /// From an answer until the connection makes room for another, where there is no stranger.
    pub makes_room: Duration,
    /// How long a peer may leave an answer unread.
    pub write: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Times {
            handshake: Duration::from_secs(10),
            first_byte: Duration::from_secs(30),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(600),
            makes_room: Duration::from_secs(60),
            write: Duration::from_secs(30),
        }
    }
}
