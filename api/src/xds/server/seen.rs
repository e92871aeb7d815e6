//! What one sub-stream can see: a state of everything, through a view, of one kind, with what its sink is pinned to.

mod pinned;
mod spliced;

use std::{collections::BTreeSet, sync::Arc};

use bytes::BytesMut;

use super::children;
use crate::{
    kind::Kind,
    version::{Revision, VersionSum},
    view::View,
    wire::{Entry, put_sotw_head, put_sotw_wrapper},
    xds::{
        catalog::{Catalog, Difference, Shared},
        pin::PinsOfKind,
    },
};

/// A catalog behind a view. Types that nobody serves have no kind, and see nothing.
#[derive(Clone, Debug)]
pub(super) struct Seen<C> {
    kind: Option<Kind>,
    catalog: C,
    view: View,
    /// In the place of what is served of these names. Each of them is served in the version that was refused.
    pins: Option<Arc<PinsOfKind>>,
    /// Names that may be other ones than in a state whose every name was told; all may, where it is `None`.
    touched: Option<Arc<BTreeSet<Arc<str>>>>,
}

impl<C: Catalog> Seen<C> {
    pub(super) fn new(kind: Option<Kind>, catalog: &C, view: &View) -> Self {
        Self { kind, catalog: catalog.clone(), view: view.clone(), pins: None, touched: None }
    }

    /// With these pins, which all hold in this state.
    pub(super) fn pinned(self, pins: Arc<PinsOfKind>) -> Self {
        Self { pins: Some(pins), ..self }
    }

    /// The same, for somebody who was told all of these names as they were in `settled`. What is the same since is not
    /// looked at: a stream of 10,000 names is not read through for each change of one of them.
    pub(super) fn since(mut self, settled: &Self, names: &BTreeSet<Arc<str>>) -> Self {
        let step = self.difference(Some(settled));
        if step.changed.len() + step.removed.len() < names.len() {
            let changed = step.changed.iter().map(|entry| &entry.name).chain(&step.removed);
            self.touched = Some(Arc::new(changed.filter(|name| names.contains(*name)).cloned().collect()));
        }
        self
    }

    /// Which names need a look; all, where it is `None`.
    pub(super) fn touched(&self) -> Option<&BTreeSet<Arc<str>>> {
        self.touched.as_deref()
    }

    pub(super) fn revision(&self) -> Revision {
        self.catalog.revision()
    }

    pub(super) fn is_outdated(&self) -> bool {
        self.catalog.is_outdated()
    }

    pub(super) fn version(&self) -> VersionSum {
        let served = self.kind.map_or(VersionSum::EMPTY, |kind| self.catalog.version(kind, &self.view));
        self.pins().fold(served, pinned::version)
    }

    /// The version of some names of it: what [`Seen::version`] would be, were they all that there is.
    pub(super) fn version_of<'a>(&self, names: impl IntoIterator<Item = &'a Arc<str>>) -> VersionSum {
        let entries = names.into_iter().filter_map(|name| self.get(name));
        entries
            .fold(VersionSum::EMPTY, |sum, entry| sum.plus(VersionSum::of_entry(&entry.name, &entry.version)))
    }

    /// `carries_ttl`: for a client that understands times to live.
    pub(super) fn full(&self, carries_ttl: bool) -> Shared {
        if carries_ttl && self.timed().is_some() {
            let mut all = Vec::new();
            self.for_each(&mut |entry| all.push(entry));
            return sotw_resources(&all, true);
        }
        let full = self.kind.map_or_else(Shared::default, |kind| self.catalog.full(kind, &self.view));
        if self.pins.is_some() { self.full_pinned(full) } else { full }
    }

    /// The entries with a time to live.
    pub(super) fn timed(&self) -> Option<Arc<Vec<Entry>>> {
        let timed = self.catalog.timed(self.kind?, &self.view);
        if self.pins.is_some() { self.timed_pinned(timed) } else { timed }
    }

    /// Bytes of resources after which a response is cut.
    pub(super) fn page_bytes_max(&self) -> usize {
        self.catalog.page_bytes_max()
    }

    pub(super) fn get(&self, name: &str) -> Option<Entry> {
        match self.pins.as_ref().and_then(|pins| pins.get(name)) {
            Some(pin) => pin.good.clone(),
            None => self.served(name),
        }
    }

    fn served(&self, name: &str) -> Option<Entry> {
        self.catalog.get(self.kind?, &self.view, name)
    }

    /// Whether entries of other kinds follow a change of these (rule 81).
    pub(super) fn has_children(&self) -> bool {
        self.kind.is_some_and(|kind| children::kind_of(kind).is_some())
    }

    /// What SotW says of endpoints that do not exist (rule 82): it has no way to say that there are none, and whoever
    /// asks for them has a cluster that would wait for them until it gives up.
    pub(super) fn stand_in(&self, name: &str) -> Option<Entry> {
        (self.kind == Some(Kind::ENDPOINTS)).then(|| children::empty_assignment(name))
    }

    pub(super) fn for_each(&self, visit: &mut dyn FnMut(Entry)) {
        let Some(kind) = self.kind else { return };
        let Some(pins) = &self.pins else { return self.catalog.for_each(kind, &self.view, visit) };
        self.catalog.for_each(kind, &self.view, &mut |entry| {
            let shown = pinned::entry(pins, entry);
            shown.into_iter().for_each(&mut *visit);
        });
    }

    /// What somebody who holds `from` (nothing, where it is `None`) lacks.
    pub(super) fn difference(&self, from: Option<&Self>) -> Arc<Difference> {
        let served = from.map(|from| (&from.catalog, &from.view));
        let step =
            self.kind.map_or_else(Arc::default, |kind| self.catalog.difference(kind, &self.view, served));
        self.step_pinned(from, step)
    }

    /// A difference that only one stream makes.
    pub(super) fn own_difference(&self, changed: Vec<Entry>, removed: Vec<Arc<str>>) -> Difference {
        Difference::with_page_bytes(changed, removed, self.catalog.page_bytes_max())
    }
}

/// Entries as `resources` of a SotW response. Their bytes are shared, only tags and lengths are this stream's own, and
/// wrappers around those with a time to live, where the client understands them (rule 74).
pub(super) fn sotw_resources<'a>(entries: impl IntoIterator<Item = &'a Entry>, carries_ttl: bool) -> Shared {
    let mut shared = Shared::default();
    for entry in entries {
        let mut head = BytesMut::new();
        match entry.ttl.filter(|_| carries_ttl) {
            Some(ttl) => put_sotw_wrapper(&mut head, entry, ttl),
            None => put_sotw_head(&mut head, &entry.any),
        }
        shared.len += head.len() + entry.any.len();
        shared.count += 1;
        shared.pieces.extend([head.freeze(), entry.any.clone()]);
    }
    shared
}
