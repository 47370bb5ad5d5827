//! Where the parts meet: from a configuration and handlers to a running service, and back down in order.
//!
//! Stopping: listeners take nothing new and finish what they took; then the journal's queue is written empty; then the
//! process may end. What has not ended after the grace period is cut off.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use secrecy::ExposeSecret;
use tokio::task::JoinHandle;

use super::tencent::to_reconcile;
use crate::audit;
use crate::clock::Clock;
use crate::config::{self, Config, ConfigError, Tls};
use crate::dispatch::{self, Registration};
use crate::journal::{Journal, Spool};
use crate::listener::{self, Limits, Listener, Refusal, Times, TlsFiles};
use crate::proof::{self, Anchors};
use crate::protocol::reply;
use crate::receiver::{Gate, Receiver};
use crate::reconcile::{Schedule, Settings};
use crate::stop::Stop;
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::tencent::Client;
use crate::upkeep;

/// How long the store may keep the start waiting.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A service that listens but does not answer yet.
pub struct Service {
    config: Config,
    handlers: Vec<Registration>,
    store: Arc<Store>,
    spool: Spool,
    metrics: Arc<Metrics>,
    gate: Gate,
    public: Listener,
    private: Listener,
    clock: Clock,
    clients: Vec<Client>,
    begun: Instant,
}

impl Service {
    /// Binds both listeners, opens spool and store and brings the store up to date: a start that fails leaves no store
    /// behind. A store that is away does not keep it from starting: callbacks go to the spool.
    pub(super) async fn build(
        mut config: Config,
        handlers: Vec<Registration>,
        clients: BTreeMap<u64, Client>,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let clients = to_reconcile(&config, clients)?;
        listener::allow(&mut config.receiver.max_connections, &mut config.admin.max_connections);
        let public = bind("receiver", config.receiver.listen, config.receiver.tls.as_ref())?;
        let private = bind("admin", config.admin.listen, config.admin.tls.as_ref())?;
        let metrics = Arc::<Metrics>::default();
        let gate = Gate::new(&config.receiver, &metrics)?;
        let store = Arc::new(Store::unopened(config.store.url.expose_secret())?);
        let spool = Spool::open(&config.spool.dir, config.spool.max_bytes)?;
        bring_up(&store).await?;
        Ok(Service { config, handlers, store, spool, metrics, gate, public, private, clock, clients, begun })
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
            "portraitd {} is ready after {} ms\n  callbacks  {public}\n  private    {private} (the page, api, healthz, readyz, metrics)\n  \
             data       {}\n  spool      {}\n  apps       {}\n  console    {console}\n",
            env!("CARGO_PKG_VERSION"),
            self.begun.elapsed().as_millis(),
            self.store.location(),
            self.spool.location(),
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
        let budget = store_budget(&self.config.receiver);
        let (journal, writer) = Journal::new(self.store.clone(), self.spool, budget, self.metrics.clone());
        let receiver = Receiver::new(
            &self.config.apps,
            &self.config.receiver,
            self.gate,
            Arc::new(journal),
            self.clock.clone(),
            self.metrics.clone(),
        )?;
        let admin = audit::router(
            &self.config.admin,
            self.store.clone(),
            writer.health(),
            self.metrics.clone(),
            self.clock.clone(),
            stop.clone(),
        );

        let (config, store, metrics) = (self.config.proof, self.store.clone(), self.metrics.clone());
        let anchors = Arc::new(Anchors::new(&config, store.clone(), &metrics, self.clock.clone())?);
        let (noting, stopping) = (anchors.clone(), stop.clone());
        let proving = async move {
            tokio::join!(noting.run(stopping.clone()), proof::watch(&config, &store, &metrics, stopping));
        };
        let proving = watched("proof", proving, &stop);

        // Handlers' last words are written before the process may be cut off.
        let dispatching = watched(
            "dispatch",
            dispatch::run(
                self.handlers,
                self.store.clone(),
                self.metrics.clone(),
                self.clock.clone(),
                grace * 3 / 4,
                stop.clone(),
            ),
            &stop,
        );
        let schedule = self.config.reconcile.every.map(|every| {
            let health = writer.health();
            Schedule {
                every: every.0,
                clients: self.clients,
                settings: Settings {
                    tags: self.config.reconcile.tags,
                    grace: self.config.reconcile.grace.0,
                    dry_run: false,
                },
                store: self.store.clone(),
                clock: self.clock.clone(),
                is_spooled: Box::new(move || health.spooled() > 0),
                metrics: self.metrics.clone(),
            }
        });
        let stopping = stop.clone();
        let reconciling = async move {
            if let Some(schedule) = schedule {
                schedule.run(stopping).await;
            }
        };
        let reconciling = watched("reconciliation", reconciling, &stop);
        let upkeep = watched(
            "upkeep",
            upkeep::run(self.store, writer.health(), self.config.store, self.clock, stop.clone()),
            &stop,
        );
        let writing = watched("writer", writer.run(), &stop);
        let limits = private_limits(self.config.admin.max_connections);
        let connections = self.metrics.connections.of("private");
        let private = watched("private listener", self.private.serve(admin, limits, connections, stop.clone()), &stop);
        // The receiver, and with it the queues' sender, lives exactly as long as the public listener.
        let limits = public_limits(self.config.receiver.max_connections);
        let connections = self.metrics.connections.of("public");
        let public = self.public.serve(receiver.router(), limits, connections, stop.clone());
        let public = watched("public listener", public, &stop);

        let all = async {
            let ended = tokio::join!(public, writing, private, upkeep, dispatching, proving, reconciling);
            anchors.last(grace / 8).await;
            ended
        };
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
        for part in <[_; 7]>::from(ended) {
            part.context("a part of the service failed")?;
        }
        Ok(())
    }
}

/// Waits for the store a little. One that does not answer yet is opened later, by the upkeep.
async fn bring_up(store: &Arc<Store>) -> anyhow::Result<()> {
    let opening = store.clone();
    let opening = tokio::spawn(async move { opening.bring_up().await });
    match tokio::time::timeout(PATIENCE, opening).await {
        Ok(opened) => match opened? {
            Err(error) if error.may_pass() => {
                tracing::error!("starting without the store, callbacks go to the spool: {error}")
            }
            opened => opened?,
        },
        Err(_) => tracing::error!(
            "starting without the store, callbacks go to the spool: {} has not answered yet",
            store.location()
        ),
    }
    Ok(())
}

/// The spool needs some of the answer's time too.
fn store_budget(receiver: &config::Receiver) -> Duration {
    let (store, answer) = (receiver.store_budget_ms, receiver.answer_budget_ms);
    Duration::from_millis(if store < answer { store } else { answer / 2 })
}

fn bind(section: &str, address: SocketAddr, tls: Option<&Tls>) -> anyhow::Result<Listener> {
    let tls = tls.map(TlsFiles::load).transpose().map_err(|e| ConfigError(format!("{section}.tls: {e}")))?;
    Listener::bind(address, tls).with_context(|| format!("{section}.listen: cannot listen on {address}"))
}

fn public_limits(connections: usize) -> Limits {
    let refusal = Refusal::new("application/json", &reply::fail("too many connections"));
    Limits { connections, open: &["/healthz"], refusal, times: Times::default() }
}

fn private_limits(connections: usize) -> Limits {
    let refusal = Refusal::new("application/problem+json", audit::TOO_MANY_CONNECTIONS);
    Limits { connections, open: &["/healthz", "/readyz"], refusal, times: Times::default() }
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
