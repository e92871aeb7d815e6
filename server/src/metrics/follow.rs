//! Whether what is committed can be read.

use mainsheet_cache::FollowHealth;

use super::{reading::Reading, table};

/// What there is to read.
pub(super) fn read(health: &FollowHealth) -> Vec<Reading> {
    let late = if health.last_error().is_some() { 1.0 } else { 0.0 };
    vec![
        Reading { row: table::NEWS_LATE, label: "".into(), value: late },
        Reading { row: table::STORE_READ_FAILURES, label: "".into(), value: health.failures() as f64 },
    ]
}
