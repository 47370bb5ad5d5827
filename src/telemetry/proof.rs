//! Heads that were noted outside, and what scheduled verification found.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Where heads go.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    target: &'static str,
}

type Unlabelled = [(&'static str, &'static str); 0];

/// Both are there only where they are configured, and verification's once there is a verdict.
#[derive(Default)]
pub struct Proofs {
    anchored: Family<Labels, Gauge>,
    failures: Family<Labels, Counter>,
    verified: Family<Unlabelled, Gauge>,
    holds: Family<Unlabelled, Gauge>,
}

/// One place that heads go to.
pub struct Anchored {
    /// The sequence of the newest one there.
    pub seq: Gauge,
    /// Those that did not get there.
    pub failures: Counter,
}

impl Proofs {
    /// This place's.
    pub fn of(&self, target: &'static str) -> Anchored {
        let labels = Labels { target };
        Anchored {
            seq: self.anchored.get_or_create_owned(&labels),
            failures: self.failures.get_or_create_owned(&labels),
        }
    }

    /// What verification found: up to where everything holds, if it does.
    pub fn verified(&self, up_to: Option<i64>) {
        self.holds.get_or_create(&[]).set(i64::from(up_to.is_some()));
        if let Some(seq) = up_to {
            self.verified.get_or_create(&[]).set(seq);
        }
    }

    pub(super) fn register(&self, r: &mut Registry) {
        r.register("proof_anchored_seq", "Sequence of the newest head noted outside", self.anchored.clone());
        r.register("proof_failures", "Heads that could not be noted outside", self.failures.clone());
        r.register("verified_seq", "Up to where the last verification found that the log holds", self.verified.clone());
        r.register("log_holds", "1 if the last verification found that the log holds, 0 if not", self.holds.clone());
    }
}
