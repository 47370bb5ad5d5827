//! Connections that find no room: over HTTP they are told so, a bounded number at a time. Over TLS they are closed, because
//! a handshake is what there is no room for.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::limits::Refusal;

/// Told at a time, a quarter as many as there are connections; more are closed without a word.
const AT_A_TIME: std::ops::RangeInclusive<usize> = 16..=256;
/// How long telling one may take.
const TIME: Duration = Duration::from_secs(1);

/// Tells those who find no room.
pub(super) struct Refusals {
    answer: Bytes,
    places: Arc<Semaphore>,
}

impl Refusals {
    pub fn new(Refusal(answer): Refusal, connections: usize) -> Self {
        let places = (connections / 4).clamp(*AT_A_TIME.start(), *AT_A_TIME.end());
        Refusals { answer, places: Arc::new(Semaphore::new(places)) }
    }

    /// To be run beside everything else; none when too many are being told already.
    pub fn tell(&self, stream: TcpStream) -> Option<impl Future<Output = ()> + Send + 'static> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let answer = self.answer.clone();
        Some(async move {
            let _ = tokio::time::timeout(TIME, tell(stream, answer)).await;
            drop(place);
        })
    }
}

async fn tell(mut stream: TcpStream, answer: Bytes) -> io::Result<()> {
    // An answer to no request would be none.
    stream.peek(&mut [0]).await?;
    stream.write_all(&answer).await?;
    stream.shutdown().await?;
    // Closed over unread bytes, the connection would be reset and the answer lost.
    let mut rest = [0; 4096];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}
