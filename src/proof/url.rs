//! Heads to a URL: each one is POSTed.

use std::error::Error;
use std::sync::Mutex;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};

use super::head::Noted;
use crate::config::ConfigError;
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
        let builder = Client::builder().user_agent(concat!("portraitd/", env!("CARGO_PKG_VERSION")));
        let client = builder.redirect(Policy::none()).no_proxy().build().map_err(|error| wrong(error.to_string()))?;
        Ok(HeadUrl { url, client, last: Mutex::default() })
    }

    /// Sends it, unless it was the last one to be taken.
    pub async fn post(&self, head: &Noted) -> Result<(), String> {
        if *self.last() == Some(head.head()) {
            return Ok(());
        }
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json").body(head.line());
        let response = request.send().await.map_err(|error| why(&error.without_url()))?;
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

/// The innermost cause says most. The URL, which may hold a password, is not repeated.
fn why(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.last().map_or_else(|| error.to_string(), ToString::to_string)
}
