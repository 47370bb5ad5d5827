//! Just enough HTTP to send callbacks over a connection that is kept, with TLS or without.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::callbacks::Callback;

/// After this nobody waits for an answer any more.
const PATIENCE: Duration = Duration::from_secs(10);

pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Where to send, and how.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    tls: Option<TlsConnector>,
}

impl Target {
    pub fn plain(address: SocketAddr) -> Self {
        Target { address, tls: None }
    }

    /// With TLS, trusting this one certificate.
    pub fn tls(address: SocketAddr, certificate: CertificateDer<'static>) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate)?;
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Target { address, tls: Some(TlsConnector::from(Arc::new(config))) })
    }

    pub async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let connecting = async {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            io::Result::Ok(match &self.tls {
                None => Box::new(stream) as Box<dyn Stream>,
                Some(tls) => {
                    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
                    Box::new(tls.connect(name, stream).await?)
                }
            })
        };
        timeout(PATIENCE, connecting).await?
    }
}

/// A connection that is kept.
pub struct Connection {
    stream: Box<dyn Stream>,
    bytes: Vec<u8>,
}

impl Connection {
    pub async fn open(target: &Target) -> io::Result<Self> {
        Ok(Connection { stream: target.connect().await?, bytes: Vec::with_capacity(1024) })
    }

    /// Sends a callback; the status it is answered with.
    pub async fn post(&mut self, callback: Callback) -> io::Result<u16> {
        timeout(PATIENCE, async {
            self.stream.write_all(&callback.request()).await?;
            self.answer().await
        })
        .await?
    }

    async fn answer(&mut self) -> io::Result<u16> {
        self.bytes.clear();
        loop {
            if self.stream.read_buf(&mut self.bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some((status, length)) = whole(&self.bytes)
                && self.bytes.len() >= length
            {
                return Ok(status);
            }
        }
    }
}

/// Status and length of the answer these bytes begin, once its head is whole.
fn whole(bytes: &[u8]) -> Option<(u16, usize)> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).ok()?;
    let body = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    Some((text.get(9..12)?.parse().ok()?, head + body.unwrap_or(0)))
}

/// The body of a GET, or nothing where nobody answers.
pub async fn get(address: SocketAddr, path: &str) -> Option<String> {
    let asking = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
    };
    timeout(Duration::from_secs(3), asking).await.ok()?
}
