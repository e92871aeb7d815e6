//! What the intake counts by itself.

use std::sync::atomic::Ordering;

use super::{
    reading::Reading,
    table::{self, Row},
};
use crate::intake::{IntakeHandle, Step};

/// What there is to read.
pub(super) fn read(intake: &IntakeHandle) -> Vec<Reading> {
    let stats = &*intake.stats;
    let labelled: [(Row, &str, _); 5] = [
        (table::COMMITS, "", &stats.commits),
        (table::COMMIT_CONFLICTS, "", &stats.conflicts),
        (table::VERDICTS, "accepted", &stats.accepted),
        (table::VERDICTS, "rejected", &stats.rejected),
        (table::VERDICTS, "ignored", &stats.ignored),
    ];
    let plain = [
        (table::REJECTED, &stats.rejected_now),
        (table::PENDING_BYTES, &stats.pending_bytes),
        (table::PENDING_ORIGINS, &stats.pending_origins),
        (table::HELD, &stats.held),
    ];
    let rows = labelled.into_iter().chain(plain.map(|(row, value)| (row, "", value)));
    let mut readings: Vec<_> = rows
        .map(|(row, label, value)| Reading {
            row,
            label: label.into(),
            value: value.load(Ordering::Relaxed) as f64,
        })
        .collect();
    let queued = intake.batches.max_capacity() - intake.batches.capacity();
    readings.push(Reading { row: table::QUEUED, label: "".into(), value: queued as f64 });
    readings.extend(Step::ALL.map(|step| Reading {
        row: table::INTAKE_SECONDS,
        label: step.name().into(),
        value: stats.time_of(step).as_secs_f64(),
    }));
    readings
}
