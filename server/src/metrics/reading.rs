//! Metrics that nobody counts: they are read from where they stand when somebody asks.

use std::{borrow::Cow, collections::HashMap, fmt};

use prometheus::{
    Counter, Gauge, Opts, Registry,
    core::{Collector, Desc},
    proto::MetricFamily,
};

use super::table::{Row, Shape};

/// One value, of one row and for a row with a label of one of its values.
pub(super) struct Reading {
    pub(super) row: Row,
    /// Empty for a row without labels.
    pub(super) label: Cow<'static, str>,
    pub(super) value: f64,
}

impl Reading {
    fn family(&self) -> Option<Vec<MetricFamily>> {
        let mut opts = Opts::new(self.row.name, self.row.help);
        if let [label] = self.row.labels {
            opts = opts.const_label(*label, &*self.label);
        }
        if self.row.shape == Shape::Counter {
            let counter = Counter::with_opts(opts).ok()?;
            counter.inc_by(self.value.max(0.0));
            return Some(counter.collect());
        }
        let gauge = Gauge::with_opts(opts).ok()?;
        gauge.set(self.value);
        Some(gauge.collect())
    }
}

/// Takes readings at each collection.
struct Reader<F> {
    identity: Desc,
    read: F,
}

impl<F> Collector for Reader<F>
where
    F: Fn() -> Vec<Reading> + Send + Sync,
{
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.identity]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        (self.read)().iter().filter_map(Reading::family).flatten().collect()
    }
}

/// Has readings taken whenever somebody asks for the metrics. A registry tells collectors apart by what they describe;
/// one row, `identity`, is enough.
pub(super) fn register(
    registry: &Registry,
    identity: &Row,
    read: impl Fn() -> Vec<Reading> + Send + Sync + 'static,
) {
    let identity = Desc::new(identity.name.into(), identity.help.into(), Vec::new(), HashMap::new());
    let identity = identity.expect("the table's names are valid, and tested");
    if let Err(error) = registry.register(Box::new(Reader { identity, read })) {
        tracing::debug!(%error, "metrics are shown already");
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{{{}}} {}", self.row.name, self.label, self.value)
    }
}
