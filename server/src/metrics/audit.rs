//! How the audit log gets on.

use super::{reading::Reading, table};
use crate::audit::{Audit, AuditHealth};

/// What there is to read: nothing, where there is no such log.
pub(super) fn read(audit: &Audit) -> Vec<Reading> {
    let Some(AuditHealth { lines, lost, failing }) = audit.health() else { return Vec::new() };
    let rows = [
        (table::AUDIT_LINES, lines as f64),
        (table::AUDIT_LOST, lost as f64),
        (table::AUDIT_FAILING, f64::from(u8::from(failing.is_some()))),
    ];
    rows.map(|(row, value)| Reading { row, label: "".into(), value }).into()
}
