//! Whether what was sampled stays flat.

use std::ops::Range;

/// Parts of the time after the warm-up: the median of each is compared, so that a sample in the middle of a reconnect is
/// not what counts.
const PARTS: usize = 10;

/// A series of samples, once it is warm.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flatness {
    /// Medians of the parts.
    pub(super) parts: Vec<f64>,
}

impl Flatness {
    /// Of samples, the first of which are the warm-up.
    pub(super) fn of(samples: &[f64], warm_up: usize) -> Self {
        let warm = &samples[warm_up.min(samples.len())..];
        let part = |at: usize| -> Range<usize> { at * warm.len() / PARTS..(at + 1) * warm.len() / PARTS };
        let parts = (0..PARTS).map(part).filter(|part| !part.is_empty());
        Self { parts: parts.map(|part| median(&warm[part])).collect() }
    }

    /// How far the highest part is above the lowest, as a share of the first.
    pub(super) fn spread(&self) -> f64 {
        let (low, high) =
            (self.parts.iter().copied().reduce(f64::min), self.parts.iter().copied().reduce(f64::max));
        match (low, high, self.parts.first()) {
            (Some(low), Some(high), Some(first)) if *first > 0.0 => (high - low) / first,
            _ => f64::INFINITY,
        }
    }
}

fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(samples: impl IntoIterator<Item = u32>, warm_up: usize) -> f64 {
        let samples: Vec<_> = samples.into_iter().map(f64::from).collect();
        Flatness::of(&samples, warm_up).spread()
    }

    #[test]
    fn warm_up_and_single_samples_do_not_count() {
        assert_eq!(spread((0..100).chain([200; 100]), 100), 0.0);
        let spikes = (0..100).map(|second| if second % 10 == 3 { 900 } else { 200 });
        assert_eq!(spread(spikes, 0), 0.0);
    }

    #[test]
    fn what_grows_or_shrinks_is_not_flat() {
        assert!(spread((0..100).map(|second| 1000 + second), 0) > 0.05);
        assert!(spread((0..100).map(|second| 1000 - second), 0) > 0.05);
        assert!(spread((0..100).map(|second| 1000 + second / 4), 0) < 0.05);
        assert!(spread([0; 100], 0).is_infinite() && spread([], 0).is_infinite());
    }
}
