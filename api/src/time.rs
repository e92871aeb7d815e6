//! Time as it is passed in. Nothing in this crate reads a clock; whoever owns one hands out these values, so that
//! tests and the simulation can turn them.

use std::time::{Duration, SystemTime};

/// Monotonic time: how long the process has been up. Never goes back, says nothing about the calendar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uptime(pub Duration);

impl Uptime {
    /// The moment `later` than this one.
    #[must_use]
    pub fn after(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }

    /// How long ago `earlier` was; zero where it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Calendar time in milliseconds since 1970-01-01 UTC, as it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The moment `later` than this one.
    #[must_use]
    pub fn after(self, later: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(later.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long ago `earlier` was; zero where it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Whole seconds and the nanoseconds left, as `google.protobuf.Timestamp` has them.
    #[must_use]
    pub fn seconds_and_nanos(self) -> (i64, i32) {
        let seconds = i64::try_from(self.0 / 1000).unwrap_or(i64::MAX);
        let nanos = i32::try_from(self.0 % 1000).unwrap_or(0) * 1_000_000;
        (seconds, nanos)
    }

    /// As the standard library has it.
    #[must_use]
    pub fn to_system_time(self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.0)
    }
}

/// Both clocks, read at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Calendar time.
    pub wall: Timestamp,
    /// Monotonic time.
    pub uptime: Uptime,
}

/// Both clocks, passed to everything that needs one.
pub trait Clock: Send + Sync + 'static {
    /// Monotonic time.
    fn uptime(&self) -> Uptime;
    /// Calendar time.
    fn wall(&self) -> Timestamp;

    /// Both at once.
    fn now(&self) -> Now {
        Now { wall: self.wall(), uptime: self.uptime() }
    }
}
