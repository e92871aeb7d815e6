//! When what is held ends unless the server speaks of it again: resources with a time to live (rules 72, 73).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::time::Uptime;

/// Of one type.
#[derive(Debug, Default)]
pub(super) struct Lifetimes {
    running: BTreeMap<Arc<str>, (Duration, Uptime)>,
    by_end: BTreeSet<(Uptime, Arc<str>)>,
}

impl Lifetimes {
    /// The server has just spoken of a resource: with its time to live, or without one.
    pub(super) fn set(&mut self, name: &Arc<str>, ttl: Option<Duration>, now: Uptime) {
        self.remove(name);
        if let Some(ttl) = ttl {
            let end = now.after(ttl);
            self.running.insert(Arc::clone(name), (ttl, end));
            self.by_end.insert((end, Arc::clone(name)));
        }
    }

    /// The resource does not end by itself any more.
    pub(super) fn remove(&mut self, name: &Arc<str>) {
        if let Some((_, end)) = self.running.remove(name) {
            self.by_end.remove(&(end, Arc::clone(name)));
        }
    }

    pub(super) fn has(&self, name: &Arc<str>) -> bool {
        self.running.contains_key(name)
    }

    /// When the next one ends.
    pub(super) fn next(&self) -> Option<Uptime> {
        self.by_end.first().map(|(end, _)| *end)
    }

    /// Takes those that have ended by now, the earliest first. Each is given another term, after which it is taken again
    /// unless it is removed.
    pub(super) fn take_ended(&mut self, now: Uptime) -> Vec<Arc<str>> {
        let ended = self.by_end.iter().take_while(|(end, _)| *end <= now);
        let ended: Vec<Arc<str>> = ended.map(|(_, name)| Arc::clone(name)).collect();
        for name in &ended {
            let ttl = self.running.get(name).map(|(ttl, _)| *ttl);
            self.set(name, ttl, now);
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Uptime {
        Uptime(Duration::from_secs(seconds))
    }

    #[test]
    fn each_ends_a_term_after_it_was_last_spoken_of() {
        let mut lifetimes = Lifetimes::default();
        let [a, b]: [Arc<str>; 2] = ["a".into(), "b".into()];
        let ttl = Some(Duration::from_secs(10));
        lifetimes.set(&a, ttl, at(0));
        lifetimes.set(&b, ttl, at(1));
        lifetimes.set(&a, ttl, at(5));
        assert_eq!((lifetimes.next(), lifetimes.take_ended(at(10))), (Some(at(11)), vec![]));
        assert_eq!(lifetimes.take_ended(at(11)), std::slice::from_ref(&b));
        assert_eq!(lifetimes.take_ended(at(20)), std::slice::from_ref(&a), "b has another term");
        lifetimes.remove(&b);
        lifetimes.set(&a, None, at(21));
        assert_eq!((lifetimes.next(), lifetimes.has(&a)), (None, false));
    }
}
