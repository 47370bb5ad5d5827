//! `forward`: POSTs each change to a backend, as JSON or as the vendor's request came, signed per Standard Webhooks.

mod address;
mod answer;
mod failure;
mod resolver;
mod signature;
mod target;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderName};
use reqwest::{Client, RequestBuilder, Url};
use tokio::time::timeout_at;

use crate::clock::Clock;
use crate::config::{ConfigError, ForwardFormat, Handler};
use crate::dispatch::{Context, Outcome, ProfileChange, ProfileHandler, Wants};
use crate::outgoing;
use resolver::PublicOnly;
use signature::Signer;

/// For all of a name's addresses together; each has its share, so that a dead one leaves time for the others.
const CONNECT: Duration = Duration::from_secs(10);

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

pub(super) struct Forward {
    wants: Wants,
    url: Url,
    format: ForwardFormat,
    signer: Signer,
    client: Client,
    clock: Clock,
}

impl Forward {
    pub fn new(config: &Handler, clock: &Clock) -> Result<Self, ConfigError> {
        let of_this = |what: String| ConfigError(format!("handlers: {:?}: {what}", config.name));
        let allow_private = config.allow_private == Some(true);
        let url = target::url(config.url.as_ref(), allow_private).map_err(of_this)?;
        let signer = Signer::new(&config.secrets).map_err(of_this)?;
        let builder = outgoing::client().connect_timeout(CONNECT);
        let builder = if allow_private { builder } else { builder.dns_resolver(Arc::new(PublicOnly)) };
        let client = builder.build().map_err(|error| of_this(error.to_string()))?;
        if config.secrets.is_empty() {
            tracing::warn!(handler = config.name, "what is forwarded is not signed: there are no secrets");
        }
        if target::is_exposed(&url, allow_private) {
            tracing::warn!(handler = config.name, "people's data is forwarded over plain http: use https");
        }
        let format = config.format.unwrap_or(ForwardFormat::Json);
        Ok(Forward { wants: super::wants(config), url, format, signer, client, clock: clock.clone() })
    }

    fn request(&self, change: &ProfileChange) -> Result<RequestBuilder, serde_json::Error> {
        let (url, body) = match self.format {
            ForwardFormat::Json => (self.url.clone(), Bytes::from(serde_json::to_string(change)?)),
            ForwardFormat::Raw => (target::with_query(&self.url, change), change.body.clone()),
        };
        let (id, timestamp) = (change.receipt(), (self.clock.now() / 1000).to_string());
        let mut request = self.client.post(url).header(CONTENT_TYPE, "application/json");
        if let Some(signature) = self.signer.sign(&id, &timestamp, &body) {
            request = request.header(SIGNATURE, signature);
        }
        Ok(request.header(ID, id).header(TIMESTAMP, timestamp).body(body))
    }

    async fn exchange(&self, request: RequestBuilder, cx: &Context) -> Outcome {
        match request.send().await {
            Ok(response) => {
                let outcome = answer::outcome(&response, self.clock.now(), cx);
                answer::finish(response, cx.deadline()).await;
                outcome
            }
            Err(error) => cx.retry(failure::why(error)),
        }
    }
}

#[async_trait::async_trait]
impl ProfileHandler for Forward {
    fn wants(&self) -> Wants {
        self.wants.clone()
    }

    async fn handle(&self, change: &ProfileChange, cx: &Context) -> Outcome {
        match self.request(change) {
            Ok(request) => timeout_at(cx.deadline().into(), self.exchange(request, cx))
                .await
                .unwrap_or_else(|_| cx.retry("no answer in time")),
            Err(_) => cx.reject("it cannot be written as JSON"),
        }
    }
}
