//! What the intake counts, for whoever shows metrics.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// Counters grow; gauges are what is now. All are read at any time, and exact to within the round that is being taken in.
#[derive(Debug, Default)]
pub struct IntakeStats {
    /// Commits made.
    pub commits: AtomicU64,
    /// Commits that had to be worked out anew because somebody else had changed the same keys.
    pub conflicts: AtomicU64,
    /// Documents that were found fit to be served, each time they were judged.
    pub accepted: AtomicU64,
    /// Documents that were not.
    pub rejected: AtomicU64,
    /// Documents of kinds that are not served.
    pub ignored: AtomicU64,
    /// Gauge: documents that are rejected now.
    pub rejected_now: AtomicU64,
    /// Gauge: bytes of reports that wait to be taken in.
    pub pending_bytes: AtomicU64,
    /// Gauge: origins whose reports wait to be taken in.
    pub pending_origins: AtomicU64,
    /// Gauge: removals that the shrink guard holds.
    pub held: AtomicU64,
    /// Failed writes to the store.
    pub failures: AtomicU64,
    last_error: Mutex<Option<String>>,
}

impl IntakeStats {
    /// Why the store was last not written; none once it is again.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn failed(&self, error: String) {
        add(&self.failures, 1);
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    pub(crate) fn succeeded(&self) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

pub(crate) fn add(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}

pub(crate) fn set(gauge: &AtomicU64, value: usize) {
    gauge.store(value as u64, Ordering::Relaxed);
}
