//! A listener: accepts connections, speaks TLS where configured, and serves a router over HTTP/1.1 until told to stop.

mod tls;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::stop::Stop;
pub use tls::{TlsError, TlsFiles};

/// How long a request's head may take, and how long an idle connection is kept: Chat keeps its connections.
const HEAD_TIME: Duration = Duration::from_secs(75);
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// When stopping: how long a head under way may still take, and an answer its way out.
const LAST_CHANCE: Duration = Duration::from_secs(1);
/// The pause after a failed accept, for instance when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound address, ready to serve.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsFiles>,
    address: SocketAddr,
}

impl Listener {
    /// Binds; with `tls`, serves HTTPS.
    pub async fn bind(address: SocketAddr, tls: Option<TlsFiles>) -> io::Result<Self> {
        let tcp = TcpListener::bind(address).await?;
        let address = tcp.local_addr()?;
        Ok(Listener { tcp, tls, address })
    }

    /// Where it really listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Serves until told to stop; returns when every request that was taken is answered, or when told to end.
    pub async fn serve(self, router: Router, stop: Stop) {
        let connections = TaskTracker::new();
        let watching = self.tls.clone().map(|tls| tokio::spawn(tls.watch()));
        loop {
            let stream = tokio::select! {
                accepted = self.tcp.accept() => accepted,
                () = stop.stopping() => break,
            };
            match stream {
                Ok((stream, peer)) => {
                    let connection = Connection { router: router.clone(), peer, stop: stop.clone() };
                    connections.spawn(connection.serve(stream, self.tls.clone()));
                }
                Err(error) => {
                    tracing::warn!("accepting a connection failed: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.tcp);
        connections.close();
        tokio::select! {
            () = connections.wait() => {}
            () = stop.ending() => {}
        }
        if let Some(watching) = watching {
            watching.abort();
        }
    }
}

struct Connection {
    router: Router,
    peer: SocketAddr,
    stop: Stop,
}

impl Connection {
    async fn serve(self, stream: TcpStream, tls: Option<TlsFiles>) {
        // Answers are small: each is worth a packet of its own at once.
        let _ = stream.set_nodelay(true);
        match tls {
            None => self.speak_http(stream).await,
            Some(tls) => {
                let handshake = tls.acceptor().accept(stream);
                let stopping = self.stop.stopping();
                tokio::select! {
                    shaken = tokio::time::timeout(HANDSHAKE_TIME, handshake) => match shaken {
                        Ok(Ok(stream)) => self.speak_http(stream).await,
                        Ok(Err(error)) => tracing::debug!("TLS handshake failed: {error}"),
                        Err(_) => tracing::debug!("TLS handshake took too long"),
                    },
                    () = stopping => {}
                }
            }
        }
    }

    async fn speak_http(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Connection { router, peer, stop } = self;
        let (in_service, watched) = watch::channel(false);
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            in_service.send_replace(true);
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let (in_service, answer) = (in_service.clone(), router.clone().oneshot(request));
            async move {
                let answer = answer.await;
                in_service.send_replace(false);
                answer
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = stop.stopping() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    served = connection => served,
                    () = quiet(watched) => return,
                    () = stop.ending() => return,
                }
            }
        };
        if let Err(error) = served {
            tracing::debug!("connection ended early: {error}");
        }
    }
}

/// Resolves once no request was in service for a while: whoever sent half a head does not hold up the stop.
async fn quiet(mut in_service: watch::Receiver<bool>) {
    while matches!(tokio::time::timeout(LAST_CHANCE, in_service.wait_for(|serving| *serving)).await, Ok(Ok(_))) {
        let _ = in_service.wait_for(|serving| !serving).await;
    }
}
