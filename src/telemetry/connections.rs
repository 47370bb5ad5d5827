//! How many connections each listener has, and how many it turned away.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Which listener.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    listener: &'static str,
}

/// All listeners' connections.
#[derive(Default)]
pub struct AllConnections {
    open: Family<Labels, Gauge>,
    refused: Family<Labels, Counter>,
    evicted: Family<Labels, Counter>,
}

/// One listener's connections.
#[derive(Clone)]
pub struct Connections {
    /// There now.
    pub open: Gauge,
    /// Turned away, because there was no room.
    pub refused: Counter,
    /// Closed, to make room for others.
    pub evicted: Counter,
}

impl AllConnections {
    /// This listener's.
    pub fn of(&self, listener: &'static str) -> Connections {
        let labels = Labels { listener };
        Connections {
            open: self.open.get_or_create_owned(&labels),
            refused: self.refused.get_or_create_owned(&labels),
            evicted: self.evicted.get_or_create_owned(&labels),
        }
    }

    pub(super) fn register(&self, r: &mut Registry) {
        r.register("connections", "Connections there now", self.open.clone());
        r.register("connections_refused", "Connections that found no room", self.refused.clone());
        r.register("connections_evicted", "Connections closed to make room", self.evicted.clone());
    }
}
