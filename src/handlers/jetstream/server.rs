//! The connection to NATS: made when it is first needed, and made again by the client whenever it is lost.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream;
use async_nats::{Client, ClientError, ConnectError, Event, ServerAddr};
use secrecy::ExposeSecret;
use tokio::sync::OnceCell;

use super::login::Login;
use crate::config::Handler;

/// How long one address may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How long an attempt waits for the first connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// A server that has not answered three of these is given up.
const PING: Duration = Duration::from_secs(10);

pub(super) struct Server {
    handler: String,
    addresses: Vec<ServerAddr>,
    /// Without the login.
    shown: String,
    login: Login,
    connection: OnceCell<(Client, jetstream::Context)>,
    /// Why the last try to connect again failed.
    trouble: Arc<Mutex<Option<String>>>,
}

impl Server {
    pub fn new(config: &Handler) -> Result<Self, String> {
        let urls = config.url.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
        let (mut addresses, mut login) = (Vec::new(), Login::None);
        for url in urls.split(',').map(str::trim) {
            let address = parse(url)?;
            if matches!(login, Login::None) {
                login = Login::of(&address);
            }
            addresses.push(without_login(address)?);
        }
        if let Some(path) = &config.credentials {
            if !matches!(login, Login::None) {
                return Err("url has a login, and there is a credentials file: one of them is enough".to_owned());
            }
            login = Login::file(path)?;
        }
        let shown: Vec<String> = addresses.iter().map(|at| format!("{}:{}", at.host(), at.port())).collect();
        Ok(Server {
            handler: config.name.clone(),
            shown: shown.join(", "),
            addresses,
            login,
            connection: OnceCell::new(),
            trouble: Arc::default(),
        })
    }

    /// JetStream, or why it cannot be reached now.
    pub async fn connected(&self) -> Result<&jetstream::Context, String> {
        let connecting = self.connection.get_or_try_init(|| self.connect());
        let (client, stream) = tokio::time::timeout(PATIENCE, connecting)
            .await
            .map_err(|_| format!("no connection to {} yet", self.shown))?
            .map_err(|error| format!("no connection to {}: {error}", self.shown))?;
        // What is published now would wait for the next connection, long after this attempt was given up.
        if client.connection_state() == State::Connected {
            return Ok(stream);
        }
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default();
        Err(format!("the connection to {} is lost {trouble}", self.shown).trim_end().to_owned())
    }

    async fn connect(&self) -> Result<(Client, jetstream::Context), ConnectError> {
        let (handler, shown, trouble) = (self.handler.clone(), self.shown.clone(), self.trouble.clone());
        let note = move |event| {
            let said = tell(&handler, &shown, event);
            *trouble.lock().unwrap_or_else(PoisonError::into_inner) = said;
            async {}
        };
        let options = self.login.clone().options().name(format!("portraitd {}", self.handler));
        let options = options.connection_timeout(CONNECT).ping_interval(PING).event_callback(note);
        let client = options.connect(&self.addresses[..]).await?;
        Ok((client.clone(), jetstream::new(client)))
    }
}

/// Tells the operator; what is to be added to why attempts fail.
fn tell(handler: &str, server: &str, event: Event) -> Option<String> {
    match event {
        Event::Connected => tracing::info!(handler, server, "connected to NATS"),
        Event::Disconnected => tracing::warn!(handler, server, "the connection to NATS is lost, connecting again"),
        Event::ClientError(ClientError::Other(why)) => return Some(format!("({why})")),
        other => tracing::debug!(handler, server, "{other}"),
    }
    None
}

fn parse(url: &str) -> Result<ServerAddr, String> {
    if !["nats://", "tls://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err("url must begin with nats:// or tls://".to_owned());
    }
    match url.parse::<ServerAddr>() {
        Ok(address) if !address.host().is_empty() => Ok(address),
        Ok(_) => Err("url has no host".to_owned()),
        Err(error) => Err(format!("url: {error}")),
    }
}

/// The client logs addresses.
fn without_login(address: ServerAddr) -> Result<ServerAddr, String> {
    let mut url = address.into_inner();
    let is_gone = url.set_username("").is_ok() && url.set_password(None).is_ok();
    if !is_gone {
        return Err("url cannot have a login".to_owned());
    }
    ServerAddr::from_url(url).map_err(|error| error.to_string())
}
