//! Where the parts meet: from a configuration to a running service, and back down in order.
//!
//! Stopping: listeners take nothing new and finish what they took; then the journal's queue is written empty; then the
//! process may end. What has not ended after the grace period is cut off.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use secrecy::ExposeSecret;
use tokio::task::JoinHandle;

use crate::audit;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, Tls};
use crate::journal::Journal;
use crate::listener::{Listener, TlsFiles};
use crate::receiver::{Gate, Receiver};
use crate::stop::Stop;
use crate::store::{Open, Store};
use crate::telemetry::Metrics;
use crate::upkeep;

/// A service that listens but does not answer yet.
pub struct App {
    config: Config,
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    gate: Gate,
    public: Listener,
    private: Listener,
    clock: Clock,
    begun: Instant,
}

impl App {
    /// Binds both listeners, opens the store and brings it up to date: a start that fails leaves no store behind.
    pub async fn build(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let public = bind("receiver", config.receiver.listen, config.receiver.tls.as_ref()).await?;
        let private = bind("admin", config.admin.listen, config.admin.tls.as_ref()).await?;
        let metrics = Arc::<Metrics>::default();
        let gate = Gate::new(&config.receiver, &metrics)?;
        let store = Arc::new(Store::open(config.store.url.expose_secret(), Open::Migrate).await?);
        Ok(App { config, store, metrics, gate, public, private, clock, begun })
    }

    /// What an operator wants to know at the start.
    pub fn banner(&self) -> String {
        let public = format!("{}://{}{}", self.public.scheme(), self.public.address(), self.config.receiver.path);
        let private = format!("{}://{}/", self.private.scheme(), self.private.address());
        let console = match &self.config.receiver.public_url {
            Some(url) => format!("paste {url} as the callback URL"),
            None => "set receiver.public_url to the address Chat reaches this listener at, and paste that as the callback URL".to_owned(),
        };
        let apps: Vec<_> = self.config.apps.iter().map(|app| app.sdk_app_id.to_string()).collect();
        format!(
            "portraitd {} is ready after {} ms\n  callbacks  {public}\n  private    {private} (healthz, readyz, metrics)\n  \
             data       {}\n  apps       {}\n  console    {console}\n",
            env!("CARGO_PKG_VERSION"),
            self.begun.elapsed().as_millis(),
            self.store.location(),
            apps.join(", "),
        )
    }

    /// Where callbacks arrive.
    pub fn public_address(&self) -> SocketAddr {
        self.public.address()
    }

    /// Where health and metrics are.
    pub fn private_address(&self) -> SocketAddr {
        self.private.address()
    }

    /// Serves until told to stop. An error means that something did not end well.
    pub async fn run(self, stop: Stop) -> anyhow::Result<()> {
        let grace = Duration::from_secs(self.config.shutdown.grace_secs);
        let (journal, writer, keeper) = Journal::new(self.store.clone(), self.metrics.clone());
        let receiver = Receiver::new(
            &self.config.apps,
            &self.config.receiver,
            self.gate,
            Arc::new(journal),
            self.clock.clone(),
            self.metrics.clone(),
        );
        let admin = audit::router(&self.config.admin, self.store.clone(), writer.failing(), self.metrics.clone());

        let writing = watched("writer", writer.run(), &stop);
        let keeping = watched("keeper", keeper.run(), &stop);
        let upkeep = watched(
            "upkeep",
            upkeep::run(self.store.clone(), self.config.store.clone(), self.clock, stop.clone()),
            &stop,
        );
        let private = watched("private listener", self.private.serve(admin, stop.clone()), &stop);
        // The receiver, and with it the queues' sender, lives exactly as long as the public listener.
        let public = watched("public listener", self.public.serve(receiver.router(), stop.clone()), &stop);

        let all = async { tokio::join!(public, writing, keeping, private, upkeep) };
        let mut all = std::pin::pin!(all);
        let ended = tokio::select! {
            ended = all.as_mut() => Ok(ended),
            () = async { stop.stopping().await; tokio::time::sleep(grace).await } => {
                Err(format!("not everything ended within {} s", grace.as_secs()))
            }
            () = stop.ending() => Err("ended at once by a second signal".to_owned()),
        };
        let ended = ended.map_err(|why| {
            stop.hard();
            anyhow::anyhow!("{why}; callbacks that were not answered OK may not be recorded")
        })?;
        for part in <[_; 5]>::from(ended) {
            part.context("a part of the service failed")?;
        }
        Ok(())
    }
}

async fn bind(section: &str, address: SocketAddr, tls: Option<&Tls>) -> anyhow::Result<Listener> {
    let tls = tls.map(TlsFiles::load).transpose().map_err(|e| ConfigError(format!("{section}.tls: {e}")))?;
    Listener::bind(address, tls).await.with_context(|| format!("{section}.listen: cannot listen on {address}"))
}

/// A part of the service. One that dies takes the others down with it.
fn watched(name: &'static str, part: impl Future<Output = ()> + Send + 'static, stop: &Stop) -> JoinHandle<()> {
    let stop = stop.clone();
    tokio::spawn(async move {
        let inner = tokio::spawn(part);
        if let Err(error) = inner.await {
            tracing::error!("the {name} died: {error}");
            stop.soft();
            std::panic::resume_unwind(error.into_panic());
        }
    })
}
