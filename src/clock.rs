//! The wall clock as an argument, so that tests can hold it still.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::protocol::time::{Millis, millis};

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Millis + Send + Sync>);

impl Clock {
    /// This machine's clock.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads it")]
    pub fn system() -> Self {
        Clock::from_fn(|| millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()))
    }

    /// Any other clock.
    pub fn from_fn(now: impl Fn() -> Millis + Send + Sync + 'static) -> Self {
        Clock(Arc::new(now))
    }

    /// Unix time in milliseconds.
    pub fn now(&self) -> Millis {
        (self.0)()
    }
}
