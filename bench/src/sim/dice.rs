//! What is random in a history: all of it from the seed, in streams that do not disturb each other.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

/// A stream of random decisions.
#[derive(Clone, Debug)]
pub(super) struct Dice(StdRng);

impl Dice {
    /// The stream of this seed that is called so.
    pub(super) fn of(seed: u64, name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (seed, name).hash(&mut hasher);
        Self(StdRng::seed_from_u64(hasher.finish()))
    }

    /// Whether something happens that happens so many times in a hundred.
    pub(super) fn percent(&mut self, chance: u32) -> bool {
        self.0.random_range(0..100) < chance
    }

    /// From `low` to below `high`.
    pub(super) fn below(&mut self, low: u64, high: u64) -> u64 {
        self.0.random_range(low..high.max(low + 1))
    }

    /// An index below `len`.
    pub(super) fn index(&mut self, len: usize) -> usize {
        self.0.random_range(0..len.max(1))
    }

    pub(super) fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.index(among.len())]
    }

    /// Between so many milliseconds.
    pub(super) fn millis(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.below(low, high))
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0.random()
    }
}
