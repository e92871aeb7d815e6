//! Whose grants an edit may have changed.

use std::{collections::BTreeSet, sync::Arc};

use super::{Identity, document::Subject};

/// Users and groups. Whoever is neither of them, nor in one of them, may do what was allowed before, and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concerned {
    /// By name.
    pub users: BTreeSet<Arc<str>>,
    /// By name.
    pub groups: BTreeSet<Arc<str>>,
}

impl Concerned {
    /// Whether an identity is among them.
    #[must_use]
    pub fn covers(&self, identity: &Identity) -> bool {
        // Whoever may do everything goes on to.
        !identity.is_master()
            && (self.users.contains(identity.user())
                || identity.groups().any(|group| self.groups.contains(group)))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }

    pub(super) fn add<'s>(&mut self, subjects: impl IntoIterator<Item = &'s Subject>) {
        for subject in subjects {
            match subject {
                Subject::User(name) => self.users.insert(name.clone()),
                Subject::Group(name) => self.groups.insert(name.clone()),
            };
        }
    }
}
