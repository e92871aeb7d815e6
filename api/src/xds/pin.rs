//! What a sink is kept on because it refused something newer: for each resource the last good version.
//!
//! A pin holds as long as the very version is served that was refused. It is the caller's to keep pins by sink, to share
//! them between its streams and across restarts; a session proposes them and tells which are over.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    kind::Kind,
    version::{ResourceVersion, Revision},
    wire::Entry,
};

/// One resource that a sink is kept on.
#[derive(Clone, Debug, PartialEq)]
pub struct Pin {
    /// Of the resource.
    pub kind: Kind,
    /// As clients know it.
    pub name: Arc<str>,
    /// What was refused. While it is served, the sink is not sent it again.
    pub refused: ResourceVersion,
    /// The state in which it was served: older ones say nothing of whether the pin still holds.
    pub revision: Revision,
    /// What goes in its place: what the sink took last. Nothing, where it never took any.
    pub good: Option<Entry>,
}

impl Pin {
    /// Which resource, in which refused version.
    #[must_use]
    pub fn id(&self) -> PinId {
        PinId { kind: self.kind, name: self.name.clone(), refused: self.refused.clone() }
    }
}

/// Tells pins of one sink apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PinId {
    /// Of the resource.
    pub kind: Kind,
    /// As clients know it.
    pub name: Arc<str>,
    /// What was refused.
    pub refused: ResourceVersion,
}

/// The pins of one kind, by name.
pub type PinsOfKind = BTreeMap<Arc<str>, Pin>;

/// The pins of one sink. Cloning shares them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pins(BTreeMap<Kind, Arc<PinsOfKind>>);

impl Pins {
    /// In the place of another pin of the resource, where there is one.
    pub fn insert(&mut self, pin: Pin) {
        Arc::make_mut(self.0.entry(pin.kind).or_default()).insert(pin.name.clone(), pin);
    }

    /// Takes the pin of this name away.
    pub fn remove(&mut self, kind: Kind, name: &str) -> Option<Pin> {
        let of_kind = self.0.get_mut(&kind)?;
        let pin = Arc::make_mut(of_kind).remove(name);
        if of_kind.is_empty() {
            self.0.remove(&kind);
        }
        pin
    }

    /// The pin of this name.
    #[must_use]
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Pin> {
        self.0.get(&kind)?.get(name)
    }

    /// Those of one kind; none where there are none.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Option<&Arc<PinsOfKind>> {
        self.0.get(&kind)
    }

    /// All, by kind and name.
    pub fn iter(&self) -> impl Iterator<Item = &Pin> {
        self.0.values().flat_map(|of_kind| of_kind.values())
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.values().map(|of_kind| of_kind.len()).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Pin> for Pins {
    fn from_iter<I: IntoIterator<Item = Pin>>(pins: I) -> Self {
        let mut all = Self::default();
        pins.into_iter().for_each(|pin| all.insert(pin));
        all
    }
}
