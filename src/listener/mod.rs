//! A listener: accepts connections, speaks TLS where configured, and serves a router over HTTP/1.1 until told to stop.
//!
//! Everything about a connection is bounded: their number ([`Limits`]), the time each step may take ([`Times`]), and what is
//! read ahead. What a body may hold is for whoever reads it.

mod connection;
mod descriptors;
mod guests;
mod limits;
mod progress;
mod refusals;
mod timed;
mod tls;
mod turns;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::task::TaskTracker;

use crate::stop::Stop;
use crate::telemetry::connections::Connections;
use connection::Connection;
pub use descriptors::allow;
use guests::Guests;
pub use limits::{Limits, Refusal, Times};
use refusals::Refusals;
pub use tls::{TlsError, TlsFiles};
use turns::Turns;

/// The pause after a failed accept, for instance when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections that may wait to be accepted; the system allows fewer where its `somaxconn` is lower. One that finds no place
/// tries again after a second, which is half of a callback's time.
const BACKLOG: u32 = 4096;

/// A bound address, ready to serve.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsFiles>,
    address: SocketAddr,
}

impl Listener {
    /// Binds; with `tls`, serves HTTPS.
    pub fn bind(address: SocketAddr, tls: Option<TlsFiles>) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let tcp = socket.listen(BACKLOG)?;
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
    pub async fn serve(self, router: Router, limits: Limits, metrics: Connections, stop: Stop) {
        let tasks = TaskTracker::new();
        let watching = self.tls.clone().map(|tls| tokio::spawn(tls.watch()));
        let guests = Guests::new(limits.connections, limits.times.makes_room, metrics);
        let refusals = Refusals::new(limits.refusal.clone(), limits.connections);
        let (limits, large_heads, turns) = (Arc::new(limits), timed::large_heads(), Arc::new(Turns::new()));
        loop {
            let stream = tokio::select! {
                accepted = async { guests.have_left().await; self.tcp.accept().await } => accepted,
                () = stop.stopping() => break,
            };
            match stream {
                Ok((stream, peer)) => match guests.admit(Instant::now()) {
                    Some(seat) => {
                        let (router, limits, large_heads) = (router.clone(), limits.clone(), large_heads.clone());
                        let (turns, stop) = (turns.clone(), stop.clone());
                        let connection = Connection { router, peer, limits, large_heads, turns, seat, stop };
                        tasks.spawn(connection.serve(stream, self.tls.clone()));
                    }
                    None if self.tls.is_none() => {
                        refusals.tell(stream).map(|telling| tasks.spawn(telling));
                    }
                    None => {}
                },
                Err(error) => {
                    tracing::warn!("accepting a connection failed: {error}");
                    if descriptors::exhausted(&error) {
                        guests.make_room(Instant::now());
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.tcp);
        tasks.close();
        tokio::select! {
            () = tasks.wait() => {}
            () = stop.ending() => {}
        }
        if let Some(watching) = watching {
            watching.abort();
        }
    }
}
