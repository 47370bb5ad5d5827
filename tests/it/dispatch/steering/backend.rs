//! A backend that answers every request with the status it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use axum::Router;
use axum::http::StatusCode;
use tokio::net::TcpListener;

pub struct Backend {
    address: SocketAddr,
    status: Arc<AtomicU16>,
}

impl Backend {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let status = Arc::new(AtomicU16::new(200));
        let answer = status.clone();
        let router = Router::new()
            .fallback(move || async move { StatusCode::from_u16(answer.load(Ordering::SeqCst)).expect("a status") });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Backend { address, status }
    }

    pub fn says(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}
