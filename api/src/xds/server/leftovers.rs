//! Make before break: what is gone from the state, and is left to the client until whatever referred to it let go
//! (rules 77, 79).
//!
//! Only what a commit took away is left. What the view no longer shows is taken from the client at once, and so is
//! everything that is left when the view changes: nobody keeps what it may not see for the sake of a smooth change.

use std::{collections::BTreeMap, sync::Arc};

use crate::{limits::REMOVAL_GRACE, time::Uptime, version::ResourceVersion, wire::Entry};

/// A state of the session, and when it was first looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) state: u64,
    pub(super) now: Uptime,
}

/// Names that the client was sent and that are gone since.
#[derive(Debug, Default)]
pub(super) struct Leftovers(BTreeMap<Arc<str>, Leftover>);

#[derive(Debug)]
struct Leftover {
    /// As it was sent. Only complete sets need its bytes.
    entry: Entry,
    /// The first state without it.
    gone_at: u64,
    until: Uptime,
    /// To be removed by the next response.
    is_released: bool,
}

impl Leftovers {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }

    /// An entry is gone that the client was sent.
    pub(super) fn add(&mut self, entry: Entry, moment: Moment) {
        let until = moment.now.after(REMOVAL_GRACE);
        let name = entry.name.clone();
        let leftover = Leftover { entry, gone_at: moment.state, until, is_released: false };
        self.0.entry(name).or_insert(leftover);
    }

    /// Takes one out, with the version that the client holds.
    pub(super) fn take(&mut self, name: &str) -> Option<ResourceVersion> {
        self.0.remove(name).map(|leftover| leftover.entry.version)
    }

    /// Only these are still gone, and any of the client's business.
    pub(super) fn retain(&mut self, is_gone: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| is_gone(name));
    }

    /// Whether the client goes on holding this name.
    pub(super) fn keeps(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|leftover| !leftover.is_released)
    }

    /// What a complete set holds beside what there is.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Entry> {
        self.0.values().filter(|leftover| !leftover.is_released).map(|leftover| &leftover.entry)
    }

    /// The first state that lacks something which the client keeps.
    pub(super) fn gone_at(&self) -> Option<u64> {
        self.0.values().filter(|leftover| !leftover.is_released).map(|leftover| leftover.gone_at).min()
    }

    /// When the first of them goes whoever still refers to it.
    pub(super) fn deadline(&self) -> Option<Uptime> {
        self.0.values().filter(|leftover| !leftover.is_released).map(|leftover| leftover.until).min()
    }

    /// Everything that may refer to these names has reached this state. Says from which state on names go now.
    pub(super) fn release(&mut self, reached: u64, now: Uptime) -> Option<u64> {
        let mut first = None;
        for leftover in self.0.values_mut().filter(|leftover| !leftover.is_released) {
            if leftover.gone_at <= reached || leftover.until <= now {
                leftover.is_released = true;
                first = Some(first.map_or(leftover.gone_at, |first: u64| first.min(leftover.gone_at)));
            }
        }
        first
    }

    /// The client was sent a complete set without those that were released.
    pub(super) fn set_sent(&mut self) {
        self.0.retain(|_, leftover| !leftover.is_released);
    }
}
