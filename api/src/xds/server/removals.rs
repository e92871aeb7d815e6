//! Make before break: removals that wait until whatever may refer to what is gone has let go of it (rules 77, 79).
//!
//! A name is gone from the first state of the session in which the client holds it and can no longer see it. It goes once
//! every type that may refer to it has reached that state, or [`REMOVAL_GRACE`] later. Until then the client simply goes
//! on holding it.

use std::{collections::BTreeMap, sync::Arc};

use crate::{limits::REMOVAL_GRACE, time::Uptime};

/// A state of the session, and when it is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moment {
    pub(super) state: u64,
    pub(super) now: Uptime,
    /// The newest state that the client has of the type in question.
    pub(super) reached: u64,
}

/// The names of one type that are gone and still held. No more than went within a grace time.
#[derive(Debug, Default)]
pub(super) struct Removals {
    gone: BTreeMap<Arc<str>, Gone>,
    /// Up to which state nothing refers to what is gone.
    cleared: u64,
    /// Of the newest look.
    now: Uptime,
    /// Nothing waits: nobody keeps what it may not see for the sake of a smooth change.
    at_once: bool,
}

#[derive(Clone, Copy, Debug)]
struct Gone {
    /// The first state without it.
    since: u64,
    until: Uptime,
    /// What the client holds of it may be older than the state before, but not older than this one.
    held_of: u64,
}

impl Gone {
    fn is_due(&self, cleared: u64, now: Uptime) -> bool {
        self.since <= cleared || self.until <= now
    }
}

impl Removals {
    pub(super) fn is_empty(&self) -> bool {
        self.gone.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.gone.len()
    }

    /// Just these are gone at this moment, and still held.
    pub(super) fn look<'a>(&mut self, gone: impl IntoIterator<Item = &'a Arc<str>>, moment: Moment) {
        self.now = moment.now;
        let before = std::mem::take(&mut self.gone);
        let Moment { state, now, reached } = moment;
        let new = Gone { since: state, until: now.after(REMOVAL_GRACE), held_of: reached };
        self.gone =
            gone.into_iter().map(|name| (name.clone(), before.get(name).copied().unwrap_or(new))).collect();
    }

    fn waiting(&self) -> impl Iterator<Item = &Gone> {
        self.gone.values().filter(|gone| !gone.is_due(self.cleared, self.now))
    }

    /// Whether this one has to wait.
    pub(super) fn waits(&self, name: &str) -> bool {
        let is_due = |gone: &Gone| self.at_once || gone.is_due(self.cleared, self.now);
        self.gone.get(name).is_some_and(|gone| !is_due(gone))
    }

    /// The client was told that it is gone.
    pub(super) fn said(&mut self, name: &str) {
        self.gone.remove(name);
    }

    /// The client was told of all that need not wait.
    pub(super) fn said_all_due(&mut self) {
        let Self { cleared, now, .. } = *self;
        self.gone.retain(|_, gone| !gone.is_due(cleared, now));
    }

    /// Everything that may refer to these names has reached this state. Whether something need not wait any longer.
    pub(super) fn clear(&mut self, reached: u64, now: Uptime) -> bool {
        let before = self.waiting().count();
        (self.cleared, self.now) = (self.cleared.max(reached), now);
        self.waiting().count() < before
    }

    /// When the first of those that wait goes, whoever still refers to it.
    pub(super) fn deadline(&self) -> Option<Uptime> {
        self.waiting().map(|gone| gone.until).min()
    }

    /// What the client has reached that has all of this state, and beside it what is gone.
    pub(super) fn reached(&self, state: u64) -> u64 {
        self.gone.values().map(|gone| gone.held_of).min().map_or(state, |held_of| held_of.min(state))
    }

    /// The view is another one, or the client held this under one that is not known: the next step removes at once.
    pub(super) fn hurry(&mut self) {
        self.at_once = true;
    }

    /// The next step was made.
    pub(super) fn calm(&mut self) {
        self.at_once = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<Arc<str>> {
        list.iter().map(|&name| Arc::from(name)).collect()
    }

    fn moment(state: u64, now: Uptime) -> Moment {
        Moment { state, now, reached: state - 1 }
    }

    /// rule 79
    #[test]
    fn removal_waits_for_its_own_state_or_its_own_grace_time() {
        let start = Uptime::default();
        let mut removals = Removals::default();
        removals.look(&names(&["x"]), moment(3, start));
        removals.look(&names(&["x", "y"]), moment(5, start));
        assert!(removals.waits("x") && removals.waits("y"));
        assert!(!removals.clear(2, start));
        assert!(removals.clear(4, start));
        assert!(!removals.waits("x") && removals.waits("y"));
        assert_eq!(removals.reached(5), 2, "due is not yet said");
        removals.said("x");
        assert_eq!(removals.reached(5), 4);
        let end = removals.deadline().unwrap();
        assert!(removals.clear(4, end));
        assert!(!removals.waits("y"));
    }

    /// rule 80: what comes back and goes again is gone anew.
    #[test]
    fn what_comes_back_is_no_longer_gone() {
        let start = Uptime::default();
        let mut removals = Removals::default();
        removals.look(&names(&["x"]), moment(3, start));
        removals.look(&names(&[]), moment(4, start));
        removals.look(&names(&["x"]), moment(5, start));
        assert!(!removals.clear(4, start));
        assert!(removals.waits("x"));
    }
}
