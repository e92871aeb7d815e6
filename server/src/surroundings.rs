//! What a server finds around it: clocks, a network, randomness, a store. The machine's own, unless a simulation or a test
//! brings others.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::BoxFuture;
use mainsheet_api::{resource::SourceName, time::Clock};
use mainsheet_cache::store::SharedStore;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::SystemClock,
    network::{SharedNetwork, Tcp},
    source::SourceParts,
};

/// What a server finds around it.
pub struct Surroundings {
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// How it is reached, and reaches others.
    pub network: SharedNetwork,
    /// What it draws from.
    pub randomness: Randomness,
    /// Where commits are kept, in place of what the settings name.
    pub store: Option<SharedStore>,
    /// Sources beside those of the settings, the strongest first, and all of them stronger.
    pub sources: Vec<GivenSource>,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock::new()),
            network: Arc::new(Tcp),
            randomness: Randomness::of_machine(),
            store: None,
            sources: Vec::new(),
        }
    }
}

/// A source that the settings do not name.
pub struct GivenSource {
    /// Whose layer it writes.
    pub name: SourceName,
    /// Its task.
    pub run: RunSource,
}

/// The task of a source, until the order to end.
pub type RunSource =
    Box<dyn FnOnce(SourceParts, CancellationToken) -> BoxFuture<'static, anyhow::Result<()>> + Send>;

impl fmt::Debug for GivenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenSource").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Where what is random comes from. Each part has a [fork](Randomness::fork) of its own, so that what one draws changes
/// nothing for others. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Randomness(Arc<Mutex<StdRng>>);

impl Randomness {
    /// The machine's.
    #[must_use]
    pub fn of_machine() -> Self {
        Self::of_seed(rand::random())
    }

    /// The same again for the same seed.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Another one, for a part of its own.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::of_seed(self.number())
    }

    /// Any number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    /// Evenly distributed over [0, 1).
    #[must_use]
    pub fn fraction(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_draws_the_same_and_forks_do_not_disturb_each_other() {
        let draw = |forked: usize| {
            let randomness = Randomness::of_seed(7);
            let (first, second) = (randomness.fork(), randomness.fork());
            (0..forked).for_each(|_| assert_ne!(first.number(), 0));
            (second.number(), second.fraction().to_bits())
        };
        assert_eq!(draw(0), draw(3));
        assert_ne!(Randomness::of_seed(1).number(), Randomness::of_seed(2).number());
    }
}
