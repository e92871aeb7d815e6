//! Virtual time. It jumps to the next moment at which anything is due, so a history of minutes takes milliseconds.
//!
//! What happens in the same millisecond happens in an order of tokio's, part of which is random (which of several tasks that
//! wait for one piece of news goes first). So nothing that others can notice is left to that order: the network delivers, the
//! store answers and those who disturb act in milliseconds of their own ([`Phase`]).

use std::time::Duration;

use mainsheet_api::time::{Clock, Timestamp, Uptime};
use tokio::time::{Instant, sleep_until};

/// Which milliseconds belong to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Even ones.
    Network,
    Store,
    Actors,
}

/// The time of one history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeline(Instant);

impl Timeline {
    /// Begins now.
    pub(super) fn begin() -> Self {
        Self(Instant::now())
    }

    /// Milliseconds since the beginning.
    pub(super) fn now(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The first millisecond of a phase that is later than now by at least so much.
    pub(super) fn next(self, phase: Phase, later: Duration) -> u64 {
        let earliest = self.now() + u64::try_from(later.as_millis()).unwrap_or(u64::MAX / 2).max(1);
        let (remainder, modulus) = match phase {
            Phase::Network => (0, 2),
            Phase::Store => (1, 4),
            Phase::Actors => (3, 4),
        };
        (earliest..).find(|at| at % modulus == remainder).unwrap_or(earliest)
    }

    /// Waits for a millisecond.
    pub(super) async fn until(self, at: u64) {
        sleep_until(self.0 + Duration::from_millis(at)).await;
    }

    /// Waits for about so long.
    pub(super) async fn pause(self, phase: Phase, duration: Duration) {
        self.until(self.next(phase, duration)).await;
    }
}

/// The clocks of one server, which has been up since it was started.
#[derive(Debug)]
pub(super) struct VirtualClock {
    timeline: Timeline,
    started: Instant,
}

/// 2026-01-01, in milliseconds.
const EPOCH: u64 = 1_767_225_600_000;

/// What the calendar says at a millisecond of a history.
pub(super) fn wall(at: u64) -> Timestamp {
    Timestamp(EPOCH + at)
}

impl VirtualClock {
    pub(super) fn started(timeline: Timeline) -> Self {
        Self { timeline, started: Instant::now() }
    }
}

impl Clock for VirtualClock {
    fn uptime(&self) -> Uptime {
        Uptime(self.started.elapsed())
    }

    fn wall(&self) -> Timestamp {
        wall(self.timeline.now())
    }
}
