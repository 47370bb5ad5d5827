//! HTTP/1.1 by hand, for requests that no client would send.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::callback::Answer;

/// Nothing on a loopback connection takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection and what was read ahead of its last answer.
pub struct Wire<S> {
    pub stream: S,
    ahead: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub fn new(stream: S) -> Self {
        Wire { stream, ahead: Vec::new() }
    }

    /// Sends bytes as they are. A peer that has closed already is no failure here.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
        let _ = self.stream.flush().await;
    }

    /// Says that nothing more comes.
    pub async fn finish(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// The next answer, with its body.
    pub async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while self.ahead.len() < length {
            assert!(self.read().await, "the answer's body is cut off");
        }
        answer.text = String::from_utf8(self.ahead.drain(..length).collect()).expect("UTF-8");
        answer
    }

    /// The next answer's head, where no body follows: to HEAD, or 100.
    pub async fn head(&mut self) -> Answer {
        let end = loop {
            if let Some(end) = self.ahead.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(
                self.read().await,
                "the connection ended without an answer: {:?}",
                String::from_utf8_lossy(&self.ahead)
            );
        };
        let head: Vec<u8> = self.ahead.drain(..end).collect();
        Answer::from_head(std::str::from_utf8(&head).expect("a head in ASCII"))
    }

    /// Whether the peer ends the connection without another byte.
    pub async fn is_closed(&mut self) -> bool {
        self.ahead.is_empty() && !self.read().await
    }

    /// Reads more; false at the end.
    async fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let read =
            tokio::time::timeout(PATIENCE, self.stream.read(&mut buffer)).await.expect("the peer answers or closes");
        let read = read.unwrap_or(0);
        self.ahead.extend_from_slice(&buffer[..read]);
        read > 0
    }
}
