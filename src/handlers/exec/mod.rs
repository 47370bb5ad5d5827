//! `exec`: a program for each callback, which it reads as JSON on its standard input. No shell.
//!
//! How the program exits is the outcome: 0 is done, 75 (EX_TEMPFAIL) is retry, anything else is reject. One that cannot be
//! started, or that somebody ended from outside, has said nothing about the callback: retry.

mod launcher;
mod program;
mod running;
mod said;

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;
use tokio::process::Command;

use crate::config::{ConfigError, Handler};
use crate::dispatch::{Context, Outcome, ProfileChange, ProfileHandler, Wants};
use launcher::Launcher;
use said::Said;

/// sysexits.h: try again later.
const EX_TEMPFAIL: i32 = 75;
/// What the system and its operators end programs with: a service manager that stops the whole group, a lack of memory.
const FROM_OUTSIDE: [Signal; 4] = [Signal::HUP, Signal::INT, Signal::TERM, Signal::KILL];

pub(super) struct Exec {
    wants: Wants,
    program: String,
    arguments: Vec<String>,
    withheld: Vec<OsString>,
    launcher: Launcher,
}

impl Exec {
    pub fn new(config: &Handler) -> Result<Self, ConfigError> {
        let refuse = |why: &str| ConfigError(format!("handlers: {:?}: {why}", config.name));
        let command = config.command.as_deref().and_then(<[String]>::split_first);
        let (program, arguments) = command.ok_or_else(|| refuse("command must name a program"))?;
        program::check(program).map_err(|error| refuse(&format!("command: {program} cannot be run: {error}")))?;
        Ok(Exec {
            wants: super::wants(config),
            program: program.clone(),
            arguments: arguments.to_vec(),
            withheld: std::env::vars_os().map(|(name, _)| name).filter(is_ours).collect(),
            launcher: Launcher::new().map_err(|error| refuse(&format!("no thread to start programs from: {error}")))?,
        })
    }

    fn command(&self, change: &ProfileChange, cx: &Context) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        for name in &self.withheld {
            command.env_remove(name);
        }
        command
            .env("PORTRAITD_HANDLER", cx.handler())
            .env("PORTRAITD_ATTEMPT", cx.attempt().to_string())
            .env("PORTRAITD_EPOCH", cx.epoch().to_string())
            .env("PORTRAITD_RECEIPT_ID", change.receipt());
        command
    }
}

#[async_trait::async_trait]
impl ProfileHandler for Exec {
    fn wants(&self) -> Wants {
        self.wants.clone()
    }

    async fn handle(&self, change: &ProfileChange, cx: &Context) -> Outcome {
        let json = match serde_json::to_string(change) {
            Ok(json) => json + "\n",
            Err(error) => return cx.reject(format!("it cannot be written as JSON: {error}")),
        };
        let program = &self.program;
        let mut running = match self.launcher.start(self.command(change, cx)).await {
            Ok(running) => running,
            Err(error) => return cx.retry(format!("{program} cannot be started: {error}")),
        };
        match running.finish(json.as_bytes()).await {
            Ok((status, said)) => outcome(status, &said, cx),
            Err(error) => cx.retry(format!("{program} cannot be waited for: {error}")),
        }
    }
}

/// What portraitd itself is configured with: the store's password, apps' tokens.
fn is_ours(name: &OsString) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b"DATABASE_URL") || name.starts_with(b"PORTRAITD_") || name == b"PGPASSWORD"
}

fn outcome(status: ExitStatus, said: &Said, cx: &Context) -> Outcome {
    match (status.code(), status.signal()) {
        (Some(0), _) => Outcome::Done,
        (Some(EX_TEMPFAIL), _) => cx.retry(format!("exit code {EX_TEMPFAIL}{said}")),
        (Some(code), _) => cx.reject(format!("exit code {code}{said}")),
        (None, signal) => {
            let signal = signal.unwrap_or_default();
            let why = format!("killed by signal {signal}{said}");
            let is_from_outside = FROM_OUTSIDE.iter().any(|from_outside| from_outside.as_raw() == signal);
            if is_from_outside { cx.retry(why) } else { cx.reject(why) }
        }
    }
}
