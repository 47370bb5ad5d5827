//! One connection, from its handshake to its end.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tower::ServiceExt;

use super::guests::Seat;
use super::limits::Limits;
use super::progress::Progress;
use super::timed::Timed;
use super::tls::TlsFiles;
use super::turns::Turns;
use crate::stop::Stop;

/// When stopping: how long a head under way may still take, and an answer its way out.
const LAST_CHANCE: Duration = Duration::from_secs(1);
/// A larger head is answered 431.
const BUFFER: usize = 128 << 10;

pub(super) struct Connection {
    pub router: Router,
    pub peer: SocketAddr,
    pub limits: Arc<Limits>,
    pub large_heads: Arc<Semaphore>,
    /// For handshakes, which are the only thing here that takes a processor its time.
    pub turns: Arc<Turns>,
    pub seat: Seat,
    pub stop: Stop,
}

impl Connection {
    pub async fn serve(self, stream: TcpStream, tls: Option<TlsFiles>) {
        // Answers are small: each is worth a packet of its own at once.
        let _ = stream.set_nodelay(true);
        let leave = self.seat.must_leave();
        tokio::select! {
            () = self.open(stream, tls) => {}
            () = leave => tracing::debug!("a connection made room for another"),
        }
    }

    /// Until the first byte is there nothing is set up for it: whoever says nothing costs little.
    async fn open(self, stream: TcpStream, tls: Option<TlsFiles>) {
        let times = self.limits.times;
        let Some(tls) = tls else {
            if self.within(spread(times.first_byte), arrives(&stream)).await.is_some() {
                self.speak_http(stream).await;
            }
            return;
        };
        // In boxes of their own, the steps of a connection do not add up in memory.
        let shaken = Box::pin(self.within(times.handshake, self.turns.take(tls.acceptor().accept(stream)))).await;
        let stream = match shaken {
            Some(Ok(stream)) => Box::new(stream),
            Some(Err(error)) => return tracing::debug!("TLS handshake failed: {error}"),
            None => return,
        };
        let (tcp, session) = stream.get_ref();
        // A request may have come along with the end of the handshake.
        if !session.wants_read() || self.within(spread(times.first_byte), arrives(tcp)).await.is_some() {
            self.speak_http(stream).await;
        }
    }

    /// What the future gives; none if that takes too long, or the listener stops.
    async fn within<T>(&self, time: Duration, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = tokio::time::timeout(time, future) => {
                done.inspect_err(|_| tracing::debug!("a connection took too long to open")).ok()
            }
            () = self.stop.stopping() => None,
        }
    }

    fn speak_http(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> impl Future<Output = ()> + Send {
        let Connection { router, peer, limits, large_heads, seat, stop, .. } = self;
        let progress = Arc::new(Progress::new(seat, limits.times));
        let stream = TokioIo::new(Timed::new(stream, progress.clone(), large_heads));
        let watched = progress.clone();
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let progress = progress.clone();
            let open = limits.open.contains(&request.uri().path());
            let mut request = request.map(|body| Body::new(Arriving::new(body, progress.clone())));
            request.extensions_mut().insert(ConnectInfo(peer));
            let answer = router.clone().oneshot(request);
            async move {
                let answer = answer.await;
                progress.answered(!open && answer.as_ref().is_ok_and(|answer| answer.status().is_success()));
                answer
            }
        });
        // The stream itself keeps the time.
        let connection =
            http1::Builder::new().header_read_timeout(None).max_buf_size(BUFFER).serve_connection(stream, service);
        let mut connection = Box::pin(connection);
        async move {
            let served = tokio::select! {
                served = connection.as_mut() => served,
                () = stop.stopping() => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        served = connection => served,
                        () = watched.quiet(LAST_CHANCE) => return,
                        () = stop.ending() => return,
                    }
                }
            };
            if let Err(error) = served {
                tracing::debug!("connection ended early: {error}");
            }
        }
    }
}

/// Up to half as much again, so that a crowd that came at once does not come back at once.
fn spread(time: Duration) -> Duration {
    time.mul_f64(rand::random_range(1.0..1.5))
}

/// Resolves when there is something to read, or the end. Readiness alone may be a false alarm.
async fn arrives(stream: &TcpStream) {
    let _ = stream.peek(&mut [0]).await;
}

/// A request's body; tells the connection when it is whole.
struct Arriving {
    body: Incoming,
    progress: Arc<Progress>,
}

impl Arriving {
    fn new(body: Incoming, progress: Arc<Progress>) -> Self {
        progress.begun();
        let arriving = Arriving { body, progress };
        arriving.look();
        arriving
    }

    fn look(&self) {
        if http_body::Body::is_end_stream(&self.body) {
            self.progress.whole();
        }
    }
}

impl http_body::Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() {
            self.progress.whole();
        } else {
            self.look();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
