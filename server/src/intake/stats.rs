//! What the intake counts, for whoever shows metrics.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
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
    nanos: [AtomicU64; Step::ALL.len()],
}

/// What takes time while a round is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Validation.
    Judge,
    /// Comparing with what the source's layer holds.
    Plan,
    /// The store.
    Commit,
    /// Until streams can see it.
    Publish,
}

impl Step {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Judge, Self::Plan, Self::Commit, Self::Publish];

    /// As metrics call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Judge => "judge",
            Self::Plan => "plan",
            Self::Commit => "commit",
            Self::Publish => "publish",
        }
    }
}

impl IntakeStats {
    /// How long a step took so far, all rounds together.
    #[must_use]
    pub fn time_of(&self, step: Step) -> Duration {
        Duration::from_nanos(self.nanos[step as usize].load(Ordering::Relaxed))
    }

    pub(crate) fn took(&self, step: Step, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanos[step as usize].fetch_add(nanos, Ordering::Relaxed);
    }
}

pub(crate) fn add(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}

pub(crate) fn set(gauge: &AtomicU64, value: usize) {
    gauge.store(value as u64, Ordering::Relaxed);
}
