//! The processes that the benchmark starts: the program with handlers of its own, and a handler without a receiver.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use portraitd::clock::Clock;
use portraitd::dispatch::lane::Rules;
use portraitd::dispatch::{self, Registration, Start};
use portraitd::stop::Stop;
use portraitd::store::{Open, Store};
use portraitd::telemetry::Metrics;
use portraitd::{App, Outcome, ProfileChange, ProfileHandler, async_trait};

use crate::callbacks::APP;
use crate::records::Recorder;

/// The default's.
pub fn rules() -> Rules {
    Rules { retry: [1, 5, 30, 120, 600, 3600].map(Duration::from_secs).to_vec(), concurrency: 16 }
}

pub async fn serve(folder: &Path, handlers: usize, records: bool) -> anyhow::Result<ExitCode> {
    let mut app = App::from_env()?;
    for number in 0..handlers {
        let name = format!("handler-{number}");
        app = match records {
            true => app.handler(name, Recorder::new(&folder.join(format!("records-{number}")))?),
            false => app.handler(name, Nothing),
        };
    }
    app.run().await?;
    Ok(ExitCode::SUCCESS)
}

struct Nothing;

#[async_trait]
impl ProfileHandler for Nothing {
    async fn handle(&self, _: &ProfileChange, _: &portraitd::Context) -> Outcome {
        Outcome::Done
    }
}

pub async fn handle(url: &str, folder: &Path) -> anyhow::Result<ExitCode> {
    let recorder = Registration {
        name: "recorder".to_owned(),
        handler: Arc::new(Recorder::new(&folder.join("records"))?),
        start: Start::Beginning,
        rules: rules(),
        limit: Duration::from_secs(30),
    };
    let store = Arc::new(Store::open(url, Open::Migrate).await?);
    println!("ready");
    dispatch::run(vec![recorder], store, Arc::<Metrics>::default(), Clock::system(), Duration::ZERO, Stop::new()).await;
    Ok(ExitCode::SUCCESS)
}

/// One of them. It ends with this.
pub struct Process(Child);

impl Process {
    /// The program, and where callbacks arrive.
    pub fn serve(url: &str, folder: &Path, handlers: usize, records: bool) -> anyhow::Result<(Self, SocketAddr)> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--serve")
            .arg(folder)
            .arg(handlers.to_string())
            .arg(records.to_string())
            .env("DATABASE_URL", url)
            .env("PORTRAITD_SDK_APP_ID", APP.to_string())
            .env("PORTRAITD__SPOOL__DIR", folder.join("spool"))
            .env("PORTRAITD__RECEIVER__LISTEN", "127.0.0.1:0")
            .env("PORTRAITD__ADMIN__LISTEN", "127.0.0.1:0")
            .stderr(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stderr.take().context("stderr")?).lines();
        let address = loop {
            let line = lines.next().context("it did not start")??;
            if let Some((_, rest)) = line.split_once("callbacks  http://") {
                break rest.trim_end_matches('/').parse()?;
            }
        };
        let told = |line: &String| ["WARN", "ERROR", "panicked"].iter().any(|word| line.contains(word));
        std::thread::spawn(move || lines.map_while(Result::ok).filter(told).for_each(|line| eprintln!("    | {line}")));
        Ok((Process(child), address))
    }

    /// A handler on the log, which leaves `records` in the folder.
    pub fn handle(url: &str, folder: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg("--handle").arg(url).arg(folder).stdout(Stdio::piped()).spawn()?;
        let mut ready = String::new();
        BufReader::new(child.stdout.take().context("stdout")?).read_line(&mut ready)?;
        Ok(Process(child))
    }

    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: a signal to a child we started and have not waited for.
        unsafe { libc::kill(self.0.id() as libc::pid_t, signal) };
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
