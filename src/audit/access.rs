//! Reading is recorded: who looked at what. What cannot be recorded is not answered.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use tokio::time::timeout;

use super::guard::{Caller, source};
use super::problem::Problem;
use crate::store::{Access as Row, Store};

/// How long the store may take to record it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who reads, from where, and where that is written down.
pub(super) struct Access {
    store: Arc<Store>,
    caller: Caller,
    source: IpAddr,
}

impl Access {
    /// Records what is about to be shown; nothing may be shown unless this is. `target`: whose data, when it is one person's.
    /// `details`: what was asked for.
    pub async fn reads(&self, action: &str, target: Option<&str>, details: Option<&str>) -> Result<(), Problem> {
        let from = format!("from {}", self.source);
        let details = details.map_or(from.clone(), |asked| format!("{asked} {from}"));
        let row = Row { who: &self.caller.0, action, target: target.unwrap_or("*"), details: Some(&details) };
        let why = match timeout(PATIENCE, self.store.record_access(row)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        };
        tracing::error!("a read was refused, because it could not be recorded in access_log: {why}");
        Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the read could not be recorded, so it is refused"))
    }
}

impl<S: Sync> FromRequestParts<S> for Access {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Without them it is not behind the guard: a defect.
        let missing = || Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error");
        let caller = parts.extensions.get::<Caller>().cloned().ok_or_else(missing)?;
        let store = parts.extensions.get::<Arc<Store>>().cloned().ok_or_else(missing)?;
        Ok(Access { store, caller, source: source(&parts.extensions) })
    }
}
