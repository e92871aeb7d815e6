//! Log lines of which a client could cause any number.

use std::time::Duration;

use mainsheet_api::time::Uptime;

/// Between two lines about the same: what goes on for long is seen, and a thousand refusals are one line.
const INTERVAL: Duration = Duration::from_secs(10);

/// Lines about one thing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Throttle {
    next: Uptime,
    withheld: u64,
}

impl Throttle {
    /// Whether there is to be a line now: it says how many were withheld since the last.
    pub(super) fn line(&mut self, now: Uptime) -> Option<u64> {
        if now < self.next {
            self.withheld += 1;
            return None;
        }
        self.next = now.after(INTERVAL);
        Some(std::mem::take(&mut self.withheld))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousand_refusals_are_one_line_and_the_next_says_how_many() {
        let mut throttle = Throttle::default();
        let start = Uptime(Duration::from_secs(1));
        let lines: Vec<_> = (0..1_000).filter_map(|_| throttle.line(start)).collect();
        assert_eq!(lines, [0]);
        assert_eq!(throttle.line(start.after(INTERVAL)), Some(999));
        assert_eq!(throttle.line(start.after(INTERVAL * 2)), Some(0));
    }
}
