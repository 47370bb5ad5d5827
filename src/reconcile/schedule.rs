//! `reconcile.every`: while the service runs, all accounts of each app whose secret key is configured. Several replicas do not do
//! it at once, and after a restart it goes on where it was.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Error, News, Run, Settings, Summary, Which};
use crate::clock::Clock;
use crate::protocol::time::millis;
use crate::stop::Stop;
use crate::store::Store;
use crate::store::mark::{Due, Mark, Round};
use crate::telemetry::Metrics;
use crate::telemetry::reconcile::Reconciled;
use crate::tencent::Client;

const NAME: &str = "serve";
/// How often it is asked whether one is due.
const ASKED: Duration = Duration::from_secs(30);
/// Whoever has not come further for so long is not at it any more: a stretch takes far less.
const IDLE: Duration = Duration::from_secs(600);

/// What is reconciled, and how often.
pub struct Schedule {
    /// From one beginning to the next.
    pub every: Duration,
    /// One for each app.
    pub clients: Vec<Client>,
    /// How.
    pub settings: Settings,
    /// The log.
    pub store: Arc<Store>,
    /// For when something was seen.
    pub clock: Clock,
    /// Whether callbacks wait in the spool.
    pub is_spooled: Box<dyn Fn() -> bool + Send + Sync>,
    /// Where what was missed is counted.
    pub metrics: Arc<Metrics>,
}

impl Schedule {
    /// Reconciles until told to stop.
    pub async fn run(self, stop: Stop) {
        let apps = self.clients.iter().map(|client| self.app(client, &stop));
        futures_util::future::join_all(apps).await;
    }

    async fn app(&self, client: &Client, stop: &Stop) {
        let app = client.sdk_app_id();
        let reconciled = self.metrics.reconciliations.of(app);
        let mark = Mark { app: i64::try_from(app).unwrap_or_default(), name: NAME };
        let due = Due { every: millis(self.every), idle: millis(IDLE) };
        let mut ticks = tokio::time::interval(self.every.min(ASKED));
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.stopping() => return,
            }
            let (round, after) = match self.store.begin_mark(mark, due).await {
                Ok(Some(begun)) => begun,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(app, "profiles of app {app} cannot be reconciled yet: {error}");
                    continue;
                }
            };
            let begun = Instant::now();
            let done = tokio::select! {
                done = self.once(client, round, &after, &reconciled) => done,
                () = stop.stopping() => {
                    // Whoever is up first goes on.
                    let _ = self.store.leave_mark(round).await;
                    return;
                }
            };
            self.ended(app, round, done, begun).await;
        }
    }

    async fn once(&self, client: &Client, round: Round, after: &str, counts: &Reconciled) -> Result<Summary, Error> {
        let app = client.sdk_app_id();
        let counts = counts.clone();
        let mut tell = move |news: News<'_>| match news {
            News::Looked(_) => {}
            News::Found { account, differences } => {
                for difference in differences.iter().filter(|difference| difference.is_missed()) {
                    counts.missed.inc();
                    let tag = &difference.tag;
                    tracing::warn!(app, account, tag, "a change of {tag} of {account} was missed; it is recorded now");
                }
            }
            News::Unsettled { account } => tracing::info!(app, account, "{account} goes on changing"),
            News::Unknown { account } => tracing::debug!(app, account, "Tencent does not know {account}"),
            News::Failed { account, error } => {
                counts.failed.inc();
                tracing::warn!(app, account, "{account} cannot be reconciled: {error}");
            }
            News::LeftOut { tag, why } => tracing::warn!(app, tag, "{tag} is not reconciled: {why}"),
            News::WaitingForSpool => tracing::info!(app, "reconciling goes on when the spool is drained"),
        };
        let run = Run {
            store: &self.store,
            client,
            clock: &self.clock,
            settings: &self.settings,
            is_spooled: &*self.is_spooled,
            tell: &mut tell,
        };
        run.reconcile(&Which::All(Some(round)), after).await
    }

    async fn ended(&self, app: u64, round: Round, done: Result<Summary, Error>, begun: Instant) {
        match done {
            Ok(Summary { accounts, baselines, missed, unsettled, unknown, failed }) => {
                tracing::info!(
                    app,
                    "app {app} is reconciled: {accounts} accounts in {} s, {missed} changes missed, {baselines} values seen for \
                     the first time, {unsettled} accounts unsettled, {unknown} unknown to Tencent, {failed} failed",
                    begun.elapsed().as_secs()
                );
                if let Err(error) = self.store.end_mark(round).await {
                    tracing::warn!(app, "that app {app} is reconciled could not be noted: {error}");
                }
            }
            Err(error) => tracing::error!(
                app,
                "reconciling app {app} stopped, and goes on in {} minutes: {error}",
                IDLE.as_secs() / 60
            ),
        }
    }
}
