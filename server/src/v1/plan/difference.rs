//! How what is served differs between two states.

use std::collections::BTreeSet;

use mainsheet_api::{generated::mainsheet::v1 as pb, key::Key, kind::Kind};
use mainsheet_cache::{HeldEntry, snapshot::Snapshot};

use crate::v1::changes::{change, put_hidden};

/// What is served under one name before and after; at least one of them.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::v1) struct Difference {
    before: Option<HeldEntry>,
    after: Option<HeldEntry>,
    /// What weaker sources say of the name, before and after.
    hidden: [Vec<HeldEntry>; 2],
}

/// Names, by kind: what clients know resources by.
pub(super) type Names = BTreeSet<(Kind, String)>;

/// How what is served under these names differs in content.
pub(super) fn differences(before: &Snapshot, after: &Snapshot, names: &Names) -> Vec<Difference> {
    let difference = |(kind, name): &(Kind, String)| {
        let hidden = || [before, after].map(|state| state.hidden(*kind, name));
        let (found_before, found_after) = (before.find(*kind, name), after.find(*kind, name));
        let version = |of: &Option<HeldEntry>| {
            of.as_ref().map(|found| (found.held.key.clone(), found.held.version.clone()))
        };
        let differs = version(&found_before) != version(&found_after);
        differs.then(|| Difference { hidden: hidden(), before: found_before, after: found_after })
    };
    names.iter().filter_map(difference).collect()
}

impl Difference {
    /// Of what is served now, or was before.
    pub(super) fn key(&self) -> Option<&Key> {
        self.after.as_ref().or(self.before.as_ref()).map(|found| &found.held.key)
    }

    /// As it is answered.
    pub(in crate::v1) fn told(&self, form: pb::Form) -> pb::Change {
        let mut told = change((self.before.as_ref(), self.after.as_ref()), form);
        put_hidden(&mut told, self.hidden.each_ref().map(Vec::as_slice));
        told
    }
}
