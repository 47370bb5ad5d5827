//! The allowlist: a file of those who may send, read again when it changes. One that cannot be used leaves the last good
//! list in place.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use prometheus_client::metrics::gauge::Gauge;
use tokio_util::task::AbortOnDropHandle;

use crate::config::network;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The list in force, for as long as this lives.
pub(super) struct Allowlist {
    current: Arc<ArcSwap<List>>,
    _watching: AbortOnDropHandle<()>,
}

impl Allowlist {
    /// Reads the file and watches it from then on; `stale` is 1 while it cannot be used.
    pub fn open(path: &Path, stale: Gauge) -> Result<Self, String> {
        let current = Arc::new(ArcSwap::from_pointee(List::read(path)?));
        let watching = tokio::spawn(watch(path.to_owned(), current.clone(), stale));
        Ok(Allowlist { current, _watching: AbortOnDropHandle::new(watching) })
    }

    pub fn holds(&self, source: IpAddr) -> bool {
        self.current.load().networks.iter().any(|network| network.contains(&source))
    }
}

/// How many entries a file has, if it can be used.
pub fn count_allowed(path: &Path) -> Result<usize, String> {
    List::read(path).map(|list| list.networks.len())
}

/// Looks at the file for ever, and says once what is wrong with it.
async fn watch(path: PathBuf, current: Arc<ArcSwap<List>>, stale: Gauge) {
    let mut wrong: Option<String> = None;
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        ticks.tick().await;
        let before = wrong.take();
        match List::read(&path) {
            Ok(list) if list.text != current.load().text => {
                tracing::info!("allowlist {} read again: {} entries", path.display(), list.networks.len());
                current.store(Arc::new(list));
            }
            Ok(_) if before.is_some() => tracing::info!("allowlist {} can be used again", path.display()),
            Ok(_) => {}
            Err(error) => {
                let error = wrong.insert(error);
                if before.as_ref() != Some(error) {
                    tracing::error!("the allowlist cannot be used, the last good one stays: {error}");
                }
            }
        }
        stale.set(wrong.is_some().into());
    }
}

/// The file as it was read.
struct List {
    text: String,
    networks: Vec<IpNet>,
}

impl List {
    fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {shown}: {e}"))?;
        let mut networks = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let entry = line.split('#').next().unwrap_or_default().trim();
            if !entry.is_empty() {
                networks.push(network(entry).map_err(|why| format!("{shown}, line {number}: {why}"))?);
            }
        }
        if networks.is_empty() {
            return Err(format!("{shown} lists nobody"));
        }
        Ok(List { text, networks })
    }
}
