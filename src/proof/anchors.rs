//! Heads are noted outside: at the start, now and then, and at a clean end. Each place has a turn of its own, so that one that
//! does not answer holds up no other.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::AGAIN;
use super::file;
use super::head::Noted;
use super::url::HeadUrl;
use crate::clock::Clock;
use crate::config::{ConfigError, Proof};
use crate::stop::Stop;
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::telemetry::proof::Anchored;

/// How long noting one may take.
const LIMIT: Duration = Duration::from_secs(10);

/// All places that heads go to.
pub struct Anchors {
    places: Vec<(Place, Anchored)>,
    every: Duration,
    store: Arc<Store>,
    clock: Clock,
}

enum Place {
    File(PathBuf),
    Url(HeadUrl),
}

impl Anchors {
    /// Those that are configured.
    pub fn new(config: &Proof, store: Arc<Store>, metrics: &Metrics, clock: Clock) -> Result<Self, ConfigError> {
        let file = config.head_file.clone().map(|path| (Place::File(path), metrics.proof.of("file")));
        let url = config.head_url.as_ref().map(HeadUrl::new).transpose()?;
        let url = url.map(|url| (Place::Url(url), metrics.proof.of("url")));
        Ok(Anchors { places: file.into_iter().chain(url).collect(), every: config.every.0, store, clock })
    }

    /// Notes heads until told to stop.
    pub async fn run(&self, stop: Stop) {
        let places = join_all(self.places.iter().map(|(place, anchored)| async move {
            loop {
                let is_noted = self.note(place, anchored, LIMIT).await;
                tokio::time::sleep(if is_noted { self.every } else { self.every.min(AGAIN) }).await;
            }
        }));
        tokio::select! {
            _ = places => stop.stopping().await,
            () = stop.stopping() => {}
        }
    }

    /// Notes the last head, when nothing is appended any more.
    pub async fn last(&self, limit: Duration) {
        join_all(self.places.iter().map(|(place, anchored)| self.note(place, anchored, limit))).await;
    }

    async fn note(&self, place: &Place, anchored: &Anchored, limit: Duration) -> bool {
        let why = match timeout(limit, self.try_note(place)).await {
            Ok(Ok(seq)) => {
                anchored.seq.set(seq);
                return true;
            }
            Ok(Err(why)) => why,
            Err(_) => format!("no answer within {} ms", limit.as_millis()),
        };
        anchored.failures.inc();
        let key = match place {
            Place::File(_) => "head_file",
            Place::Url(_) => "head_url",
        };
        tracing::error!("the log's head could not be noted in proof.{key}: {why}");
        false
    }

    async fn try_note(&self, place: &Place) -> Result<i64, String> {
        let head = self.store.head().await.map_err(|error| error.to_string())?;
        // An empty log proves nothing.
        if head.seq > 0 {
            let noted = Noted::new(head, self.clock.now());
            match place {
                Place::Url(url) => url.post(&noted).await?,
                Place::File(path) => {
                    let path = path.clone();
                    let done = tokio::task::spawn_blocking(move || file::append(&path, &noted)).await;
                    done.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
                }
            }
        }
        Ok(head.seq)
    }
}
