//! What is counted of leases.

use super::{reading::Reading, table};
use crate::leases::Leases;

/// What there is to read.
pub(super) fn read(leases: &Leases) -> Vec<Reading> {
    let counts = leases.counts();
    let rows = [
        (table::LEASES, counts.running as f64),
        (table::LEASES_EXPIRED, counts.expired as f64),
        (table::LEASES_RENEWED, counts.renewed as f64),
    ];
    rows.map(|(row, value)| Reading { row, label: "".into(), value }).into()
}
