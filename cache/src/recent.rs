//! Values that are worked out once and kept while they are asked for.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    mem,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

/// A bounded map of values that can always be worked out again.
///
/// Two generations instead of an exact order of use: when the young one reaches half the bound, the old one is
/// dropped and it takes its place. Finding, adding and dropping are constant time, and what is asked for again moves
/// to the young one.
pub(crate) struct Recent<K, V> {
    generations: Mutex<Generations<K, V>>,
    weight_max: usize,
}

struct Generations<K, V> {
    young: HashMap<K, Cell<V>>,
    old: HashMap<K, Cell<V>>,
    /// Of the young ones.
    weight: usize,
}

/// A value and its weight, once it is worked out.
type Cell<V> = Arc<OnceLock<(V, usize)>>;

/// Bytes that every value weighs beside its own weight: key, cell, map.
const WEIGHT_OF_PLACE: usize = 128;

impl<K: Eq + Hash + Clone, V: Clone> Recent<K, V> {
    /// Keeps about `weight_max` bytes.
    pub(crate) fn new(weight_max: usize) -> Self {
        let generations = Generations { young: HashMap::new(), old: HashMap::new(), weight: 0 };
        Self { generations: Mutex::new(generations), weight_max }
    }

    /// The value of a key. Several who ask at once for one that is not there wait for the first to work it out; nobody
    /// else waits.
    pub(crate) fn get(&self, key: K, weigh: impl FnOnce(&V) -> usize, work_out: impl FnOnce() -> V) -> V {
        let cell = self.cell(key);
        let mut is_new = false;
        let (value, weight) = cell.get_or_init(|| {
            is_new = true;
            let value = work_out();
            let weight = weigh(&value) + WEIGHT_OF_PLACE;
            (value, weight)
        });
        if is_new {
            self.lock().charge(*weight, self.weight_max);
        }
        value.clone()
    }

    /// Drops everything.
    pub(crate) fn forget(&self) {
        let mut generations = self.lock();
        let dropped = (mem::take(&mut generations.young), mem::take(&mut generations.old));
        generations.weight = 0;
        drop(generations);
        drop(dropped);
    }

    fn cell(&self, key: K) -> Cell<V> {
        let mut generations = self.lock();
        if let Some(cell) = generations.young.get(&key) {
            return cell.clone();
        }
        let cell = generations.old.remove(&key).unwrap_or_default();
        generations.young.insert(key, cell.clone());
        let weight = cell.get().map_or(0, |(_, weight)| *weight);
        generations.charge(weight, self.weight_max);
        cell
    }

    fn lock(&self) -> MutexGuard<'_, Generations<K, V>> {
        // A panic elsewhere leaves the maps whole: they are changed by single calls.
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> Generations<K, V> {
    fn charge(&mut self, weight: usize, weight_max: usize) {
        self.weight += weight;
        if self.weight > weight_max / 2 {
            self.old = mem::take(&mut self.young);
            self.weight = 0;
        }
    }
}

impl<K, V> fmt::Debug for Recent<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    #[test]
    fn value_is_worked_out_once() {
        let recent = Recent::new(1 << 20);
        assert_eq!(recent.get(1, |_| 0, || "a"), "a");
        assert_eq!(recent.get(1, |_| 0, || unreachable!()), "a");
        recent.forget();
        assert_eq!(recent.get(1, |_| 0, || "b"), "b");
    }

    #[test]
    fn who_asks_at_once_shares_one_value() {
        let (recent, worked_out) = (Recent::new(1 << 20), AtomicUsize::new(0));
        let start = Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    recent.get((), |_| 0, || worked_out.fetch_add(1, Ordering::Relaxed))
                });
            }
        });
        assert_eq!(worked_out.into_inner(), 1);
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let recent = Recent::new(100 * WEIGHT_OF_PLACE);
        let mut worked_out = 0;
        for key in 0..1000 {
            recent.get(key, |_| 0, || key);
            recent.get(
                -1,
                |_| 0,
                || {
                    worked_out += 1;
                    -1
                },
            );
        }
        assert_eq!(worked_out, 1);
        assert_eq!(recent.get(0, |_| 0, || 7), 7, "long unused");
        let kept = recent.lock();
        assert!(kept.young.len() + kept.old.len() <= 102);
    }
}
