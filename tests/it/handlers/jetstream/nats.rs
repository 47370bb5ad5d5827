//! A NATS server of a test's own, with JetStream, on a loopback port; it ends with the test, also when that is killed.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use async_nats::ConnectOptions;
use async_nats::jetstream::{self, message::StreamMessage, stream};
use tempfile::TempDir;

use crate::harness::service::program::end_with_us;
use crate::harness::service::stderr::Stderr;

/// The stream that takes what a handler publishes by default.
pub const STREAM: &str = "PROFILES";

pub struct Nats {
    folder: TempDir,
    pub port: u16,
    child: Option<Child>,
}

impl Nats {
    /// Runs, with `more` of the configuration file.
    pub async fn start(more: &str) -> Self {
        let mut nats = Nats::away(more);
        nats.run().await;
        nats
    }

    /// Does not run yet.
    pub fn away(more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
        let nats = Nats { folder, port, child: None };
        nats.configure(&format!("jetstream {{ store_dir: {:?} }}\n{more}", nats.path("store")));
        nats
    }

    /// A configuration file of its own, for the next run.
    pub fn configure(&self, text: &str) {
        std::fs::write(self.path("nats.conf"), format!("listen: \"127.0.0.1:{}\"\n{text}\n", self.port))
            .expect("written");
    }

    /// Starts it on what it has stored, and waits until it is ready.
    pub async fn run(&mut self) {
        let mut command = Command::new(binary());
        command.arg("-c").arg(self.path("nats.conf")).current_dir(self.folder.path()).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        end_with_us(&mut command);
        let mut child = command.spawn().expect("nats-server runs");
        let stderr = Stderr::of(&mut child);
        self.child = Some(child);
        let said = stderr.wait_until(|said| said.ended || said.times("Server is ready") > 0).await;
        assert!(!said.ended, "nats-server did not start:\n{}", said.text());
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// A client of the test's own.
    pub async fn client(&self, options: ConnectOptions) -> jetstream::Context {
        jetstream::new(options.connect(self.url()).await.expect("the server lets us in"))
    }

    /// [`STREAM`] of a server without logins, made now.
    pub async fn stream(&self) -> Stream {
        Stream::made_by(self.client(ConnectOptions::new()).await, stream::Config::default()).await
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A stream, and who looks at it.
pub struct Stream(jetstream::Context);

impl Stream {
    /// Made now, for `portraitd.>` unless `config` names other subjects.
    pub async fn made_by(client: jetstream::Context, config: stream::Config) -> Self {
        let subjects = if config.subjects.is_empty() { vec!["portraitd.>".to_owned()] } else { config.subjects };
        let config = stream::Config { name: STREAM.to_owned(), subjects, ..config };
        client.create_stream(config).await.expect("the stream is made");
        Stream(client)
    }

    /// How many messages it has; none while the server does not answer.
    pub async fn count(&self) -> u64 {
        let Ok(mut stream) = self.0.get_stream(STREAM).await else { return 0 };
        stream.info().await.map_or(0, |info| info.state.messages)
    }

    /// All of it, in its order.
    pub async fn messages(&self) -> Vec<StreamMessage> {
        let stream = self.0.get_stream(STREAM).await.expect("the stream is there");
        let mut messages = Vec::new();
        for seq in 1..=self.count().await {
            messages.push(stream.get_raw_message(seq).await.expect("the message is there"));
        }
        messages
    }
}

/// On PATH, or where Debian puts it.
fn binary() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([Path::new("/usr/sbin").to_owned()]);
    folders.map(|folder| folder.join("nats-server")).find(|file| file.is_file()).unwrap_or_else(|| {
        panic!("no nats-server on PATH or in /usr/sbin: install Debian's nats-server (./scripts/test does)")
    })
}
