//! One call: its turn, its attempts and the waits between them, all within one deadline.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout_at};

use super::code::Advice;
use super::rate::Rate;
use super::{Client, Error};

/// The first wait; each further one is twice as long, up to [`LONGEST`], and then half to one and a half of that.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// An API of the vendor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Command {
    /// As in `v4/profile/portrait_set`.
    pub service: &'static str,
    pub name: &'static str,
    /// What stands behind the parameters that all have.
    pub nettype: Option<u8>,
}

impl Command {
    pub const fn new(service: &'static str, name: &'static str) -> Self {
        Command { service, name, nettype: None }
    }
}

/// The documented rates, per SDKAppID. The pages do not say whether the push attributes' APIs count together: here they do.
pub(super) struct Rates {
    portrait_set: Rate,
    portrait_get: Rate,
    timpush: Rate,
    account_import: Rate,
    other: Rate,
}

impl Rates {
    pub fn documented() -> Self {
        Rates {
            portrait_set: Rate::new(200),
            portrait_get: Rate::new(200),
            timpush: Rate::new(100),
            account_import: Rate::new(200),
            other: Rate::new(200),
        }
    }

    fn of(&self, command: Command) -> &Rate {
        match (command.service, command.name) {
            (_, "portrait_set") => &self.portrait_set,
            (_, "portrait_get") => &self.portrait_get,
            ("timpush", _) => &self.timpush,
            (_, "account_import") => &self.account_import,
            _ => &self.other,
        }
    }
}

impl Client {
    /// When a call that begins now must be done.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.inner.deadline
    }

    /// Sends `body` until it is answered, refused for good, or the deadline is there.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        command: Command,
        body: &impl Serialize,
        deadline: Instant,
    ) -> Result<T, Error> {
        let wrong = |error: serde_json::Error| Error::Transport { command: command.name, why: error.to_string() };
        let body = serde_json::to_vec(body).map_err(wrong)?;
        let (mut last, mut failed, mut is_renewed) = (None, 0, false);
        loop {
            let usersig = self.inner.key.usersig();
            let attempt = async {
                let _turn = self.inner.rates.of(command).turn().await;
                self.exchange(command, &usersig, body.clone()).await
            };
            let Ok(answered) = timeout_at(deadline, attempt).await else {
                return Err(self.too_late(command, last));
            };
            let error = match answered {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = match error.advice() {
                Advice::Never => return Err(error),
                Advice::NewUserSig if is_renewed => return Err(error),
                Advice::NewUserSig => {
                    self.inner.key.forget(&usersig);
                    is_renewed = true;
                    Duration::ZERO
                }
                Advice::BackOff => backoff(failed),
                Advice::Throttle(wait) => wait + backoff(failed),
            };
            tracing::debug!("{error}; again in {} ms", wait.as_millis());
            failed += 1;
            last = Some(Box::new(error));
            if Instant::now() + wait >= deadline {
                return Err(self.too_late(command, last));
            }
            sleep(wait).await;
        }
    }

    fn too_late(&self, command: Command, last: Option<Box<Error>>) -> Error {
        Error::Deadline { command: command.name, after: self.inner.deadline, last }
    }
}

fn backoff(failed: u32) -> Duration {
    (FIRST * 2u32.saturating_pow(failed.min(16))).min(LONGEST).mul_f64(rand::random_range(0.5..1.5))
}
