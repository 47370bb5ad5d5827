//! `jetstream`: publishes each callback as JSON to NATS JetStream, and is done when a stream has acknowledged it.
//!
//! `Nats-Msg-Id` is the receipt id: what is published twice within the stream's duplicate window is stored once.

mod login;
mod server;
mod subject;

use std::error::Error;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;

use crate::config::{ConfigError, Handler};
use crate::dispatch::{Context, Outcome, ProfileChange, ProfileHandler, Wants};
use server::Server;
use subject::Template;

const SUBJECT: &str = "portraitd.{app}.{account}";

pub(super) struct Jetstream {
    wants: Wants,
    subject: Template,
    server: Server,
}

impl Jetstream {
    pub fn new(config: &Handler) -> Result<Self, ConfigError> {
        let refuse = |why: String| ConfigError(format!("handlers: {:?}: {why}", config.name));
        Ok(Jetstream {
            wants: super::wants(config),
            subject: Template::parse(config.subject.as_deref().unwrap_or(SUBJECT))
                .map_err(|why| refuse(format!("subject: {why}")))?,
            server: Server::new(config).map_err(refuse)?,
        })
    }

    async fn publish(&self, change: &ProfileChange, json: String, cx: &Context) -> Outcome {
        let stream = match self.server.connected().await {
            Ok(stream) => stream,
            Err(why) => return cx.retry(why),
        };
        let message = PublishMessage::build().message_id(change.receipt()).payload(json.into());
        let acknowledged = async { stream.send_publish(self.subject.of(change), message).await?.await };
        match acknowledged.await {
            Ok(_) => Outcome::Done,
            Err(error) => self.failed(&error, cx),
        }
    }

    fn failed(&self, error: &PublishError, cx: &Context) -> Outcome {
        let pattern = self.subject.pattern();
        match error.kind() {
            PublishErrorKind::StreamNotFound => cx.retry(format!(
                "no stream takes {pattern}: make one with this subject, on a server with JetStream"
            )),
            PublishErrorKind::TimedOut => cx.retry(format!(
                "no ack in time: is the server's JetStream well, does a stream take {pattern}, may this user publish there?"
            )),
            PublishErrorKind::MaxPayloadExceeded => cx.reject(format!("too large for the server: {error}")),
            _ if is_too_large_for_the_stream(error) => cx.reject(format!("too large for the stream: {error}")),
            _ => cx.retry(error),
        }
    }
}

fn is_too_large_for_the_stream(error: &PublishError) -> bool {
    let said = error.source().and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>());
    said.is_some_and(|said| said.error_code() == ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM)
}

#[async_trait::async_trait]
impl ProfileHandler for Jetstream {
    fn wants(&self) -> Wants {
        self.wants.clone()
    }

    async fn handle(&self, change: &ProfileChange, cx: &Context) -> Outcome {
        match serde_json::to_string(change) {
            Ok(json) => self.publish(change, json, cx).await,
            Err(error) => cx.reject(format!("it cannot be written as JSON: {error}")),
        }
    }
}
