//! How the limits stand.

use super::{reading::Reading, table};
use crate::admission::Admission;

/// What there is to read.
pub(super) fn read(admission: &Admission) -> Vec<Reading> {
    let mut readings = Vec::new();
    for usage in admission.usage() {
        let label = usage.limit.into();
        readings.push(Reading { row: table::LIMIT_USED, label, value: usage.used as f64 });
        let label = usage.limit.into();
        readings.push(Reading { row: table::LIMIT_MAX, label, value: usage.max as f64 });
    }
    let value = admission.kept_bytes() as f64;
    readings.push(Reading { row: table::CLIENTS_BYTES, label: "".into(), value });
    readings
}
