//! Requests a second of one stream.
//!
//! Honest clients come in bursts: istiod asks for 16 types at once and then answers what it is sent, an Envoy may ask for
//! a thousand names one by one. Ending their stream would make them ask for everything again. So who is over the rate is
//! first read no faster than that, which HTTP/2 passes on to it; only who stays over it for long is sent away.

use std::time::Duration;

use mainsheet_api::{limits::REQUEST_BURST_SECONDS, time::Uptime};

use super::token_bucket::{Rate, TokenBucket};

/// The requests of one stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    bucket: TokenBucket,
    /// Since when each request came before its time.
    over_since: Option<Uptime>,
}

/// What to do after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Read the next.
    Go,
    /// Read the next after that time.
    Wait(Duration),
    /// Read no more of them.
    Stop,
}

impl Pace {
    /// A request came, of a stream that may be over the rate for so long.
    pub(crate) fn on_request(&mut self, per_second: usize, over_max: Duration, now: Uptime) -> Step {
        let wait = self.bucket.owe(Rate::with_burst_of(per_second, REQUEST_BURST_SECONDS), now);
        if wait.is_zero() {
            self.over_since = None;
            return Step::Go;
        }
        let since = *self.over_since.get_or_insert(now);
        if now.since(since) >= over_max { Step::Stop } else { Step::Wait(wait) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: usize = 10;
    const OVER_MAX: Duration = Duration::from_secs(30);

    /// How many requests are taken, of a client that sends as fast as it is read, and in how long.
    fn flood(pace: &mut Pace, start: Uptime) -> (usize, Duration) {
        let mut now = start;
        for count in 1.. {
            match pace.on_request(RATE, OVER_MAX, now) {
                Step::Go => {}
                Step::Wait(wait) => now = now.after(wait),
                Step::Stop => return (count, now.since(start)),
            }
        }
        unreachable!("it does not end by itself")
    }

    #[test]
    fn flood_is_read_at_the_rate_and_then_not_at_all() {
        let (count, took) = flood(&mut Pace::default(), Uptime::default());
        let seconds = OVER_MAX.as_secs() as usize;
        assert_eq!(took, OVER_MAX);
        assert_eq!(count, RATE * (REQUEST_BURST_SECONDS + seconds) + 1);
    }

    #[test]
    fn burst_costs_nothing_and_who_pauses_has_one_again() {
        // Rule 89.
        let mut pace = Pace::default();
        let mut now = Uptime::default();
        for _ in 0..100 {
            for _ in 0..RATE * REQUEST_BURST_SECONDS {
                assert_eq!(pace.on_request(RATE, OVER_MAX, now), Step::Go);
            }
            now = now.after(Duration::from_secs(REQUEST_BURST_SECONDS as u64));
        }
    }

    #[test]
    fn who_is_over_the_rate_now_and_then_is_slowed_and_not_sent_away() {
        let mut pace = Pace::default();
        let mut now = Uptime::default();
        let mut waits = 0;
        for round in 0..100 {
            for _ in 0..=RATE * REQUEST_BURST_SECONDS {
                match pace.on_request(RATE, OVER_MAX, now) {
                    Step::Go => {}
                    Step::Wait(wait) => {
                        now = now.after(wait);
                        waits += 1;
                    }
                    Step::Stop => panic!("in round {round}"),
                }
            }
            now = now.after(Duration::from_secs(2 * REQUEST_BURST_SECONDS as u64));
        }
        assert_eq!(waits, 100);
    }
}
