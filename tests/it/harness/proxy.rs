//! A network between the program and Postgres, or another server, that fails on command.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to what passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Everything passes.
    Good,
    /// The next request reaches the server, its answer does not come back: the connection ends instead.
    LosesNextAnswer,
    /// The next request does not even reach the server.
    LosesNextRequest,
    /// Connections stay open and nothing passes.
    Frozen,
    /// The first request that has this text in it passes, and then nothing does.
    FreezesAt(&'static str),
    /// Connections end, also new ones.
    Down,
}

/// Listens on a loopback port and forwards to the server of a database.
pub struct Proxy {
    address: SocketAddr,
    line: Arc<watch::Sender<Line>>,
    /// Changed when what is connected is forgotten.
    graves: Arc<watch::Sender<u32>>,
    cuts: Arc<AtomicU32>,
}

impl Proxy {
    /// A proxy before the server `url` names.
    pub async fn before(url: &str) -> Self {
        let server = host(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (line, cuts) = (Arc::new(watch::Sender::new(Line::Good)), Arc::new(AtomicU32::new(0)));
        let graves = Arc::new(watch::Sender::new(0));
        let proxy = Proxy { address, line: line.clone(), graves: graves.clone(), cuts: cuts.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                let mut buried = graves.subscribe();
                let forward = forward(client, server, line.clone(), cuts.clone());
                tokio::spawn(async move {
                    let mut forward = std::pin::pin!(forward);
                    tokio::select! {
                        () = &mut forward => {}
                        _ = buried.changed() => std::future::pending().await,
                    }
                });
            }
        });
        proxy
    }

    /// The same database through this proxy; without TLS, so that the proxy can see where an answer ends.
    pub fn url(&self, url: &str) -> String {
        let url = url.replacen(host(url), &self.address.to_string(), 1);
        format!("{url}{}sslmode=disable", if url.contains('?') { "&" } else { "?" })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }

    /// Nothing ever passes again on the connections there are, as when the machine behind them died; new ones are good.
    pub fn bury_connections(&self) {
        self.graves.send_modify(|graves| *graves += 1);
    }

    pub fn line(&self) -> Line {
        *self.line.borrow()
    }

    /// Connections ended by one of the losing lines.
    pub fn cuts(&self) -> u32 {
        self.cuts.load(Ordering::Relaxed)
    }
}

/// `host:port` of a URL.
fn host(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', '?']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// Both ends of one connection.
struct Ends {
    from_client: OwnedReadHalf,
    to_client: OwnedWriteHalf,
    from_server: OwnedReadHalf,
    to_server: OwnedWriteHalf,
}

async fn forward(client: TcpStream, server: TcpStream, line: Arc<watch::Sender<Line>>, cuts: Arc<AtomicU32>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut ends = Ends { from_client, to_client, from_server, to_server };
    let mut watched = line.subscribe();
    let (mut request, mut answer) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    // Whether this connection carries the request whose answer is to be lost.
    let mut losing = false;
    loop {
        let now = *watched.borrow_and_update();
        if now == Line::Down {
            return;
        }
        tokio::select! {
            _ = watched.changed() => {}
            read = ends.from_client.read(&mut request), if now != Line::Frozen => {
                let Ok(length @ 1..) = read else { return };
                match now {
                    Line::LosesNextRequest => return cut(&line, &cuts),
                    Line::LosesNextAnswer => losing = true,
                    Line::FreezesAt(text) if request[..length].windows(text.len()).any(|part| part == text.as_bytes()) => {
                        let _ = line.send_replace(Line::Frozen);
                    }
                    _ => {}
                }
                if ends.to_server.write_all(&request[..length]).await.is_err() {
                    return;
                }
            }
            read = ends.from_server.read(&mut answer), if now != Line::Frozen => {
                let Ok(length @ 1..) = read else { return };
                if losing {
                    if ends_an_answer(&answer[..length]) {
                        return cut(&line, &cuts);
                    }
                } else if ends.to_client.write_all(&answer[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn cut(line: &watch::Sender<Line>, cuts: &AtomicU32) {
    line.send_replace(Line::Good);
    cuts.fetch_add(1, Ordering::Relaxed);
}

/// ReadyForQuery outside a transaction is the last thing the server says.
fn ends_an_answer(said: &[u8]) -> bool {
    said.ends_with(&[b'Z', 0, 0, 0, 5, b'I'])
}
