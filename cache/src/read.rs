//! What of a snapshot is read by others than sessions: one resource or many, in order, from anywhere on, with what the
//! layers say of it.

use std::{iter, sync::Arc};

use mainsheet_api::{key::Key, kind::Kind, resource::SourceName, wire::Entry};

use crate::{
    chunk::Item,
    partition::{Partition, PartitionKey},
    snapshot::{Held, Snapshot},
};

/// What a layer holds, with its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldEntry {
    /// What is known of it.
    pub held: Arc<Held>,
    /// Its bytes.
    pub entry: Entry,
}

impl HeldEntry {
    pub(crate) fn of(item: &Item) -> Self {
        Self { held: item.held.clone(), entry: item.entry() }
    }
}

impl Snapshot {
    /// The kinds of which anything is served, in order.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.all_kinds().filter(|kind| self.count(*kind) > 0)
    }

    /// What is served under a wire name.
    pub fn find(&self, kind: Kind, wire_name: &str) -> Option<HeldEntry> {
        self.of_kind(kind).find(wire_name).map(|(_, item)| HeldEntry::of(item))
    }

    /// What a source says of a key, served or not.
    pub fn find_in(&self, source: &SourceName, key: &Key) -> Option<HeldEntry> {
        let held = self.held(source, key)?;
        let wire_name = key.wire_name();
        let is_it = |item: &Item| item.held.source == *source && item.held.key == *key;
        let served = self.of_kind(key.kind).find(&wire_name).map(|(_, item)| item);
        let losers =
            self.state(key.kind).contests.get(&*wire_name).map_or(&[][..], |contest| &contest.losers);
        let mut items = served.into_iter().chain(losers.iter().map(|loser| &loser.item));
        Some(items.find(|item| is_it(item)).map(HeldEntry::of).unwrap_or_else(|| {
            // What is neither served nor hidden is an absence, which has no bytes.
            let entry = Entry { version: held.version.clone(), ..Entry::absence(wire_name) };
            HeldEntry { held, entry }
        }))
    }

    /// What a source's layer holds from behind a key on, in order of keys.
    pub fn held_after<'a>(
        &'a self,
        source: &SourceName,
        after: Option<&Key>,
    ) -> Box<dyn Iterator<Item = &'a Arc<Held>> + 'a> {
        match (self.layers.get(source), after) {
            (None, _) => Box::new(iter::empty()),
            (Some(layer), None) => Box::new(layer.iter()),
            (Some(layer), Some(after)) => Box::new(layer.after(after)),
        }
    }

    /// What the winner of a wire name hides: what weaker sources, and other keys, say of it, the strongest first.
    pub fn hidden(&self, kind: Kind, wire_name: &str) -> Vec<HeldEntry> {
        let contest = self.state(kind).contests.get(wire_name);
        let losers = contest.map_or(&[][..], |contest| &contest.losers);
        losers.iter().map(|loser| HeldEntry::of(&loser.item)).collect()
    }

    /// What is served of a kind, in order of namespaces, then names; from behind this place (namespace, wire name) on.
    pub fn served_after<'a>(
        &'a self,
        kind: Kind,
        after: Option<(&str, &str)>,
    ) -> impl Iterator<Item = HeldEntry> + use<'a> {
        let mut place = after.map(|(namespace, name)| (namespace.to_owned(), name.to_owned()));
        let from = after.map_or("", |(namespace, _)| namespace);
        let mut partitions = self.of_kind(kind).partitions_from(from).peekable();
        let namespaces = iter::from_fn(move || {
            let (PartitionKey { namespace, .. }, first) = partitions.next()?;
            let mut all = vec![&**first];
            while let Some((_, more)) = partitions.next_if(|(key, _)| key.namespace == *namespace) {
                all.push(more);
            }
            let begun = place.take().filter(|(begun, _)| **begun == **namespace);
            Some(in_order(all, begun.as_ref().map(|(_, name)| &**name)))
        });
        namespaces.flatten().map(HeldEntry::of)
    }
}

/// The items of a namespace's partitions, of which there is mostly one, from behind a name on.
fn in_order<'a>(
    partitions: Vec<&'a Partition>,
    after: Option<&str>,
) -> Box<dyn Iterator<Item = &'a Item> + 'a> {
    if let [partition] = partitions[..] {
        return Box::new(partition.items_after(after));
    }
    let mut items: Vec<_> =
        partitions.into_iter().flat_map(|partition| partition.items_after(after)).collect();
    items.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Box::new(items.into_iter())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mainsheet_api::version::Revision;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        fold::fold,
        testing::{self, KINDS, any_commits, empty, key, put, source},
    };

    type Place = (String, String);

    fn place(found: &HeldEntry) -> Place {
        (found.held.key.namespace.to_string(), found.entry.name.to_string())
    }

    #[test]
    fn what_is_hidden_is_found_in_its_layer_with_its_bytes() {
        let of = |name| put(name, key(Kind::CLUSTER, "a", "x"), if name == "hold" { 1 } else { 2 }, 9);
        let snapshot = fold(&empty(), Revision(1), ["hold", "files", "kube"].map(of));
        let served = snapshot.find(Kind::CLUSTER, "x").unwrap();
        let hidden = snapshot.hidden(Kind::CLUSTER, "x");
        let sources = hidden.iter().map(|found| found.held.source.to_string());
        assert_eq!(
            (&*served.held.source.0, sources.collect::<Vec<_>>()),
            ("hold", vec!["files".into(), "kube".into()])
        );
        let in_kube = snapshot.find_in(&source("kube"), &key(Kind::CLUSTER, "a", "x")).unwrap();
        assert_eq!(in_kube, hidden[1]);
        assert!(in_kube.entry.any != served.entry.any && !in_kube.entry.any.is_empty());
        assert_eq!(snapshot.find_in(&source("kube"), &key(Kind::CLUSTER, "b", "x")), None);
    }

    proptest! {
        #[test]
        fn reading_from_anywhere_on_is_the_rest_of_all_in_order(
            commits in any_commits(),
            (namespace, name) in (prop::sample::select(&testing::NAMESPACES), "n[0-9]{0,2}"),
        ) {
            let mut model = testing::Model::default();
            let mut snapshot = empty();
            for changes in commits {
                let (revision, changes) = model.commit(changes);
                snapshot = fold(&snapshot, revision, changes);
            }
            for kind in *KINDS {
                let all: Vec<_> = snapshot.served_after(kind, None).collect();
                let by_place: BTreeMap<Place, &HeldEntry> = all.iter().map(|found| (place(found), found)).collect();
                prop_assert!(by_place.values().copied().eq(&all), "in order, each once");
                prop_assert_eq!(all.len(), snapshot.count(kind));
                let name = Key::new(kind, namespace, &*name).wire_name();
                let bound = (namespace.to_owned(), name.clone());
                let rest: Vec<_> = snapshot.served_after(kind, Some((namespace, &name))).collect();
                let wanted = all.iter().filter(|found| place(found) > bound);
                prop_assert!(wanted.eq(&rest));
                for found in &all {
                    let by_name = snapshot.find(kind, &found.entry.name);
                    prop_assert_eq!(by_name.as_ref(), Some(found));
                    let in_layer = snapshot.find_in(&found.held.source, &found.held.key);
                    prop_assert_eq!(in_layer.as_ref(), Some(found));
                }
            }
        }
    }
}
