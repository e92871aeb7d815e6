//! Durations: at least a millisecond, in whole milliseconds, for that is what Envoy's filters count in.

use super::{code, report::Report};
use crate::generated::google::protobuf::Duration;

pub(super) const NANOS_PER_MILLI: i128 = 1_000_000;

/// In nanoseconds. Go saturates at its limits, which changes neither sign nor size class.
pub(super) fn nanos(duration: &Duration) -> i128 {
    i128::from(duration.seconds) * 1_000_000_000 + i128::from(duration.nanos)
}

/// Flags one that is set and shorter than a millisecond or not whole.
pub(super) fn positive(report: &mut Report<'_>, name: &str, duration: Option<&Duration>) {
    report.some(name, duration, check);
}

/// Flags a duration that is shorter than a millisecond or not whole.
pub(super) fn check(report: &mut Report<'_>, duration: &Duration) {
    // Beyond 292 years Go counts 2^63-1 ns, which is no whole number of milliseconds.
    let nanos = nanos(duration).clamp(i64::MIN.into(), i64::MAX.into());
    report.flag_if(nanos < NANOS_PER_MILLI || nanos % NANOS_PER_MILLI != 0, &code::DURATION);
}

/// Flags one that is required and missing, or not positive.
pub(super) fn required(report: &mut Report<'_>, name: &str, duration: Option<&Duration>) {
    report.flag_at_if(duration.is_none(), name, &code::DURATION_REQUIRED);
    positive(report, name, duration);
}
