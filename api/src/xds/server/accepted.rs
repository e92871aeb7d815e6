//! What a client took last of a type, as far as it said so: what a resource goes back to that it refuses.

use std::{collections::BTreeSet, sync::Arc};

use super::{children::is_empty_assignment, seen::Seen, unanswered::Members};
use crate::{version::Nonce, wire::Entry, xds::catalog::Catalog};

/// Responses that were taken of a step whose others were not, as far as they are remembered: a first answer of 128 MiB.
const PARTS_MAX: usize = 64;

/// What a client took, by name.
#[derive(Debug)]
pub(super) struct Accepted<C> {
    whole: Whole<C>,
    /// Taken since, in order: parts of newer states.
    parts: Vec<Members>,
    /// The last response that brings the client to a whole state, until it is answered.
    awaited: Option<(Nonce, Whole<C>)>,
}

/// What it took as a whole.
#[derive(Debug)]
enum Whole<C> {
    /// Nothing: it said that it has none.
    Nothing,
    /// All that it asks for of this state, but for these names, which it asks for since.
    State(Seen<C>, BTreeSet<Arc<str>>),
    /// On an older stream, or a state that nobody else needs any more.
    Unknown,
}

/// What is known of one name.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Good {
    /// The client took this last.
    Entry(Entry),
    /// It never took any, or was told since that it is gone.
    Nothing,
    /// Not known.
    Unknown,
}

impl<C: Catalog> Accepted<C> {
    fn of(whole: Whole<C>) -> Self {
        Self { whole, parts: Vec::new(), awaited: None }
    }

    /// By a client that says that it has nothing.
    pub(super) fn nothing() -> Self {
        Self::of(Whole::Nothing)
    }

    /// By a client that has something from before.
    pub(super) fn unknown() -> Self {
        Self::of(Whole::Unknown)
    }

    /// What is known of a name.
    pub(super) fn good(&self, name: &str) -> Good {
        for part in self.parts.iter().rev() {
            if let Some(entry) = part.entries().iter().find(|entry| &*entry.name == name) {
                return if is_empty_assignment(entry) { Good::Nothing } else { Good::Entry(entry.clone()) };
            }
            if part.removed().iter().any(|removed| &**removed == name) {
                return Good::Nothing;
            }
        }
        match &self.whole {
            Whole::Nothing => Good::Nothing,
            Whole::State(_, since) if since.contains(name) => Good::Nothing,
            Whole::State(seen, _) => seen.get(name).map_or(Good::Nothing, Good::Entry),
            Whole::Unknown => Good::Unknown,
        }
    }

    /// Whether the client did not take an entry as it is, as far as is known.
    pub(super) fn is_news(&self, entry: &Entry) -> bool {
        !matches!(self.good(&entry.name), Good::Entry(good) if good.version == entry.version)
    }

    /// The state that the client has as a whole, for comparing it with another at once.
    pub(super) fn state(&self) -> Option<&Seen<C>> {
        match &self.whole {
            Whole::State(seen, since) if since.is_empty() && self.parts.is_empty() => Some(seen),
            _ => None,
        }
    }

    /// These names are asked for from now on, and were not before.
    pub(super) fn ask(&mut self, names: &BTreeSet<Arc<str>>) {
        let awaited = self.awaited.as_mut().map(|(_, whole)| whole);
        for whole in [&mut self.whole].into_iter().chain(awaited) {
            if let Whole::State(_, since) = whole {
                since.extend(names.iter().cloned());
            }
        }
    }

    /// With the answer of this nonce the client has all of this state.
    pub(super) fn sent_all(&mut self, nonce: Nonce, seen: Seen<C>) {
        self.awaited = Some((nonce, Whole::State(seen, BTreeSet::new())));
    }

    /// The client took a response, and holds nothing back of what it was sent before, where `is_all`.
    pub(super) fn took(&mut self, nonce: &Nonce, members: Members, is_all: bool) {
        match self.awaited.take_if(|(awaited, _)| awaited == nonce) {
            Some((_, whole)) if is_all => *self = Self::of(whole),
            _ if self.parts.len() < PARTS_MAX => self.parts.push(members),
            _ => self.forget(),
        }
    }

    /// The client has all of this state: nothing of it is left to be said, and everything that was said was taken.
    pub(super) fn has_all(&mut self, seen: Seen<C>) {
        *self = Self::of(Whole::State(seen, BTreeSet::new()));
    }

    /// From now on it is not known any more.
    pub(super) fn forget(&mut self) {
        *self = Self::unknown();
    }

    /// There is a newer state. Old ones are let go: keeping them would cost memory that nobody else needs.
    pub(super) fn outdate(&mut self) {
        let is_outdated = |whole: &Whole<C>| matches!(whole, Whole::State(seen, _) if seen.is_outdated());
        self.awaited.take_if(|(_, whole)| is_outdated(whole));
        if is_outdated(&self.whole) {
            self.whole = Whole::Unknown;
        }
    }
}
