//! `serve`: the service itself.

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::App;
use crate::clock::Clock;
use crate::config::{ConfigError, Flags, Loaded};
use crate::stop::Stop;
use crate::telemetry;

#[derive(Args)]
pub(super) struct Arguments {
    /// The app whose callbacks are taken, as the console shows it; several apps go into [[apps]]
    #[arg(long, value_name = "SDKAPPID")]
    sdk_app_id: Option<u64>,
    /// Public listener [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Private listener [default: 127.0.0.1:8081]
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin_listen: Option<String>,
}

impl Arguments {
    pub fn add_to(&self, flags: &mut Flags) {
        flags.sdk_app_id = self.sdk_app_id;
        flags.listen.clone_from(&self.listen);
        flags.admin_listen.clone_from(&self.admin_listen);
    }
}

pub(super) async fn run(loaded: Loaded) -> anyhow::Result<()> {
    if let Some(why) = loaded.unfit_to_serve {
        return Err(ConfigError(why).into());
    }
    telemetry::init(&loaded.config.log)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let stop = Stop::new();
    listen_for_signals(&stop)?;
    // Nothing was taken yet, so that the first signal is enough. Migrations are transactions.
    let app = tokio::select! {
        app = App::build(loaded.config, Clock::system()) => app?,
        () = stop.stopping() => return Ok(()),
    };
    eprint!("{}", app.banner());
    app.run(stop).await
}

/// The first SIGTERM or SIGINT stops softly, the second ends at once.
fn listen_for_signals(stop: &Stop) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if stop.is_stopping() {
                stop.hard();
            } else {
                tracing::info!("stopping: taking nothing new, finishing what was taken; a second signal ends at once");
                stop.soft();
            }
        }
    });
    Ok(())
}
