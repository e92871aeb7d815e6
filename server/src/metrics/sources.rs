//! How the sources get on.

use super::{
    reading::Reading,
    table::{self, Row},
};
use crate::source_health::SourceHealth;

/// What there is to read.
pub(super) fn read(sources: &[SourceHealth]) -> Vec<Reading> {
    let mut readings = Vec::new();
    let mut reading = 0.0;
    for health in sources {
        let state = health.state();
        reading += state.reading.as_secs_f64();
        let mut of = |row: Row, value: f64| {
            readings.push(Reading { row, label: health.source().to_string().into(), value });
        };
        if let Some(upstream) = state.upstream {
            of(table::UPSTREAM_CONNECTED, f64::from(u8::from(upstream.is_connected)));
            of(table::UPSTREAM_OFFERED, upstream.offered as f64);
            of(table::UPSTREAM_CONNECTS, upstream.counters.connects as f64);
            of(table::UPSTREAM_APPLIED, upstream.counters.applied as f64);
            of(table::UPSTREAM_REJECTED, upstream.counters.rejected as f64);
            if let Some(received) = upstream.received {
                of(table::UPSTREAM_RECEIVED, received.0 as f64 / 1000.0);
            }
            continue;
        }
        of(table::SOURCE_FILES, state.files as f64);
        of(table::SOURCE_UNREADABLE, state.complaints.len() as f64);
        if let Some(scanned) = state.scanned {
            of(table::SOURCE_SCANNED, scanned.0 as f64 / 1000.0);
        }
    }
    readings.push(Reading { row: table::INTAKE_SECONDS, label: "read".into(), value: reading });
    readings
}
