//! Heads to a URL: each one is POSTed.

use std::sync::Mutex;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};

use super::head::Noted;
use crate::config::ConfigError;
use crate::outgoing;
use crate::store::Head;

pub(super) struct HeadUrl {
    url: Url,
    client: Client,
    /// What it took last.
    last: Mutex<Option<Head>>,
}

impl HeadUrl {
    pub fn new(url: &SecretString) -> Result<Self, ConfigError> {
        let wrong = |error: String| ConfigError(format!("proof.head_url: {error}"));
        let url = Url::parse(url.expose_secret()).map_err(|error| wrong(error.to_string()))?;
        let client = outgoing::client().build().map_err(|error| wrong(error.to_string()))?;
        Ok(HeadUrl { url, client, last: Mutex::default() })
    }

    /// Sends it, unless it was the last one to be taken.
    pub async fn post(&self, head: &Noted) -> Result<(), String> {
        if *self.last() == Some(head.head()) {
            return Ok(());
        }
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json").body(head.line());
        let response = request.send().await.map_err(outgoing::why)?;
        if !response.status().is_success() {
            return Err(format!("it answered {}", response.status()));
        }
        *self.last() = Some(head.head());
        Ok(())
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<Head>> {
        self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
