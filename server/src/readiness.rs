//! What must have happened before anything is served, by name, so that "not ready" always says what is awaited.

use std::sync::Arc;

use tokio::sync::watch;

/// The named things that are still awaited. Cloning shares it; ready when nothing is left.
#[derive(Clone, Debug)]
pub struct Readiness {
    awaited: Arc<watch::Sender<Vec<String>>>,
}

impl Readiness {
    /// Awaits nothing yet: make the guards before anyone may look.
    #[must_use]
    pub fn new() -> Self {
        Self { awaited: Arc::new(watch::Sender::new(Vec::new())) }
    }

    /// Awaits one more thing, until the guard is released.
    #[must_use = "nothing is ready until the guard is released"]
    pub fn guard(&self, name: impl Into<String>) -> ReadinessGuard {
        let name = name.into();
        self.awaited.send_modify(|awaited| {
            let place = awaited.partition_point(|other| *other < name);
            awaited.insert(place, name.clone());
        });
        ReadinessGuard { name, awaited: Arc::clone(&self.awaited) }
    }

    /// What is still awaited, in order of names; empty when ready.
    #[must_use]
    pub fn awaited(&self) -> Vec<String> {
        self.awaited.borrow().clone()
    }

    /// Whether nothing is awaited.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.awaited.borrow().is_empty()
    }

    /// What is awaited, as news. The receiver outlives no `Readiness` by surprise: guards keep the sender, too.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Vec<String>> {
        self.awaited.subscribe()
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

/// One awaited thing. Only [`ReadinessGuard::release`] ends the wait: a task that dies and drops its guard must not make
/// a server ready.
#[derive(Debug)]
pub struct ReadinessGuard {
    name: String,
    awaited: Arc<watch::Sender<Vec<String>>>,
}

impl ReadinessGuard {
    /// It has happened.
    pub fn release(self) {
        self.awaited.send_modify(|awaited| {
            if let Some(place) = awaited.iter().position(|name| *name == self.name) {
                awaited.remove(place);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_when_every_guard_is_released() {
        let readiness = Readiness::new();
        let store = readiness.guard("store");
        let files = readiness.guard("source files");
        assert_eq!(readiness.awaited(), ["source files", "store"]);
        store.release();
        assert!(!readiness.is_ready());
        files.release();
        assert!(readiness.is_ready());
    }

    #[test]
    fn guards_of_the_same_name_are_both_awaited() {
        let readiness = Readiness::new();
        let (one, two) = (readiness.guard("x"), readiness.guard("x"));
        one.release();
        assert_eq!(readiness.awaited(), ["x"]);
        two.release();
        assert!(readiness.is_ready());
    }

    #[test]
    fn dropped_guard_is_still_awaited() {
        let readiness = Readiness::new();
        drop(readiness.guard("source files"));
        assert_eq!(readiness.awaited(), ["source files"]);
    }

    #[test]
    fn release_is_news() {
        let readiness = Readiness::new();
        let guard = readiness.guard("store");
        let mut news = readiness.subscribe();
        news.mark_unchanged();
        guard.release();
        assert!(news.has_changed().unwrap());
        assert!(news.borrow_and_update().is_empty());
    }
}
