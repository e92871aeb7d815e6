//! Whether the store works.

use super::{reading::Reading, table};
use crate::store_state::StoreState;

/// What there is to read.
pub(super) fn read(state: &StoreState) -> Vec<Reading> {
    let gauge = |is_so: bool| if is_so { 1.0 } else { 0.0 };
    let (written, read) = (state.written(), state.read());
    [
        (table::STORE_FAILING, gauge(written.trouble().is_some())),
        (table::STORE_FAILURES, written.failures() as f64),
        (table::NEWS_LATE, gauge(read.last_error().is_some())),
        (table::STORE_READ_FAILURES, read.failures() as f64),
    ]
    .map(|(row, value)| Reading { row, label: "".into(), value })
    .into()
}
