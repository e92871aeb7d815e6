//! How long to wait before the next attempt: exponential with full jitter.
//!
//! Full jitter, because what makes all sinks reconnect at once is one server going away: spread over the whole interval
//! they come back evenly (Brooker, "Exponential Backoff and Jitter", 2015).

use std::time::Duration;

/// The first wait is at most this long: a restarting server is away for about a second.
const BASE: Duration = Duration::from_millis(200);

/// No wait is longer than this. istiod's client goes up to 60 s and was seen to come back 34 s after its server; half of
/// this on average is what a fleet waits for a server that was away for long.
const CAP: Duration = Duration::from_secs(15);

/// Counts attempts that failed since the last success.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure. `random` is evenly distributed over [0, 1).
    pub(crate) fn next(&mut self, random: f64) -> Duration {
        let wait = self.again(random);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// A wait as long as the next one, without counting a failure.
    pub(crate) fn again(&self, random: f64) -> Duration {
        let ceiling = BASE.saturating_mul(1 << self.failures.min(16)).min(CAP);
        ceiling.mul_f64(random.clamp(0.0, 1.0))
    }

    /// An attempt succeeded.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceiling_doubles_up_to_the_cap() {
        let mut backoff = Backoff::default();
        let ceilings: Vec<_> = (0..9).map(|_| backoff.next(1.0)).collect();
        assert_eq!(ceilings[..4], [200, 400, 800, 1600].map(Duration::from_millis));
        assert_eq!(ceilings[7..], [CAP, CAP]);
    }

    #[test]
    fn ceiling_stays_at_the_cap_for_ever() {
        let mut backoff = Backoff { failures: u32::MAX - 1 };
        assert_eq!([backoff.next(1.0), backoff.next(1.0), backoff.next(1.0)], [CAP; 3]);
    }

    #[test]
    fn jitter_spreads_over_the_whole_interval() {
        let at = |random| Backoff { failures: 3 }.again(random);
        assert_eq!(at(0.0), Duration::ZERO);
        assert_eq!(at(0.5), Duration::from_millis(800));
    }

    #[test]
    fn success_starts_from_the_beginning() {
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            backoff.next(1.0);
        }
        backoff.reset();
        assert_eq!(backoff.next(1.0), BASE);
    }
}
