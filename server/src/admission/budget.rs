//! Bytes that several share.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// How many are taken. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budget(Arc<AtomicUsize>);

/// What one of those who share it has taken, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    of: Budget,
    bytes: usize,
}

impl Budget {
    /// A share of nothing so far.
    pub(crate) fn share(&self) -> Share {
        Share { of: self.clone(), bytes: 0 }
    }

    /// Bytes that are taken by all together.
    pub(crate) fn taken(&self) -> usize {
        self.0.load(Relaxed)
    }
}

impl Share {
    /// Takes as many as these, or gives back what is more.
    ///
    /// # Errors
    /// Where all together would take more than `max`, and this one more than it does: how many it would be. It keeps what it has.
    pub(crate) fn set(&mut self, bytes: usize, max: usize) -> Result<(), usize> {
        if bytes <= self.bytes {
            self.of.0.fetch_sub(self.bytes - bytes, Relaxed);
        } else {
            let more = bytes - self.bytes;
            let fitting = |taken: usize| Some(taken.saturating_add(more)).filter(|sum| *sum <= max);
            self.of.0.fetch_update(Relaxed, Relaxed, fitting).map_err(|taken| taken.saturating_add(more))?;
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.0.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn share_that_does_not_fit_stays_as_it_was() {
        let budget = Budget::default();
        let (mut one, mut other) = (budget.share(), budget.share());
        one.set(6, 10).unwrap();
        assert_eq!(other.set(5, 10), Err(11));
        other.set(4, 10).unwrap();
        // Who takes less than before always may, also where less is allowed by now.
        one.set(5, 1).unwrap();
        drop(one);
        assert_eq!(budget.taken(), 4);
    }

    proptest! {
        #[test]
        fn what_is_taken_is_what_the_shares_have(steps in proptest::collection::vec((0_usize..4, 0_usize..200, any::<bool>()), 1..200)) {
            const MAX: usize = 300;
            let budget = Budget::default();
            let mut shares: [Share; 4] = std::array::from_fn(|_| budget.share());
            for (index, bytes, is_dropped) in steps {
                if is_dropped {
                    shares[index] = budget.share();
                } else {
                    let others: usize = shares.iter().map(|share| share.bytes).sum::<usize>() - shares[index].bytes;
                    let fits = bytes <= shares[index].bytes || others + bytes <= MAX;
                    prop_assert_eq!(shares[index].set(bytes, MAX).is_ok(), fits);
                }
                prop_assert_eq!(budget.taken(), shares.iter().map(|share| share.bytes).sum::<usize>());
                prop_assert!(budget.taken() <= MAX);
            }
        }
    }
}
