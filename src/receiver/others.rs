//! Commands other than Profile.CallbackPortraitSet: acknowledged, rejected, or forwarded to a backend.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;

use super::answer::Answer;
use super::backend::{Backend, Forwarded};
use crate::config::{ConfigError, OtherCommands};
use crate::protocol::command;
use crate::protocol::time::Millis;
use crate::telemetry::Metrics;

/// Commands that are warned about by name.
const NAMED: usize = 64;

pub(super) enum Others {
    Acknowledge { metrics: Arc<Metrics>, warned: Mutex<Vec<String>> },
    Reject,
    Forward(Box<Backend>),
}

impl Others {
    pub fn new(config: &OtherCommands, metrics: Arc<Metrics>) -> Result<Self, ConfigError> {
        Ok(match config {
            OtherCommands::Acknowledge => Others::Acknowledge { metrics, warned: Mutex::default() },
            OtherCommands::Reject => Others::Reject,
            OtherCommands::Forward(url) => Others::Forward(Box::new(Backend::new(url)?)),
        })
    }

    /// The answer to a verified request with this command.
    pub async fn answer(&self, forwarded: Forwarded<'_>, name: &str, now: Millis) -> Answer {
        let label = command::label(name);
        match self {
            Others::Acknowledge { metrics, warned } => {
                if command::is_before_event(name) {
                    metrics.before_event_acknowledged.inc();
                    warn_about(name, &mut warned.lock().unwrap_or_else(PoisonError::into_inner));
                }
                Answer::ok("acknowledged", label)
            }
            Others::Reject => {
                Answer::fail(StatusCode::NOT_FOUND, "rejected", "this CallbackCommand is not handled here").about(label)
            }
            Others::Forward(backend) => backend.answer(forwarded, name, now).await,
        }
    }
}

/// Said once a command: an OK nobody decided about lets the action pass.
fn warn_about(name: &str, warned: &mut Vec<String>) {
    if warned.len() < NAMED && !warned.iter().any(|known| known == name) {
        warned.push(name.to_owned());
        tracing::warn!(
            callback.command = name,
            "{name} was answered OK, which lets the action pass; switch it off in the console or set receiver.other_commands"
        );
    }
}
