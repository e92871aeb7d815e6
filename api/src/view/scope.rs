//! What a view shows of one kind.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    iter,
    sync::Arc,
};

use super::grant::{Names, Namespaces};
use crate::{
    planted::{self, Fault},
    version::Digest,
};

/// Of one kind: which names, in which namespaces. Equal sets are equal values.
#[derive(Clone, Debug)]
pub struct Scope {
    set: Set,
    digest: Digest,
}

/// A union of (namespaces, names), in its only form: what is shown everywhere is in no namespace once more, and no namespace
/// is there for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set {
    everywhere: Names,
    by_namespace: BTreeMap<Arc<str>, Names>,
}

/// What is shown of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown<'a> {
    /// Nothing.
    Nothing,
    /// What has these names, which are in order.
    Names(Vec<&'a Arc<str>>),
    /// Whatever there is and will be.
    Everything,
}

impl Set {
    pub(super) const NOTHING: Self = Self { everywhere: Names::NONE, by_namespace: BTreeMap::new() };

    pub(super) fn add(&mut self, namespaces: Namespaces, names: &Names) {
        if names.is_none() {
            return;
        }
        match namespaces {
            Namespaces::All => self.everywhere.add(names),
            Namespaces::Only(namespaces) => {
                namespaces.into_iter().for_each(|namespace| self.add_in(namespace, names));
            }
        }
    }

    fn add_in(&mut self, namespace: Arc<str>, names: &Names) {
        match self.by_namespace.entry(namespace) {
            Entry::Vacant(place) => drop(place.insert(names.clone())),
            Entry::Occupied(mut known) => known.get_mut().add(names),
        }
    }

    fn or(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.everywhere.add(&other.everywhere);
        other.by_namespace.iter().for_each(|(namespace, names)| both.add_in(namespace.clone(), names));
        both
    }

    fn and(&self, other: &Self) -> Self {
        let namespaces: BTreeSet<&Arc<str>> =
            self.by_namespace.keys().chain(other.by_namespace.keys()).collect();
        let shared = |namespace: &Arc<str>| self.names_in(namespace).and(&other.names_in(namespace));
        Self {
            everywhere: self.everywhere.and(&other.everywhere),
            by_namespace: namespaces.into_iter().map(|name| (name.clone(), shared(name))).collect(),
        }
    }

    fn names_in(&self, namespace: &str) -> Names {
        let mut names = self.everywhere.clone();
        self.by_namespace.get(namespace).into_iter().for_each(|more| names.add(more));
        names
    }

    fn in_its_only_form(self) -> Self {
        let Self { everywhere, by_namespace } = self;
        let kept = by_namespace.into_iter().map(|(namespace, names)| (namespace, names.without(&everywhere)));
        let by_namespace = kept.filter(|(_, names)| !names.is_none()).collect();
        Self { everywhere, by_namespace }
    }
}

impl From<Set> for Scope {
    fn from(set: Set) -> Self {
        let set = set.in_its_only_form();
        let in_namespaces = set
            .by_namespace
            .iter()
            .flat_map(|(namespace, names)| iter::once(namespace.clone()).chain(names.pieces()));
        let pieces: Vec<Arc<str>> = set.everywhere.pieces().chain(in_namespaces).collect();
        let digest = Digest::of(pieces.iter().map(|piece| piece.as_bytes()));
        Self { set, digest }
    }
}

impl Scope {
    /// Whether it shows everything in every namespace.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.set.everywhere == Names::All
    }

    /// Whether it shows nothing anywhere.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.set == Set::NOTHING
    }

    /// The namespaces of which it may show anything, in order; any, where it is `None`.
    #[must_use]
    pub fn namespaces(&self) -> Option<impl ExactSizeIterator<Item = &Arc<str>>> {
        self.set.everywhere.is_none().then(|| self.set.by_namespace.keys())
    }

    /// What it shows of a namespace.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Shown<'_> {
        let own = self.set.by_namespace.get(namespace);
        let leaks = planted::is(Fault::ViewLeak) && !self.is_nothing();
        match (&self.set.everywhere, own) {
            _ if leaks => Shown::Everything,
            (Names::All, _) | (_, Some(Names::All)) => Shown::Everything,
            (Names::Only(names), None) if names.is_empty() => Shown::Nothing,
            (Names::Only(names), None) => Shown::Names(names.iter().collect()),
            (Names::Only(names), Some(Names::Only(own))) => {
                let mut all: Vec<_> = names.iter().chain(own).collect();
                all.sort_unstable();
                Shown::Names(all)
            }
        }
    }

    /// Whether it shows what has this name there.
    #[must_use]
    pub fn sees(&self, namespace: &str, name: &str) -> bool {
        let own = || self.set.by_namespace.get(namespace).is_some_and(|own| own.contains(name));
        let leaks = planted::is(Fault::ViewLeak) && !self.is_nothing();
        self.set.everywhere.contains(name) || own() || leaks
    }

    /// Equal for equal scopes, on every server.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    pub(super) fn or(&self, other: &Self) -> Self {
        self.set.or(&other.set).into()
    }

    pub(super) fn and(&self, other: &Self) -> Self {
        self.set.and(&other.set).into()
    }
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Scope {}
