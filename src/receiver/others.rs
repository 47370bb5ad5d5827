//! Commands other than Profile.CallbackPortraitSet: acknowledged, rejected, or forwarded to a backend.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;

use super::answer::Answer;
use super::backend::{Backend, Forwarded};
use crate::config::{ConfigError, OtherCommands};
use crate::protocol::command;
use crate::protocol::query::claim;
use crate::protocol::time::Millis;
use crate::telemetry::Metrics;

pub(super) enum Others {
    Acknowledge { metrics: Arc<Metrics>, warned: Mutex<HashSet<&'static str>> },
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
                if let Some(kind) = command::before_event(name) {
                    metrics.before_event_acknowledged.inc();
                    if warned.lock().unwrap_or_else(PoisonError::into_inner).insert(kind) {
                        warn_about(name);
                    }
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
fn warn_about(name: &str) {
    tracing::warn!(
        callback.command = ?claim(name).unwrap_or_default(),
        "a before-event command was answered OK, which lets the action pass; switch it off in the console or set \
         receiver.other_commands"
    );
}
