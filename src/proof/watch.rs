//! The log is verified now and then while it is written to.

use std::path::Path;

use super::{AGAIN, file};
use crate::config::Proof;
use crate::stop::Stop;
use crate::store::Store;
use crate::store::verify::{Plan, Verdict, gently};
use crate::telemetry::Metrics;

/// Verifies the log at once and then as often as is configured, until told to stop.
pub async fn watch(config: &Proof, store: &Store, metrics: &Metrics, stop: Stop) {
    let Some(every) = config.verify_every else { return };
    let verifying = async {
        loop {
            let is_decided = once(config.head_file.as_deref(), store, metrics).await;
            tokio::time::sleep(if is_decided { every.0 } else { every.0.min(AGAIN) }).await;
        }
    };
    tokio::select! {
        () = verifying => {}
        () = stop.stopping() => {}
    }
}

/// Whether there is a verdict.
async fn once(head_file: Option<&Path>, store: &Store, metrics: &Metrics) -> bool {
    let heads = head_file.map_or(Ok(Vec::new()), file::heads).unwrap_or_else(|error| {
        tracing::error!("the log is verified without the heads in proof.head_file: {error}");
        Vec::new()
    });
    match gently(store, Plan { heads, ..Plan::default() }).await {
        Ok(Verdict::Holds { entries, head, heads, .. }) => {
            metrics.proof.verified(Some(head.seq));
            tracing::info!(log.head = head.seq, "the log holds: {entries} entries, {heads} noted heads");
        }
        Ok(Verdict::Broken(fault)) => {
            metrics.proof.verified(None);
            tracing::error!(log.seq = fault.seq, "the log does not hold: {fault}");
        }
        Err(error) => {
            tracing::warn!("the log could not be verified: {error}");
            return false;
        }
    }
    true
}
