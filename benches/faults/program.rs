//! The real program, started, stopped, killed, frozen and asked how it is.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::callbacks::APP;
use crate::http::{self, Target};
use crate::shell;

/// How often it is asked whether it is ready.
const POLL: Duration = Duration::from_millis(20);

/// A running portraitd. It ends with this.
pub struct Program {
    child: Child,
    public: SocketAddr,
    pub private: SocketAddr,
}

impl Program {
    /// Starts it on the log at `url`, with `folder` for its spool and as working folder, and waits for its banner.
    pub fn start(url: &str, folder: &Path) -> anyhow::Result<Self> {
        Self::start_with(url, folder, &[])
    }

    /// The same with more environment.
    pub fn start_with(url: &str, folder: &Path, env: &[(&str, &str)]) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut child = shell::command(folder)
            .args(["serve", "--sdk-app-id", &APP.to_string(), "--listen", "127.0.0.1:0"])
            .args(["--admin-listen", "127.0.0.1:0"])
            .env("DATABASE_URL", url)
            .env("PORTRAITD__SPOOL__DIR", folder.join("spool"))
            .env("PORTRAITD__RECEIVER__STORE_BUDGET_MS", "800")
            .env("PORTRAITD__RECEIVER__ANSWER_BUDGET_MS", "1500")
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stderr.take().context("stderr")?).lines();
        let (mut said, mut public, mut private) = (VecDeque::new(), None, None);
        while private.is_none() {
            let Some(line) = lines.next().transpose()? else {
                let status = child.wait()?;
                bail!("portraitd did not start, {status}:\n{}", Vec::from(said).join("\n"));
            };
            public = public.or(address(&line, "  callbacks  ")?);
            private = address(&line, "  private    ")?;
            said.push_back(line);
        }
        // What it says while it runs is only of interest where it breaks down.
        std::thread::spawn(move || {
            let broke = |line: &String| line.contains("panicked") || line.contains(" died");
            lines.map_while(Result::ok).filter(broke).for_each(|line| eprintln!("    | {line}"));
        });
        Ok(Program { child, public: public.context("where callbacks arrive")?, private: private.context("private")? })
    }

    pub fn target(&self) -> Target {
        Target::plain(self.public)
    }

    fn signal(&self, signal: libc::c_int) {
        // SAFETY: a signal to a child we started and have not waited for.
        unsafe { libc::kill(self.child.id() as libc::pid_t, signal) };
    }

    /// Ends it at once, as a crash would.
    pub fn kill(mut self) {
        self.signal(libc::SIGKILL);
        let _ = self.child.wait();
    }

    pub fn freeze(&self) {
        self.signal(libc::SIGSTOP);
    }

    pub fn thaw(&self) {
        self.signal(libc::SIGCONT);
    }

    /// Waits until callbacks go straight into the log again and nothing waits; how long that took, none if longer than `limit`.
    pub async fn drained(&self, limit: Duration) -> Option<Duration> {
        let begun = Instant::now();
        while begun.elapsed() < limit {
            if http::get(self.private, "/readyz").await.is_some_and(|said| said.starts_with("ready: store")) {
                return Some(begun.elapsed());
            }
            tokio::time::sleep(POLL).await;
        }
        None
    }

    /// The most it ever had resident.
    pub fn peak_memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a line of the banner that begins like this.
fn address(line: &str, begins: &str) -> anyhow::Result<Option<SocketAddr>> {
    let Some(rest) = line.strip_prefix(begins) else { return Ok(None) };
    let authority = rest.split("://").nth(1).and_then(|rest| rest.split('/').next()).context("a URL")?;
    Ok(Some(authority.parse()?))
}
