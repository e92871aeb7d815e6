//! The names, help and labels of every metric: one row each. `docs/metrics.md` is made of this table.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts};

/// One metric.
#[derive(Debug)]
pub struct Row {
    /// As Prometheus knows it.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// The labels that it is told apart by.
    pub labels: &'static [&'static str],
    /// How it behaves.
    pub shape: Shape,
}

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size, in [`SECONDS`].
    Histogram,
}

const fn row(name: &'static str, help: &'static str, labels: &'static [&'static str], shape: Shape) -> Row {
    Row { name, help, labels, shape }
}

const KIND: &[&str] = &["kind"];
const SOURCE: &[&str] = &["source"];

macro_rules! table {
    ($($(#[$doc:meta])* $id:ident = $name:literal, $shape:ident, $labels:expr, $help:literal;)*) => {
        $(pub(super) const $id: Row = row($name, $help, $labels, Shape::$shape);)*
        /// Every metric.
        pub const TABLE: &[Row] = &[$(row($name, $help, $labels, Shape::$shape)),*];
    };
}

table! {
    BUILD_INFO = "mainsheet_build_info", Gauge, &["version"], "Always 1; the label says which build runs.";
    READY = "mainsheet_ready", Gauge, &[], "1 when streams are accepted, 0 while something is awaited.";
    REVISION = "mainsheet_revision", Gauge, &[], "The revision that is served.";
    RESOURCES = "mainsheet_resources", Gauge, KIND, "Resources that are served.";
    COMMITS = "mainsheet_commits_total", Counter, &[], "Commits to the store.";
    COMMIT_CONFLICTS = "mainsheet_commit_conflicts_total", Counter, &[],
        "Commits that were worked out anew because somebody else had changed the same keys.";
    STORE_FAILING = "mainsheet_store_failing", Gauge, &[],
        "1 while the store can't be written, so that changes wait or are refused.";
    STORE_FAILURES = "mainsheet_store_failures_total", Counter, &[], "Failed writes to the store.";
    STORE_READ_FAILURES = "mainsheet_store_read_failures_total", Counter, &[], "Failed reads of the store's news.";
    NEWS_LATE = "mainsheet_news_late", Gauge, &[],
        "1 while commits can't be read from the store, so that what is served may be old.";
    VERDICTS = "mainsheet_verdicts_total", Counter, &["verdict"], "Documents that were judged, by what was found.";
    REJECTED = "mainsheet_rejected_documents", Gauge, &[], "Documents that are rejected now.";
    FINDINGS = "mainsheet_findings", Gauge, &["severity", "code"],
        "Resources and rejected documents of which something is said, by what it is.";
    AUDIT_LINES = "mainsheet_audit_lines_total", Counter, &[], "Lines written to the audit log.";
    AUDIT_LOST = "mainsheet_audit_lost_total", Counter, &[],
        "Events that the audit log does not tell, because it could not be written, or not fast enough.";
    AUDIT_FAILING = "mainsheet_audit_failing", Gauge, &[], "1 while the audit log can't be written.";
    CLASHES = "mainsheet_clashes", Gauge, &[], "Names that several sources hold, of which one is served; without those that were applied, or rolled back, over a source.";
    HELD = "mainsheet_held_removals", Gauge, &[], "Removals that the shrink guard holds.";
    LEASES = "mainsheet_leases", Gauge, &[], "Resources that end unless they are renewed.";
    LEASES_EXPIRED = "mainsheet_leases_expired_total", Counter, &[], "Resources that ended because nobody renewed them.";
    LEASES_RENEWED = "mainsheet_lease_renewals_total", Counter, &[], "Renewals of such resources.";
    QUEUED = "mainsheet_intake_queue_batches", Gauge, &[], "Batches from sources that the intake has not received yet.";
    INTAKE_SECONDS = "mainsheet_intake_seconds_total", Counter, &["step"],
        "Time that taking configuration in took: files to documents (read), validation (judge), comparing with what is held (plan), the store (commit), until it is shown to streams (publish).";
    SOURCE_FILES = "mainsheet_source_files", Gauge, SOURCE, "Files that a source has.";
    SOURCE_UNREADABLE = "mainsheet_source_unreadable_paths", Gauge, SOURCE,
        "Paths of a source that are not there or can't be looked at; what is known below them stays.";
    SOURCE_SCANNED = "mainsheet_source_scan_timestamp_seconds", Gauge, SOURCE,
        "When a source last looked at all that it has, in seconds since 1970.";
    UPSTREAM_CONNECTED = "mainsheet_upstream_connected", Gauge, SOURCE,
        "1 while a stream to the server that this source follows is open.";
    UPSTREAM_OFFERED = "mainsheet_upstream_resources", Gauge, SOURCE,
        "Resources that the server has, as far as it has said, refused ones included.";
    UPSTREAM_CONNECTS = "mainsheet_upstream_connects_total", Counter, SOURCE, "Streams that were opened to the server.";
    UPSTREAM_APPLIED = "mainsheet_upstream_applied_total", Counter, SOURCE, "Responses of the server that were taken in.";
    UPSTREAM_REJECTED = "mainsheet_upstream_rejected_total", Counter, SOURCE,
        "Responses of the server that were refused, in part or as they stood.";
    UPSTREAM_RECEIVED = "mainsheet_upstream_received_timestamp_seconds", Gauge, SOURCE,
        "When a response of the server was last taken in, in seconds since 1970.";
    PENDING_BYTES = "mainsheet_intake_pending_bytes", Gauge, &[], "Bytes of reports that wait to be taken in.";
    PENDING_ORIGINS = "mainsheet_intake_pending_origins", Gauge, &[], "Origins whose reports wait to be taken in.";
    CONNECTIONS = "mainsheet_connections", Gauge, &[], "Connections to the gRPC port.";
    STREAMS = "mainsheet_streams", Gauge, &["variant"], "Open discovery streams; each is one sink.";
    STREAMS_REFUSED = "mainsheet_streams_refused_total", Counter, &[], "Discovery streams that were not let in.";
    LOGINS_REFUSED = "mainsheet_logins_refused_total", Counter, &["reason"],
        "Connections, streams and requests that were refused because of who makes them: handshake, certificate, token, denied, claims.";
    CERTIFICATE_EXPIRY = "mainsheet_certificate_expiry_timestamp_seconds", Gauge, &["certificate"],
        "When a certificate in use expires, in seconds since 1970; of several the first: server, chain, client-ca.";
    CREDENTIALS_FAILING = "mainsheet_credentials_failing", Gauge, &["credentials"],
        "1 while what is there now is not taken, and what was read before stays in use: tls, deny-list, jwt-keys.";
    REFUSALS = "mainsheet_refusals_total", Counter, &["limit"],
        "Connections, streams and requests that were refused because of a limit, by the limit's name (docs/operations.md).";
    CLOSED_UNTOLD = "mainsheet_connections_closed_untold_total", Counter, &[],
        "Connections over a limit that were closed without a reason, because too many others were being told theirs.";
    LIMIT_USED = "mainsheet_limit_used", Gauge, &["limit"],
        "How much there is of what a limit bounds; of one address: of that with the most.";
    LIMIT_MAX = "mainsheet_limit_max", Gauge, &["limit"], "How much there may be.";
    CLIENTS_BYTES = "mainsheet_clients_bytes", Gauge, &[],
        "Bytes that all clients of the gRPC port make the server keep: names, requests under way, answers that are not read.";
    PUSHES = "mainsheet_pushes_total", Counter, KIND, "Responses handed to the transport.";
    PUSH_BYTES = "mainsheet_push_bytes_total", Counter, KIND, "Bytes of those responses.";
    PUSH_RESOURCES = "mainsheet_push_resources_total", Counter, KIND, "Resources in those responses.";
    HEARTBEATS = "mainsheet_heartbeats_total", Counter, KIND,
        "Responses that only say that resources with a time to live are to be used on; no pushes.";
    ACKS = "mainsheet_acks_total", Counter, KIND, "Responses that clients took.";
    NACKS = "mainsheet_nacks_total", Counter, KIND, "Responses that clients refused.";
    PINS = "mainsheet_pins", Gauge, KIND, "Resources that sinks refused, and for which each is kept on what it took last.";
    PINS_MADE = "mainsheet_pins_made_total", Counter, KIND, "How often that began.";
    COMMIT_ACK = "mainsheet_commit_ack_seconds", Histogram, &[],
        "Time from the commit of a revision, before the store has it, to each ACK of a response that carried it to a waiting client.";
    COMMIT_LAST_ACK = "mainsheet_commit_last_ack_seconds", Histogram, &[],
        "The same, to the ACK after which no response of that revision awaited one.";
    PROCESS_RESIDENT = "process_resident_memory_bytes", Gauge, &[], "Memory that the process has resident.";
    PROCESS_VIRTUAL = "process_virtual_memory_bytes", Gauge, &[], "Memory that the process has mapped.";
    PROCESS_THREADS = "process_threads", Gauge, &[], "Threads of the process.";
    PROCESS_FDS = "process_open_fds", Gauge, &[], "File descriptors that are open.";
    PROCESS_FDS_MAX = "process_max_fds", Gauge, &[], "File descriptors that may be open.";
    PROCESS_CPU = "process_cpu_seconds_total", Counter, &[], "CPU time used, in user and system mode.";
}

/// Upper ends of a histogram's buckets: from what a process on this machine takes to what makes people ask.
pub const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

const VALID: &str = "the table's names are valid, and tested";

fn opts(row: &Row) -> Opts {
    Opts::new(row.name, row.help)
}

pub(super) fn counter(row: &Row) -> IntCounter {
    IntCounter::with_opts(opts(row)).expect(VALID)
}

pub(super) fn counter_vec(row: &Row) -> IntCounterVec {
    IntCounterVec::new(opts(row), row.labels).expect(VALID)
}

pub(super) fn gauge(row: &Row) -> IntGauge {
    IntGauge::with_opts(opts(row)).expect(VALID)
}

pub(super) fn gauge_vec(row: &Row) -> IntGaugeVec {
    IntGaugeVec::new(opts(row), row.labels).expect(VALID)
}

pub(super) fn histogram(row: &Row) -> Histogram {
    Histogram::with_opts(HistogramOpts::new(row.name, row.help).buckets(SECONDS.to_vec())).expect(VALID)
}
