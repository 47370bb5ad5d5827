//! The program as a library: a configuration and an app's own handlers in, a running service out.

mod service;
mod signals;
mod tencent;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::{self, Config, ConfigError, Flags, HANDLER_NAME, Loaded, is_handler_name};
use crate::dispatch::{ProfileHandler, Registration};
use crate::handlers;
use crate::stop::Stop;
use crate::telemetry;
use crate::tencent::Client;
pub use service::Service;
pub(crate) use signals::listen as stop_on_signals;
pub use tencent::{app_and_key, client_of, clients, to_reconcile};

/// A service to be: its configuration, and handlers of the app's own.
///
/// ```no_run
/// # use portraitd::{Context, Outcome, ProfileChange, ProfileHandler, async_trait};
/// # struct SearchIndex;
/// # #[async_trait]
/// # impl ProfileHandler for SearchIndex {
/// #     async fn handle(&self, _: &ProfileChange, _: &Context) -> Outcome { Outcome::Done }
/// # }
/// #[tokio::main]
/// async fn main() -> anyhow::Result<()> {
///     portraitd::App::from_env()?.handler("search-index", SearchIndex).run().await
/// }
/// ```
pub struct App {
    config: Config,
    warnings: Vec<String>,
    handlers: Vec<(String, Arc<dyn ProfileHandler>)>,
    clock: Clock,
}

impl App {
    /// As the environment says: `PORTRAITD_CONFIG`, `DATABASE_URL`, `PORTRAITD_SDK_APP_ID` and the others that the program
    /// knows.
    pub fn from_env() -> Result<Self, ConfigError> {
        App::loaded(config::load(&Flags::default(), &config::environment(std::env::vars_os())?)?)
    }

    /// With what was loaded, if it is fit to serve.
    pub fn loaded(loaded: Loaded) -> Result<Self, ConfigError> {
        match loaded.unfit_to_serve {
            Some(why) => Err(ConfigError(why)),
            None => Ok(App { warnings: loaded.warnings, ..App::new(loaded.config) }),
        }
    }

    /// With this configuration.
    pub fn new(config: Config) -> Self {
        App { config, warnings: Vec::new(), handlers: Vec::new(), clock: Clock::system() }
    }

    /// With a handler. The name is its cursor's: another name begins anew, where `dispatch.start` says.
    pub fn handler(mut self, name: impl Into<String>, handler: impl ProfileHandler) -> Self {
        self.handlers.push((name.into(), Arc::new(handler)));
        self
    }

    /// With another clock than the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Runs until SIGTERM or Ctrl-C; a second signal ends at once. Installs what the libraries need: the TLS provider, and
    /// the program's log unless the app has set up its own.
    pub async fn run(self) -> anyhow::Result<()> {
        telemetry::init(&self.config.log)?;
        for warning in &self.warnings {
            tracing::warn!("{warning}");
        }
        let stop = Stop::new();
        signals::listen(&stop)?;
        // Nothing was taken yet, so that the first signal is enough. Migrations are transactions.
        let service = tokio::select! {
            service = self.build() => service?,
            () = stop.stopping() => return Ok(()),
        };
        eprint!("{}", service.banner());
        service.run(stop).await
    }

    /// Binds both listeners and opens spool and store.
    pub async fn build(self) -> anyhow::Result<Service> {
        // Only one provider is compiled in; installing it twice is not an error worth stopping for.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        // Once: whoever calls for the same app shares its rates.
        let clients = clients(&self.config)?;
        let registrations = self.registrations(&clients)?;
        Service::build(self.config, registrations, clients, self.clock).await
    }

    /// The app's own handlers, then those of the configuration.
    fn registrations(&self, clients: &BTreeMap<u64, Client>) -> Result<Vec<Registration>, ConfigError> {
        let mut all = Vec::new();
        for (name, handler) in &self.handlers {
            if !is_handler_name(name) {
                return Err(ConfigError(format!("a handler's name must be {HANDLER_NAME}: {name:?}")));
            }
            all.push(handlers::registration(name, handler.clone(), &self.config.dispatch, None));
        }
        for entry in &self.config.handlers {
            let handler = handlers::build(entry, &self.config, clients, &self.clock)?;
            all.push(handlers::registration(&entry.name, handler, &self.config.dispatch, Some(entry)));
        }
        let twice = (1..all.len()).find(|at| all[..*at].iter().any(|other| other.name == all[*at].name));
        match twice {
            Some(at) => Err(ConfigError(format!("two handlers are named {:?}", all[at].name))),
            None => Ok(all),
        }
    }
}
