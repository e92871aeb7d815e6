//! How many a second, with some in reserve for a burst.

use std::time::Duration;

use mainsheet_api::time::Uptime;

/// So many a second on average, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Tokens that come in each second; at least one.
    pub(crate) per_second: usize,
    /// Tokens that there are at most.
    pub(crate) burst: usize,
}

impl Rate {
    /// So many a second, and what comes in so many seconds at once.
    pub(crate) fn with_burst_of(per_second: usize, seconds: usize) -> Self {
        Self { per_second: per_second.max(1), burst: per_second.saturating_mul(seconds).max(1) }
    }

    /// Between two tokens. Rounded up, so that there are never more than were meant.
    pub(super) fn interval(self) -> Duration {
        let per_second = u64::try_from(self.per_second.max(1)).unwrap_or(u64::MAX);
        Duration::from_nanos(1_000_000_000_u64.div_ceil(per_second))
    }

    /// How long an empty bucket takes to be full.
    fn reserve(self) -> Duration {
        self.interval().saturating_mul(u32::try_from(self.burst).unwrap_or(u32::MAX))
    }
}

/// A bucket of tokens, kept as the one moment at which it is full again. Begins full. The rate is told each time, because
/// it may change while the server runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TokenBucket {
    full_at: Uptime,
}

impl TokenBucket {
    /// Takes a token.
    ///
    /// # Errors
    /// Where there is none: how long until there is one.
    pub(crate) fn take(&mut self, rate: Rate, now: Uptime) -> Result<(), Duration> {
        let mut less = *self;
        match less.owe(rate, now) {
            Duration::ZERO => {
                *self = less;
                Ok(())
            }
            until => Err(until),
        }
    }

    /// Takes a token, be there one or not. Says how long to wait until it would have been there.
    pub(crate) fn owe(&mut self, rate: Rate, now: Uptime) -> Duration {
        self.full_at = self.full_at.max(now).after(rate.interval());
        self.full_at.since(now).saturating_sub(rate.reserve())
    }

    /// Whether it is as if nothing had ever been taken.
    pub(crate) fn is_full(&self, now: Uptime) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 3 };

    fn at(millis: u64) -> Uptime {
        Uptime(Duration::from_millis(millis))
    }

    #[test]
    fn burst_goes_at_once_and_then_one_an_interval() {
        let mut bucket = TokenBucket::default();
        let taken: Vec<_> = (0..4).map(|_| bucket.take(RATE, at(1_000)).is_ok()).collect();
        assert_eq!(taken, [true, true, true, false]);
        assert_eq!(bucket.take(RATE, at(1_040)), Err(Duration::from_millis(60)));
        assert!(bucket.take(RATE, at(1_100)).is_ok() && bucket.take(RATE, at(1_100)).is_err());
        assert!(!bucket.is_full(at(1_399)) && bucket.is_full(at(1_400)));
    }

    #[test]
    fn who_owes_waits_the_longer_the_more() {
        let mut bucket = TokenBucket::default();
        let waits: Vec<_> = (0..5).map(|_| bucket.owe(RATE, at(0)).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 100, 200]);
        assert_eq!(bucket.owe(RATE, at(10_000)), Duration::ZERO);
    }

    #[test]
    fn no_rate_overflows() {
        for per_second in [0, 1, usize::MAX] {
            let rate = Rate::with_burst_of(per_second, usize::MAX);
            let mut bucket = TokenBucket::default();
            assert!(bucket.take(rate, Uptime(Duration::MAX)).is_ok());
        }
    }

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_the_burst(
            per_second in 1_usize..5_000,
            burst in 1_usize..50,
            steps in proptest::collection::vec(0_u64..2_000_000, 1..400),
        ) {
            let rate = Rate { per_second, burst };
            let (mut bucket, mut now, mut taken) = (TokenBucket::default(), Uptime::default(), Vec::new());
            for step in steps {
                now = now.after(Duration::from_micros(step));
                if bucket.take(rate, now).is_ok() {
                    taken.push(now);
                }
            }
            // In every window that begins and ends with one that was taken.
            for (first, from) in taken.iter().enumerate() {
                for (last, to) in taken.iter().enumerate().skip(first) {
                    let most = to.since(*from).as_secs_f64() * per_second as f64 + burst as f64;
                    prop_assert!(((last - first + 1) as f64) <= most + 1e-6);
                }
            }
        }

        #[test]
        fn who_waits_as_told_is_never_refused(
            per_second in 1_usize..5_000,
            burst in 1_usize..50,
            pauses in proptest::collection::vec(0_u64..5_000, 1..300),
        ) {
            let rate = Rate { per_second, burst };
            let (mut bucket, mut now) = (TokenBucket::default(), Uptime::default());
            for pause in pauses {
                now = now.after(Duration::from_micros(pause));
                if let Err(until) = bucket.take(rate, now) {
                    now = now.after(until);
                    prop_assert_eq!(bucket.take(rate, now), Ok(()));
                }
            }
        }
    }
}
