//! Places of which so many may be taken at once, however many that is by now.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// How many are taken. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Arc<AtomicUsize>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Places);

impl Places {
    /// Takes one, unless `max` are taken. More may be, where fewer are allowed than before: those stay.
    pub(crate) fn take(&self, max: usize) -> Option<Place> {
        let one_more = |taken| (taken < max).then_some(taken + 1);
        self.0.fetch_update(Relaxed, Relaxed, one_more).ok()?;
        Some(Place(self.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_taken_as_are_allowed_now() {
        let places = Places::default();
        let first = places.take(1).unwrap();
        assert!(places.take(1).is_none());
        let second = places.take(2).unwrap();
        drop(first);
        assert!(places.take(1).is_none(), "the second is kept, though only one is allowed by now");
        drop(second);
        assert!(places.take(1).is_some() && places.take(0).is_none());
    }
}
