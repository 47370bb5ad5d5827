//! The real program, running: port 0 for both listeners, a folder and an environment of its own, killed when dropped.

pub mod callback;
pub mod program;
pub mod stderr;
pub mod wire;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;

use super::db::Database;
pub use callback::{Answer, Callback, sign_now};
use stderr::Stderr;
use wire::Wire;

/// The app of a service that was not told otherwise. It has no token.
pub const APP: i64 = 1_400_000_000;

/// How a service is to be started.
pub struct Launch {
    database_url: String,
    toml: String,
    apps: String,
    env: Vec<(String, String)>,
    descriptors: Option<libc::rlim_t>,
}

impl Launch {
    /// On this database; [`APP`] unless [`Launch::app`] names others.
    pub fn on(db: &Database) -> Self {
        Launch { database_url: db.url(), toml: String::new(), apps: String::new(), env: Vec::new(), descriptors: None }
    }

    /// One more app.
    pub fn app(mut self, sdk_app_id: i64, tokens: &[&str]) -> Self {
        self.apps.push_str(&format!("[[apps]]\nsdk_app_id = {sdk_app_id}\ntokens = {tokens:?}\n"));
        self
    }

    /// The secret key of the app that was named last.
    pub fn secret_key(mut self, key: &str) -> Self {
        self.apps.push_str(&format!("secret_key = {key:?}\n"));
        self
    }

    /// More of the configuration file.
    pub fn toml(mut self, text: &str) -> Self {
        self.toml.push_str(text);
        self.toml.push('\n');
        self
    }

    /// One more environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With so many file descriptors at most.
    pub fn descriptors(self, count: libc::rlim_t) -> Self {
        Launch { descriptors: Some(count), ..self }
    }

    /// Starts it and waits until it is ready.
    pub async fn start(self) -> Service {
        let (mut running, database_url) = self.spawn();
        let said = running.stderr.wait_until(|said| said.ended || said.begins("  console  ").is_some()).await;
        if said.ended {
            panic!("the service ended at its start, {:?}:\n{}", running.child.wait(), said.text());
        }
        let address = |name: &str| -> (String, SocketAddr) {
            let line = said.begins(name).expect("the banner is whole");
            let url = line.split_whitespace().nth(1).expect("an address");
            let (scheme, rest) = url.split_once("://").expect("a URL");
            (scheme.to_owned(), rest.split('/').next().unwrap_or_default().parse().expect("an address"))
        };
        let (scheme, public) = address("  callbacks  ");
        let (private_scheme, private) = address("  private    ");
        Service {
            running,
            database_url,
            public,
            private,
            url: format!("{scheme}://{public}"),
            private_url: format!("{private_scheme}://{private}"),
            http: client(),
        }
    }

    /// Starts it, expecting that it ends by itself; how, and what it said.
    pub async fn fail(self) -> (ExitStatus, String) {
        let (mut running, _) = self.spawn();
        let said = running.stderr.wait_until(|said| said.ended || said.begins("  console  ").is_some()).await;
        assert!(said.ended, "the service started although it should not:\n{}", said.text());
        (running.child.wait().expect("it ended"), said.text())
    }

    fn spawn(self) -> (Running, String) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let apps = if self.apps.is_empty() { format!("[[apps]]\nsdk_app_id = {APP}\n") } else { self.apps };
        let file = folder.path().join("portraitd.toml");
        program::write_secret(&file, &format!("{}\n{apps}", self.toml));
        let mut command = program::command(folder.path());
        if !self.toml.contains("answer_budget_ms") {
            // A busy machine is not what these tests are about.
            command.env("PORTRAITD__RECEIVER__ANSWER_BUDGET_MS", "20000");
            command.env("PORTRAITD__RECEIVER__STORE_BUDGET_MS", "15000");
        }
        command
            .arg("serve")
            .env("PORTRAITD_CONFIG", &file)
            .env("DATABASE_URL", &self.database_url)
            .env("PORTRAITD__RECEIVER__LISTEN", "127.0.0.1:0")
            .env("PORTRAITD__ADMIN__LISTEN", "127.0.0.1:0")
            .envs(self.env);
        if let Some(count) = self.descriptors {
            program::limit_descriptors(&mut command, count);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let stderr = Stderr::of(&mut child);
        (Running { child, stderr, folder }, self.database_url)
    }
}

/// The process and what it says.
struct Running {
    child: Child,
    stderr: Stderr,
    folder: TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running service.
pub struct Service {
    running: Running,
    database_url: String,
    /// Where the public listener is.
    pub public: SocketAddr,
    /// Where the private listener is.
    pub private: SocketAddr,
    /// `http://…` of the public listener, without a path.
    pub url: String,
    /// `http://…` of the private listener, without a path.
    pub private_url: String,
    /// A client without proxies and redirects.
    pub http: reqwest::Client,
}

impl Service {
    /// With [`APP`], without tokens, everything else at its default.
    pub async fn start(db: &Database) -> Self {
        Launch::on(db).start().await
    }

    /// A callback as Chat sends it for [`APP`], unsigned.
    pub fn callback(&self) -> Callback<'_> {
        Callback::to(self)
    }

    /// Where its log is.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// The folder it runs in.
    pub fn folder(&self) -> &Path {
        self.running.folder.path()
    }

    /// A path in that folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// A connection to the public listener, for what no HTTP client would send.
    pub async fn connect(&self) -> Wire<TcpStream> {
        Wire::new(TcpStream::connect(self.public).await.expect("the listener accepts"))
    }

    /// Waits for a line on stderr that has `text` in it.
    pub async fn says(&self, text: &str) -> String {
        self.says_times(text, 1).await
    }

    /// Waits for so many lines on stderr that have `text` in them; the first of them.
    pub async fn says_times(&self, text: &str, times: usize) -> String {
        let said = self.running.stderr.wait_until(|said| said.ended || said.times(text) >= times).await;
        assert!(said.times(text) >= times, "it ended without saying {text:?} {times} times:\n{}", said.text());
        said.line(text)
    }

    /// What it said so far on stderr.
    pub fn stderr(&self) -> String {
        self.running.stderr.now().text()
    }

    /// Another run of the program on the same database.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        program::run(self.folder(), &[("DATABASE_URL", &self.database_url)], arguments)
    }

    /// `changes --json`, newest first.
    pub fn changes(&self) -> Vec<Value> {
        program::lines(&self.cli(&["changes", "--json", "--limit", "1000"]))
    }

    /// `unreadable --json`, newest first.
    pub fn unreadable(&self) -> Vec<Value> {
        program::lines(&self.cli(&["unreadable", "--json", "--limit", "1000"]))
    }

    /// How many entries the log has; panics unless `verify` says that all of them hold.
    pub fn verified_entries(&self) -> i64 {
        let said = program::stdout(&self.cli(&["verify"]));
        let count = said.split(" entries hold").next().and_then(|count| count.parse().ok());
        count.unwrap_or_else(|| panic!("verify said {said:?}"))
    }

    /// The sum of a metric's samples whose line has `labels` in it; 0 where there is none yet.
    pub async fn metric(&self, name: &str, labels: &str) -> f64 {
        self.metric_as("", name, labels).await
    }

    /// The same, with this token.
    pub async fn metric_as(&self, token: &str, name: &str, labels: &str) -> f64 {
        let request = self.http.get(format!("{}/metrics", self.private_url)).bearer_auth(token);
        let response = request.send().await.expect("/metrics answers");
        let text = response.text().await.expect("metrics");
        let samples = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name) && line.contains(labels));
        samples.map(|line| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).expect("a number")).sum()
    }

    /// Nothing panicked, everything recorded holds, and a good callback is still taken.
    pub async fn assert_unharmed(&self, case: &str) {
        let before = self.verified_entries();
        self.callback().account("unharmed").body_at(callback::unique_time()).post().await.assert_ok(case);
        assert_eq!(self.verified_entries(), before + 1, "{case}: a good callback afterwards is recorded");
        assert_eq!(self.metric("portraitd_panics_total", "").await, 0.0, "{case}: panics");
    }

    /// The process.
    pub fn pid(&self) -> libc::pid_t {
        self.running.child.id() as libc::pid_t
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&self) {
        self.signal(libc::SIGKILL);
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal(libc::SIGTERM);
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(libc::SIGINT);
    }

    /// It does nothing, and what comes for it waits, until [`thaw`](Self::thaw).
    pub fn freeze(&self) {
        self.signal(libc::SIGSTOP);
    }

    pub fn thaw(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, signal: libc::c_int) {
        // SAFETY: a signal to a child we started and have not waited for.
        let sent = unsafe { libc::kill(self.pid(), signal) };
        assert_eq!(sent, 0, "the process is there");
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        self.running.stderr.wait_until(|said| said.ended).await;
        self.running.child.wait().expect("it ended")
    }

    /// What it printed to stdout; call when it has ended.
    pub fn stdout(&mut self) -> String {
        let mut text = String::new();
        let mut pipe = self.running.child.stdout.take().expect("a pipe");
        std::io::Read::read_to_string(&mut pipe, &mut text).expect("text");
        text
    }
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let limit = std::time::Duration::from_secs(60);
    let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(limit);
    builder.tls_danger_accept_invalid_certs(true).build().expect("a client")
}
