//! A backend that keeps what it is sent, byte for byte, and answers as a test says.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rcgen::{CertifiedKey, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// What a backend does with a request.
#[derive(Clone)]
pub enum Manner {
    /// Sends this, and waits for the next request.
    Says(String),
    /// Sends this, and closes.
    Breaks(String),
    /// Sends this, and nothing more.
    Stops(String),
    /// Sends this, and never stops.
    Endless(String),
}

/// An answer without a body.
pub fn says(status: &str, headers: &str) -> Manner {
    Manner::Says(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n{headers}\r\n"))
}

pub fn ok() -> Manner {
    says("200 OK", "")
}

/// What came.
#[derive(Debug)]
pub struct Request {
    pub line: String,
    headers: HashMap<String, String>,
    pub body: Vec<u8>,
    pub at: SystemTime,
    /// Which connection it came on, from 1.
    pub connection: usize,
}

impl Request {
    /// The one header of this lower-case name.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    pub fn has(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }
}

pub struct Backend {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: mpsc::UnboundedReceiver<Request>,
}

impl Backend {
    /// Treats the first request in the first manner, and so on; the last one is for all that follow.
    pub async fn that(manners: impl IntoIterator<Item = Manner>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Backend::on(listener, manners, None)
    }

    /// The same over TLS.
    pub async fn over_tls(manners: impl IntoIterator<Item = Manner>, pair: &CertifiedKey<KeyPair>) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let key = PrivateKeyDer::try_from(pair.signing_key.serialize_der()).expect("a key");
        let config =
            config.expect("versions").with_no_client_auth().with_single_cert(vec![pair.cert.der().clone()], key);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Backend::on(listener, manners, Some(TlsAcceptor::from(Arc::new(config.expect("a certificate")))))
    }

    /// The same at an address that is there already.
    pub fn on(listener: TcpListener, manners: impl IntoIterator<Item = Manner>, tls: Option<TlsAcceptor>) -> Self {
        let address = listener.local_addr().expect("an address");
        let (tell, requests) = mpsc::unbounded_channel();
        let connections = Arc::<AtomicUsize>::default();
        let mut manners: Vec<Manner> = manners.into_iter().collect();
        manners.reverse();
        let manners = Arc::new(Mutex::new(manners));
        let count = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = count.fetch_add(1, Ordering::SeqCst) + 1;
                let talk = Talk { connection, manners: manners.clone(), tell: tell.clone() };
                let tls = tls.clone();
                tokio::spawn(async move {
                    match tls {
                        None => talk.with(stream).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => talk.with(stream).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        Backend { address, connections, requests }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next request, when it comes.
    pub async fn request(&mut self) -> Request {
        let next = tokio::time::timeout(Duration::from_secs(60), self.requests.recv()).await;
        next.expect("a request within a minute").expect("the backend lives")
    }

    /// Nothing more has come.
    #[track_caller]
    pub fn assert_idle(&mut self) {
        let more = self.requests.try_recv();
        assert!(more.is_err(), "{more:?}");
    }

    /// How many requests came that were not looked at.
    pub fn waiting(&self) -> usize {
        self.requests.len()
    }

    /// The same; they are gone then.
    pub fn drained(&mut self) -> usize {
        std::iter::from_fn(|| self.requests.try_recv().ok()).count()
    }

    /// How many have connected so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// One connection.
struct Talk {
    connection: usize,
    manners: Arc<Mutex<Vec<Manner>>>,
    tell: mpsc::UnboundedSender<Request>,
}

impl Talk {
    async fn with(self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
        let mut bytes = Vec::new();
        loop {
            let request = self.read(&mut stream, &mut bytes).await?;
            let _ = self.tell.send(request);
            match self.manner() {
                Manner::Says(answer) => stream.write_all(answer.as_bytes()).await.ok()?,
                Manner::Breaks(answer) => {
                    stream.write_all(answer.as_bytes()).await.ok()?;
                    return stream.shutdown().await.ok();
                }
                Manner::Stops(answer) => {
                    stream.write_all(answer.as_bytes()).await.ok()?;
                    std::future::pending().await
                }
                Manner::Endless(answer) => {
                    stream.write_all(answer.as_bytes()).await.ok()?;
                    while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
                    return None;
                }
            }
        }
    }

    fn manner(&self) -> Manner {
        let mut manners = self.manners.lock().expect("nobody panicked");
        let last = manners.last().cloned().expect("at least one manner");
        if manners.len() > 1 {
            manners.pop();
        }
        last
    }

    async fn read(&self, stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> Option<Request> {
        let head_ends = loop {
            match bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(at) => break at,
                None => more(stream, bytes).await?,
            }
        };
        let head = String::from_utf8(bytes[..head_ends].to_vec()).expect("ASCII");
        let (line, fields) = head.split_once("\r\n").expect("headers");
        let fields = fields.lines().map(|line| line.split_once(':').expect("a header"));
        let mut headers = HashMap::new();
        for (name, value) in fields {
            let twice = headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            assert!(twice.is_none(), "{name} comes twice: {head}");
        }
        let length: usize = headers.get("content-length").expect("a length").parse().expect("a number");
        while bytes.len() < head_ends + 4 + length {
            more(stream, bytes).await?;
        }
        let mut body = bytes.split_off(head_ends + 4);
        *bytes = body.split_off(length);
        Some(Request { line: line.to_owned(), headers, body, at: SystemTime::now(), connection: self.connection })
    }
}

async fn more(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> Option<()> {
    (stream.read_buf(bytes).await.ok()? > 0).then_some(())
}
