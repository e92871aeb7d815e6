//! The server's own credentials.

use super::{reading::Reading, table};
use crate::auth::CredentialHealth;

/// What there is to read.
pub(super) fn read(health: &CredentialHealth) -> Vec<Reading> {
    let expiry = health.expiry().into_iter().map(|(purpose, end)| Reading {
        row: table::CERTIFICATE_EXPIRY,
        label: purpose.name().into(),
        value: end.0 as f64 / 1_000.0,
    });
    let failing = health.alarms().into_iter().map(|(about, is_wrong)| Reading {
        row: table::CREDENTIALS_FAILING,
        label: about.into(),
        value: if is_wrong { 1.0 } else { 0.0 },
    });
    expiry.chain(failing).collect()
}
