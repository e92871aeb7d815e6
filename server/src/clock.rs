//! The process's clocks: the only place that reads the real ones.

use std::time::{Instant, SystemTime};

use mainsheet_api::time::{Clock, Timestamp, Uptime};

/// The machine's clocks; uptime counts from when this was made.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts counting.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the clock that is passed in")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn uptime(&self) -> Uptime {
        Uptime(self.start.elapsed())
    }

    #[allow(clippy::disallowed_methods, reason = "this is the clock that is passed in")]
    fn wall(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}
