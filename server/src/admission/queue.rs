//! Who is refused for coming too fast is told when to come back: one after the other, at the rate at which they can be let
//! in, rather than all of them at the same moment.

use std::time::Duration;

use mainsheet_api::{limits::RETRY_HINT_MAX, time::Uptime};

use super::token_bucket::{Rate, TokenBucket};

/// A rate, and turns for those who are over it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Queue {
    bucket: TokenBucket,
    /// The turn that was given last.
    last_turn: Uptime,
}

impl Queue {
    /// Lets one in.
    ///
    /// # Errors
    /// Where that is too fast: in how long it will be its turn.
    pub(super) fn enter(&mut self, rate: Rate, now: Uptime) -> Result<(), Duration> {
        let until = match self.bucket.take(rate, now) {
            Ok(()) => return Ok(()),
            Err(until) => until,
        };
        let next = self.last_turn.max(now.after(until)).after(rate.interval());
        // Nobody is sent away for longer than that, however many there are: most will not keep to it anyway.
        self.last_turn = next.min(now.after(RETRY_HINT_MAX));
        Err(self.last_turn.since(now))
    }

    /// Whether it is as if nobody had ever come.
    pub(super) fn is_idle(&self, now: Uptime) -> bool {
        self.bucket.is_full(now) && self.last_turn <= now
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 2 };

    fn at(millis: u64) -> Uptime {
        Uptime(Duration::from_millis(millis))
    }

    #[test]
    fn turns_of_those_who_are_refused_are_an_interval_apart() {
        let mut queue = Queue::default();
        let told: Vec<_> =
            (0..5).map(|_| queue.enter(RATE, at(0)).err().map(|turn| turn.as_millis())).collect();
        assert_eq!(told, [None, None, Some(200), Some(300), Some(400)]);
        assert!(!queue.is_idle(at(399)) && queue.is_idle(at(400)));
    }

    proptest! {
        /// All come at once; who is refused comes back when told.
        #[test]
        fn who_comes_back_when_told_is_let_in(rate in 1_usize..200, burst in 1_usize..50, comers in 1_usize..300) {
            // Rule 90.
            let rate = Rate { per_second: rate, burst };
            let mut queue = Queue::default();
            let mut due: Vec<Uptime> = (0..comers).filter_map(|_| queue.enter(rate, at(0)).err()).map(|turn| at(0).after(turn)).collect();
            due.retain(|turn| *turn < at(0).after(RETRY_HINT_MAX));
            for turn in due {
                prop_assert!(queue.enter(rate, turn).is_ok());
            }
        }

        #[test]
        fn nobody_is_sent_away_for_longer_than_the_bound(comers in 1_usize..2_000) {
            let mut queue = Queue::default();
            for _ in 0..comers {
                let turn = queue.enter(RATE, at(5)).err().unwrap_or_default();
                prop_assert!(turn <= RETRY_HINT_MAX);
            }
        }
    }
}
