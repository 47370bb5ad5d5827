//! Stopping in two stages: soft (take nothing new, finish what was taken), then hard (end now).

use std::future::Future;

use tokio_util::sync::CancellationToken;

/// Tells every part to stop. Clones tell the same parts.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Stop {
    /// Nothing has been told to stop yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Take nothing new, finish what was taken.
    pub fn soft(&self) {
        self.soft.cancel();
    }

    /// End now.
    pub fn hard(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// Resolves once told to stop in either way.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        self.soft.clone().cancelled_owned()
    }

    /// Resolves once told to end now.
    pub fn ending(&self) -> impl Future<Output = ()> + Send + 'static {
        self.hard.clone().cancelled_owned()
    }

    /// Whether it was told to stop in either way.
    pub fn is_stopping(&self) -> bool {
        self.soft.is_cancelled()
    }
}
