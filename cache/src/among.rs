//! What some of the layers say of a kind, whatever the others do: what they hide, or are hidden by, does not count.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mainsheet_api::{key::Key, kind::Kind, resource::SourceName};

use crate::{
    read::HeldEntry,
    snapshot::{Held, Snapshot},
};

impl Snapshot {
    /// Whether both have the same of a kind in every layer, and share it; false where it would have to be compared.
    pub fn shares_kind_with(&self, other: &Self, kind: Kind) -> bool {
        let (one, other) = (self.state(kind), other.state(kind));
        let are_contests_same =
            one.contests.ptr_eq(&other.contests) || one.contests.is_empty() && other.contests.is_empty();
        Arc::ptr_eq(&one.served, &other.served) && are_contests_same
    }

    /// What the layer of a source holds of a kind, in order of keys.
    pub fn held_of_kind<'a>(
        &'a self,
        source: &SourceName,
        kind: Kind,
    ) -> impl Iterator<Item = &'a Arc<Held>> + use<'a> {
        let nothing: Arc<str> = Arc::from("");
        let first = Key { kind, namespace: nothing.clone(), name: nothing.clone(), scope: nothing };
        self.held_after(source, Some(&first)).take_while(move |held| held.key.kind == kind)
    }

    /// The wire names of a kind of which any of these sources says something else than in `before`.
    pub fn names_changed_among(
        &self,
        before: &Self,
        sources: &[SourceName],
        kind: Kind,
    ) -> BTreeSet<Arc<str>> {
        let mut changed = BTreeSet::new();
        for source in sources {
            let had: BTreeMap<&Key, &Arc<Held>> =
                before.held_of_kind(source, kind).map(|held| (&held.key, held)).collect();
            let has: BTreeMap<&Key, &Arc<Held>> =
                self.held_of_kind(source, kind).map(|held| (&held.key, held)).collect();
            let is_new = |(key, held): &(&&Key, &&Arc<Held>)| {
                had.get(*key).is_none_or(|before| !Arc::ptr_eq(before, held))
            };
            let gone = had.keys().filter(|key| !has.contains_key(*key));
            let keys = has.iter().filter(is_new).map(|(key, _)| key).chain(gone);
            changed.extend(keys.map(|key| Arc::from(key.wire_name())));
        }
        changed
    }

    /// What the strongest of these sources says under a wire name; none where it says that nothing is there.
    pub fn find_among(&self, sources: &[SourceName], kind: Kind, wire_name: &str) -> Option<HeldEntry> {
        let all = self.contestants(kind, wire_name);
        let strongest = all.iter().find(|held| sources.contains(&held.source))?;
        self.find_in(&strongest.source, &strongest.key).filter(|found| !found.entry.is_absence())
    }
}

#[cfg(test)]
mod tests {
    use mainsheet_api::version::Revision;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        fold::fold,
        testing::{KINDS, any_commits, empty, key, put, source},
    };

    #[test]
    fn what_hides_a_source_that_counts_does_not_count() {
        let of = |name, value| put(name, key(Kind::CLUSTER, "a", "x"), value, 9);
        let snapshot = fold(&empty(), Revision(1), [of("hold", 1), of("files", 2), of("kube", 3)]);
        let found = |names: &[&str]| {
            let sources: Vec<_> = names.iter().map(|name| source(name)).collect();
            snapshot.find_among(&sources, Kind::CLUSTER, "x").map(|found| found.held.source.to_string())
        };
        assert_eq!(found(&["kube"]).as_deref(), Some("kube"));
        assert_eq!(
            found(&["kube", "files"]).as_deref(),
            Some("files"),
            "by precedence, however they are named"
        );
        assert_eq!(found(&["other"]), None);
    }

    proptest! {
        #[test]
        fn names_that_changed_are_those_of_which_something_else_is_said(commits in any_commits()) {
            let mut snapshot = empty();
            let mut model = crate::testing::Model::default();
            for changes in commits {
                let (revision, changes) = model.commit(changes);
                let next = fold(&snapshot, revision, changes);
                let sources: Vec<_> = next.sources().chain(snapshot.sources()).take(1).cloned().collect();
                for kind in *KINDS {
                    let changed = next.names_changed_among(&snapshot, &sources, kind);
                    let names = [&snapshot, &next].map(|of| {
                        of.all_served().map(|held| held.key.wire_name()).collect::<BTreeSet<_>>()
                    });
                    for name in names.iter().flatten().filter(|name| !changed.contains(&***name)) {
                        prop_assert_eq!(
                            snapshot.find_among(&sources, kind, name),
                            next.find_among(&sources, kind, name)
                        );
                    }
                    prop_assert!(changed.is_empty() || !next.shares_kind_with(&snapshot, kind));
                }
                snapshot = next;
            }
        }
    }
}
