//! What somebody is granted: kinds, namespaces and names, each as many as there may be.

use std::{collections::BTreeSet, sync::Arc};

use crate::kind::Kind;

/// Resources that are shown: of these kinds, in these namespaces, of these names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Of which kinds.
    pub kinds: Kinds,
    /// In which namespaces. What belongs to none is in the namespace `""`.
    pub namespaces: Namespaces,
    /// Of which names: of resources, as their authors write them, not as clients know them.
    pub names: Names,
}

/// A set of kinds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kinds {
    /// All that there are and will be.
    All,
    /// Those of an API group, those included that are yet to turn up.
    Group(Arc<str>),
    /// This one.
    One(Kind),
}

/// A set of namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// These.
    Only(BTreeSet<Arc<str>>),
    /// All that there are and will be.
    All,
}

/// A set of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// These.
    Only(BTreeSet<Arc<str>>),
    /// All that there are and will be.
    All,
}

impl Names {
    /// None.
    pub(super) const NONE: Self = Self::Only(BTreeSet::new());

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::Only(names) if names.is_empty())
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        match self {
            Self::Only(names) => names.contains(name),
            Self::All => true,
        }
    }

    pub(super) fn add(&mut self, more: &Self) {
        match (&mut *self, more) {
            (Self::Only(names), Self::Only(more)) => names.extend(more.iter().cloned()),
            (_, Self::All) => *self = Self::All,
            (Self::All, Self::Only(_)) => {}
        }
    }

    /// What tells them from other names, in pieces that no other names give.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Arc<str>> {
        let (all, names) = match self {
            Self::All => (Some(Arc::from("all")), None),
            Self::Only(names) => (None, Some(names)),
        };
        let counted = names.map(|names| Arc::from(names.len().to_string()));
        all.into_iter().chain(counted).chain(names.into_iter().flatten().cloned())
    }

    /// Those that `other` has, too.
    pub(super) fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, names) | (names, Self::All) => names.clone(),
            (Self::Only(one), Self::Only(other)) => Self::Only(one.intersection(other).cloned().collect()),
        }
    }

    /// Those that `other` lacks: none of all names, of which nobody can say what is left.
    pub(super) fn without(self, other: &Self) -> Self {
        match (self, other) {
            (_, Self::All) => Self::NONE,
            (Self::Only(names), Self::Only(other)) => {
                Self::Only(names.into_iter().filter(|name| !other.contains(name)).collect())
            }
            (Self::All, Self::Only(_)) => Self::All,
        }
    }
}
