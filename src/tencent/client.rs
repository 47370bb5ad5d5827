//! The client and how it is made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use super::call::Rates;
use super::key::Key;
use super::{Error, Limit, Region};
use crate::clock::Clock;
use crate::outgoing;

const DEADLINE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(3);

/// Calls one app's API. A clone is the same client: it keeps the same rates.
#[derive(Clone)]
pub struct Client {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub sdk_app_id: u64,
    pub base_url: Url,
    pub deadline: Duration,
    pub checks_limits: bool,
    pub key: Key,
    pub rates: Rates,
    pub http: reqwest::Client,
}

/// How a client is to be.
pub struct Builder {
    sdk_app_id: u64,
    secret_key: SecretString,
    base_url: String,
    identifier: String,
    deadline: Duration,
    checks_limits: bool,
    clock: Clock,
}

impl Client {
    /// For this app, with the secret key that the console shows beside it.
    pub fn builder(sdk_app_id: u64, secret_key: SecretString) -> Builder {
        Builder {
            sdk_app_id,
            secret_key,
            base_url: Region::Singapore.base_url().to_owned(),
            identifier: "administrator".to_owned(),
            deadline: DEADLINE,
            checks_limits: true,
            clock: Clock::system(),
        }
    }

    /// The app it is for.
    pub fn sdk_app_id(&self) -> u64 {
        self.inner.sdk_app_id
    }
}

/// No key, no UserSig.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("sdk_app_id", &self.inner.sdk_app_id)
            .field("at", &self.inner.base_url.origin().ascii_serialization())
            .field("identifier", &self.inner.key.identifier())
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Where the app was made; without, Singapore.
    pub fn region(self, region: Region) -> Self {
        self.base_url(region.base_url())
    }

    /// Another place than a region's, such as an emulator's.
    pub fn base_url(self, url: &str) -> Self {
        Builder { base_url: url.to_owned(), ..self }
    }

    /// The administrator to speak for; without, `administrator`.
    pub fn identifier(self, identifier: &str) -> Self {
        Builder { identifier: identifier.to_owned(), ..self }
    }

    /// How long a call may take, with all its attempts and waits; without, 10 seconds.
    pub fn deadline(self, deadline: Duration) -> Self {
        Builder { deadline, ..self }
    }

    /// Leaves it to the vendor to refuse what does not keep its documented limits.
    pub fn unchecked(self) -> Self {
        Builder { checks_limits: false, ..self }
    }

    /// Another clock than this machine's.
    pub fn clock(self, clock: Clock) -> Self {
        Builder { clock, ..self }
    }

    /// The client, or what is wrong with what it was given.
    pub fn build(self) -> Result<Client, Error> {
        let base_url = Url::parse(&self.base_url).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none()
        });
        let base_url = base_url.ok_or_else(|| Limit::new("base_url", "must be an http(s) URL without ? and #"))?;
        // Only one provider is compiled in; installing it twice is no error worth stopping for.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let http = outgoing::client()
            .connect_timeout(CONNECT)
            .build()
            .map_err(|error| Limit::new("client", error.to_string()))?;
        Ok(Client {
            inner: Arc::new(Inner {
                sdk_app_id: self.sdk_app_id,
                base_url,
                deadline: self.deadline,
                checks_limits: self.checks_limits,
                key: Key::new(self.secret_key, self.sdk_app_id, self.identifier, self.clock),
                rates: Rates::documented(),
                http,
            }),
        })
    }
}
