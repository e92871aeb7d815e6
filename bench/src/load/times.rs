//! How long things took, and what can be said of all of them.

use std::time::Duration;

use serde_json::{Value, json};

/// Times of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    sorted: Vec<Duration>,
}

impl FromIterator<Duration> for Times {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        let mut sorted: Vec<_> = times.into_iter().collect();
        sorted.sort_unstable();
        Self { sorted }
    }
}

impl Times {
    /// How many.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// The time that so many of a hundred do not exceed; zero where there is none.
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.len() * percent).div_ceil(100).max(1);
        self.sorted.get(rank - 1).copied().unwrap_or_default()
    }

    /// The middle one.
    pub fn median(&self) -> Duration {
        self.percentile(50)
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.percentile(100)
    }

    /// In milliseconds.
    pub fn json(&self) -> Value {
        let [p50, p90, p99, max] = [50, 90, 99, 100].map(|percent| ms(self.percentile(percent)));
        json!({"len": self.len(), "p50_ms": p50, "p90_ms": p90, "p99_ms": p99, "max_ms": max})
    }
}

/// A time in milliseconds.
pub fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Times = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!([50, 99, 100].map(|percent| ms(times.percentile(percent))), [100.0, 198.0, 200.0]);
        let one: Times = [Duration::from_millis(7)].into_iter().collect();
        assert_eq!([0, 50, 100].map(|percent| ms(one.percentile(percent))), [7.0; 3]);
        assert_eq!(Times::default().max(), Duration::ZERO);
    }
}
