//! What is counted: one table of names, help and labels, and the handles that the parts of the server count with.
//!
//! Counters are counted where things happen. Gauges that say how something stands are read when somebody asks
//! ([`Metrics::text`]), so nobody has to keep them up to date.

mod admission;
mod audit;
mod credentials;
mod findings;
mod intake;
mod leases;
mod process;
mod reading;
mod sources;
mod store;
mod table;

use std::{sync::Arc, time::Duration};

use mainsheet_api::{
    kind::Kind,
    xds::{Variant, server::Sent},
};
use prometheus::{
    Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder, core::Collector,
};

use crate::{
    admission::Admission, audit::Audit, auth::CredentialHealth, intake::IntakeHandle, leases::Leases,
    source_health::SourceHealth, store_state::StoreState,
};
use findings::Findings;
pub(crate) use findings::FindingsRead;
pub use table::{Row, SECONDS, Shape, TABLE};

/// The label of a type that is of no kind of ours: type URLs come from clients, who could invent any number of them.
const OTHER: &str = "other";

/// Every metric of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    pushes: IntCounterVec,
    push_bytes: IntCounterVec,
    push_resources: IntCounterVec,
    heartbeats: IntCounterVec,
    acks: IntCounterVec,
    nacks: IntCounterVec,
    pins: IntGaugeVec,
    pins_made: IntCounterVec,
    commit_ack: Histogram,
    commit_last_ack: Histogram,
    streams: IntGaugeVec,
    connections: IntGauge,
    /// Streams that were not let in.
    pub streams_refused: IntCounter,
    pub(crate) logins_refused: IntCounterVec,
    pub(crate) refusals: IntCounterVec,
    pub(crate) closed_untold: IntCounter,
    /// Resources served, by kind.
    pub resources: IntGaugeVec,
    /// Names that several sources hold.
    pub clashes: IntGauge,
    /// The revision that is served.
    pub revision: IntGauge,
    /// Whether the server is ready.
    pub ready: IntGauge,
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let registry = Registry::new();
        let build_info = registered(&registry, table::gauge_vec(&table::BUILD_INFO));
        build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        reading::register(&registry, &table::PROCESS_RESIDENT, process::read);
        Arc::new(Self {
            pushes: registered(&registry, table::counter_vec(&table::PUSHES)),
            push_bytes: registered(&registry, table::counter_vec(&table::PUSH_BYTES)),
            push_resources: registered(&registry, table::counter_vec(&table::PUSH_RESOURCES)),
            heartbeats: registered(&registry, table::counter_vec(&table::HEARTBEATS)),
            acks: registered(&registry, table::counter_vec(&table::ACKS)),
            nacks: registered(&registry, table::counter_vec(&table::NACKS)),
            pins: registered(&registry, table::gauge_vec(&table::PINS)),
            pins_made: registered(&registry, table::counter_vec(&table::PINS_MADE)),
            commit_ack: registered(&registry, table::histogram(&table::COMMIT_ACK)),
            commit_last_ack: registered(&registry, table::histogram(&table::COMMIT_LAST_ACK)),
            streams: registered(&registry, table::gauge_vec(&table::STREAMS)),
            connections: registered(&registry, table::gauge(&table::CONNECTIONS)),
            streams_refused: registered(&registry, table::counter(&table::STREAMS_REFUSED)),
            logins_refused: registered(&registry, table::counter_vec(&table::LOGINS_REFUSED)),
            refusals: registered(&registry, table::counter_vec(&table::REFUSALS)),
            closed_untold: registered(&registry, table::counter(&table::CLOSED_UNTOLD)),
            resources: registered(&registry, table::gauge_vec(&table::RESOURCES)),
            clashes: registered(&registry, table::gauge(&table::CLASHES)),
            revision: registered(&registry, table::gauge(&table::REVISION)),
            ready: registered(&registry, table::gauge(&table::READY)),
            registry,
        })
    }

    /// Shows what the intake counts, too. The first one that is shown stays.
    pub(crate) fn show_intake(&self, intake: IntakeHandle) {
        reading::register(&self.registry, &table::COMMITS, move || intake::read(&intake));
    }

    /// Shows what is counted of leases, too. The first that are shown stay.
    pub(crate) fn show_leases(&self, leases: Leases) {
        reading::register(&self.registry, &table::LEASES, move || leases::read(&leases));
    }

    /// Shows how the audit log gets on, too. The first that is shown stays.
    pub(crate) fn show_audit(&self, audit: Audit) {
        reading::register(&self.registry, &table::AUDIT_LINES, move || audit::read(&audit));
    }

    /// Shows how the limits stand, too. The first that are shown stay.
    pub fn show_admission(&self, admission: Admission) {
        reading::register(&self.registry, &table::LIMIT_USED, move || admission::read(&admission));
    }

    /// Shows how the server's own credentials are, too. The first that are shown stay.
    pub(crate) fn show_credentials(&self, health: CredentialHealth) {
        reading::register(&self.registry, &table::CERTIFICATE_EXPIRY, move || credentials::read(&health));
    }

    /// Shows how the sources get on, too. The first that are shown stay.
    pub(crate) fn show_sources(&self, sources: Arc<[SourceHealth]>) {
        reading::register(&self.registry, &table::SOURCE_FILES, move || sources::read(&sources));
    }

    /// Shows of how many resources something is said, too. The first that is shown stays.
    pub(crate) fn show_findings(&self, read: FindingsRead) {
        let findings = Findings::new(read).expect("the table's names are valid, and tested");
        if let Err(error) = self.registry.register(Box::new(findings)) {
            tracing::debug!(%error, "findings are shown already");
        }
    }

    /// Shows whether the store works, too. The first that is shown stays.
    pub(crate) fn show_store(&self, state: StoreState) {
        reading::register(&self.registry, &table::STORE_FAILING, move || store::read(&state));
    }

    /// Everything in Prometheus' text format.
    #[must_use]
    pub fn text(&self) -> String {
        // Writing to a string can't fail, and names are checked by a test.
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }

    /// The number of streams of a variant.
    pub(crate) fn streams(&self, variant: Variant) -> IntGauge {
        self.streams.with_label_values(&[match variant {
            Variant::Sotw => "sotw",
            Variant::Delta => "delta",
        }])
    }

    /// Counts a connection until the guard is dropped.
    pub(crate) fn connection(&self) -> impl Drop + Send + use<> {
        struct Counted(IntGauge);
        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.dec();
            }
        }
        self.connections.inc();
        Counted(self.connections.clone())
    }

    pub(crate) fn on_sent(&self, sent: &Sent) {
        let kind = label(&sent.type_url);
        if sent.is_heartbeat {
            return self.heartbeats.with_label_values(&[kind]).inc();
        }
        self.pushes.with_label_values(&[kind]).inc();
        self.push_bytes.with_label_values(&[kind]).inc_by(sent.bytes as u64);
        self.push_resources.with_label_values(&[kind]).inc_by(sent.resources as u64);
    }

    pub(crate) fn on_acked(&self, type_url: &str) {
        self.acks.with_label_values(&[label(type_url)]).inc();
    }

    pub(crate) fn on_nacked(&self, type_url: &str) {
        self.nacks.with_label_values(&[label(type_url)]).inc();
    }

    /// The number of pins of a kind.
    pub(crate) fn pins(&self, kind: Kind) -> IntGauge {
        self.pins.with_label_values(&[kind.info().name])
    }

    /// A sink was pinned.
    pub(crate) fn on_pinned(&self, kind: Kind) {
        self.pins(kind).inc();
        self.pins_made.with_label_values(&[kind.info().name]).inc();
    }

    /// A response was acknowledged, this long after its revision was published.
    pub(crate) fn on_answered(&self, after: Duration, is_last: bool) {
        self.commit_ack.observe(after.as_secs_f64());
        if is_last {
            self.commit_last_ack.observe(after.as_secs_f64());
        }
    }
}

fn label(type_url: &str) -> &'static str {
    Kind::of_type_url(type_url).map_or(OTHER, |kind| kind.info().name)
}

fn registered<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> M {
    registry.register(Box::new(metric.clone())).expect("the table's names are all different, and tested");
    metric
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_of_the_table_has_a_name_of_its_own_and_help() {
        let names: BTreeSet<_> = TABLE.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), TABLE.len());
        assert!(TABLE.iter().all(|row| row.help.ends_with('.')));
    }

    #[test]
    fn every_metric_is_in_the_table() {
        let metrics = Metrics::new();
        metrics.on_sent(&Sent {
            type_url: "networking.istio.io/v1/VirtualService".into(),
            nonce: mainsheet_api::version::Nonce("1".into()),
            version: "v".into(),
            revision: mainsheet_api::version::Revision(1),
            resources: 2,
            removed: 0,
            bytes: 300,
            is_heartbeat: false,
        });
        let text = metrics.text();
        let families = text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next());
        for name in families {
            assert!(TABLE.iter().any(|row| row.name == name), "{name} is not in the table");
        }
        assert!(text.contains("mainsheet_push_bytes_total{kind=\"VirtualService\"} 300"), "{text}");
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
    }

    #[test]
    fn type_that_a_client_invented_makes_no_label_of_its_own() {
        let metrics = Metrics::new();
        (0..100).for_each(|i| metrics.on_acked(&format!("invented/{i}")));
        assert!(metrics.text().contains("mainsheet_acks_total{kind=\"other\"} 100"));
    }
}
