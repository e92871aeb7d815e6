//! A state with pins: what is served, but for some names. All that does not speak of those is shared with everybody.

use std::{collections::BTreeSet, sync::Arc};

use super::{Seen, spliced::spliced};
use crate::{
    version::VersionSum,
    wire::Entry,
    xds::{
        catalog::{Catalog, Difference, Shared},
        pin::{Pin, PinsOfKind},
    },
};

/// A sum in which the refused entry is, with what stands in for it.
pub(super) fn version(sum: VersionSum, pin: &Pin) -> VersionSum {
    let sum = sum.minus(VersionSum::of_entry(&pin.name, &pin.refused));
    pin.good.as_ref().map_or(sum, |good| sum.plus(VersionSum::of_entry(&good.name, &good.version)))
}

/// An entry that is served, or what stands in for it.
pub(super) fn entry(pins: &PinsOfKind, entry: Entry) -> Option<Entry> {
    match pins.get(&entry.name) {
        Some(pin) => pin.good.clone(),
        None => Some(entry),
    }
}

impl<C: Catalog> Seen<C> {
    pub(super) fn pins(&self) -> impl Iterator<Item = &Pin> {
        self.pins.iter().flat_map(|pins| pins.values())
    }

    /// Whether something older than what is served is in it.
    pub(in crate::xds::server) fn is_kept(&self) -> bool {
        self.pins().any(|pin| pin.good.is_some())
    }

    /// A complete answer with what stands in for refused entries.
    pub(super) fn full_pinned(&self, full: Shared) -> Shared {
        let replaced = self.pins().filter_map(|pin| Some((self.served(&pin.name)?.any, pin.good.as_ref())));
        spliced(full, &replaced.collect::<Vec<_>>())
    }

    /// The entries with a time to live, as they are with pins.
    pub(super) fn timed_pinned(&self, timed: Option<Arc<Vec<Entry>>>) -> Option<Arc<Vec<Entry>>> {
        let is_pinned = |entry: &Entry| self.pins().any(|pin| pin.name == entry.name);
        let mut all: Vec<Entry> =
            timed.iter().flat_map(|timed| timed.iter()).filter(|entry| !is_pinned(entry)).cloned().collect();
        all.extend(self.pins().filter_map(|pin| pin.good.clone()).filter(|good| good.ttl.is_some()));
        (!all.is_empty()).then(|| Arc::new(all))
    }

    /// A step between what is served, as it is with the pins at both ends.
    pub(super) fn step_pinned(&self, from: Option<&Self>, step: Arc<Difference>) -> Arc<Difference> {
        let ends = [Some(self), from];
        let names: BTreeSet<&Arc<str>> =
            ends.into_iter().flatten().flat_map(|end| end.pins().map(|pin| &pin.name)).collect();
        let held = |name: &str| from.and_then(|from| from.get(name));
        let differs =
            |name: &str| self.get(name).map(|entry| entry.version) != held(name).map(|entry| entry.version);
        let is_said = |name: &Arc<str>| names.contains(name);
        let says = || step.changed.iter().map(|entry| &entry.name).chain(&step.removed);
        if names.is_empty() || !says().any(is_said) && !names.iter().any(|name| differs(name)) {
            return step;
        }
        let mut changed: Vec<Entry> =
            step.changed.iter().filter(|entry| !is_said(&entry.name)).cloned().collect();
        let mut removed: Vec<Arc<str>> = step.removed.iter().filter(|name| !is_said(name)).cloned().collect();
        for name in names.into_iter().filter(|name| differs(name)) {
            match self.get(name) {
                Some(entry) => changed.push(entry),
                None => removed.push(name.clone()),
            }
        }
        Arc::new(self.own_difference(changed, removed))
    }
}
