//! What one source holds, by key and by where it came from.

use std::{borrow::Borrow, cmp::Ordering, ops::Bound, sync::Arc};

use imbl::{OrdMap, OrdSet, ordmap::DiffItem};
use mainsheet_api::{key::Key, kind::Kind, resource::Lease};

use crate::snapshot::Held;

/// What one source holds at one revision, also what another source hides. Cloning shares it, and a changed one shares
/// what stays the same: neither costs more where there is more.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    by_key: OrdSet<ByKey>,
    by_origin: OrdSet<ByOrigin>,
    /// Of what lives as long as it is renewed.
    leases: OrdMap<Key, Lease>,
}

impl Layer {
    /// What it says of a key.
    pub fn get(&self, key: &Key) -> Option<&Arc<Held>> {
        self.by_key.get(key).map(|ByKey(held)| held)
    }

    /// All that it holds, in order of keys.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Held>> {
        self.by_key.iter().map(|ByKey(held)| held)
    }

    /// What it holds from behind a key on, in order of keys.
    pub fn after<'a>(&'a self, key: &Key) -> impl Iterator<Item = &'a Arc<Held>> + use<'a> {
        let behind = (Bound::Excluded(key), Bound::Unbounded);
        self.by_key.range::<_, Key>(behind).map(|ByKey(held)| held)
    }

    /// What came from an origin, in order of keys.
    pub fn of_origin<'a>(&'a self, origin: &'a str) -> impl Iterator<Item = &'a Arc<Held>> {
        let first: &dyn Place = &Beginning(origin);
        let from_there =
            self.by_origin.range::<_, dyn Place + '_>((Bound::Included(first), Bound::Unbounded));
        from_there.map(|ByOrigin(held)| held).take_while(move |held| held.provenance.origin == origin)
    }

    /// How many resources of a kind it holds. Counts them.
    pub fn len_of(&self, kind: Kind) -> usize {
        self.iter().filter(|held| held.key.kind == kind).count()
    }

    /// How many resources it holds.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// What lives as long as it is renewed, in order of keys, with its lease as it was committed.
    pub fn leases(&self) -> impl Iterator<Item = (&Key, &Lease)> {
        self.leases.iter()
    }

    /// The leases that this layer has and an older state of it had not, or otherwise; `None` where one ended. Costs
    /// nothing where they are the same.
    pub fn leases_since<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = (&'a Key, Option<&'a Lease>)> {
        let is_same = self.leases.ptr_eq(&before.leases);
        let changes = (!is_same).then(|| before.leases.diff(&self.leases));
        changes.into_iter().flatten().map(|change| match change {
            DiffItem::Add(key, lease) => (key, Some(lease)),
            DiffItem::Update { new: (key, lease), .. } => (key, Some(lease)),
            DiffItem::Remove(key, _) => (key, None),
        })
    }

    pub(crate) fn insert(&mut self, held: Arc<Held>) {
        match held.terms.lease {
            Some(lease) => drop(self.leases.insert(held.key.clone(), lease)),
            None => drop(self.leases.remove(&held.key)),
        }
        self.by_origin.insert(ByOrigin(Arc::clone(&held)));
        if let Some(ByKey(before)) = self.by_key.insert(ByKey(Arc::clone(&held)))
            && before.provenance.origin != held.provenance.origin
        {
            self.by_origin.remove(&ByOrigin(before));
        }
    }

    pub(crate) fn remove(&mut self, key: &Key) -> Option<Arc<Held>> {
        let ByKey(before) = self.by_key.remove(key)?;
        self.leases.remove(key);
        self.by_origin.remove(&ByOrigin(Arc::clone(&before)));
        Some(before)
    }
}

impl FromIterator<Arc<Held>> for Layer {
    fn from_iter<I: IntoIterator<Item = Arc<Held>>>(held: I) -> Self {
        let mut layer = Self::default();
        held.into_iter().for_each(|held| layer.insert(held));
        layer
    }
}

/// Both sides of it hold the same.
impl PartialEq for Layer {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
            && self
                .by_origin
                .iter()
                .map(|ByOrigin(held)| held)
                .eq(other.by_origin.iter().map(|ByOrigin(held)| held))
    }
}

/// A [`Held`] as a member of a set by its key.
#[derive(Clone, Debug)]
struct ByKey(Arc<Held>);

impl Borrow<Key> for ByKey {
    fn borrow(&self) -> &Key {
        &self.0.key
    }
}

impl PartialEq for ByKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for ByKey {}

impl PartialOrd for ByKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key.cmp(&other.0.key)
    }
}

/// A [`Held`] as a member of a set by its origin and key.
#[derive(Clone, Debug)]
struct ByOrigin(Arc<Held>);

/// What members of the set by origin are compared by. A trait, so that a set can be asked for an origin without a
/// member that has it.
trait Place {
    /// The origin, and the key; none comes before every key.
    fn place(&self) -> (&str, Option<&Key>);
}

impl Place for ByOrigin {
    fn place(&self) -> (&str, Option<&Key>) {
        (&self.0.provenance.origin, Some(&self.0.key))
    }
}

/// Before all that came from an origin.
struct Beginning<'a>(&'a str);

impl Place for Beginning<'_> {
    fn place(&self) -> (&str, Option<&Key>) {
        (self.0, None)
    }
}

impl<'a> Borrow<dyn Place + 'a> for ByOrigin {
    fn borrow(&self) -> &(dyn Place + 'a) {
        self
    }
}

impl PartialEq for dyn Place + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for dyn Place + '_ {}

impl PartialOrd for dyn Place + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn Place + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialEq for ByOrigin {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for ByOrigin {}

impl PartialOrd for ByOrigin {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByOrigin {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use mainsheet_api::{
        resource::{Lease, Provenance, SourceName, Terms},
        time::Timestamp,
        version::{ResourceVersion, Revision},
    };
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const KINDS: [Kind; 2] = [Kind::VIRTUAL_SERVICE, Kind::CLUSTER];
    /// One begins another, one is empty.
    const ORIGINS: [&str; 4] = ["", "a", "a.yaml", "b.yaml"];

    /// Of two versions out of three.
    fn lease(version: u8) -> Option<Lease> {
        (version > 0).then(|| Lease::beginning(Duration::from_secs(60), Timestamp(u64::from(version))))
    }

    fn held((kind, name): (usize, u8), origin: usize, version: u8) -> Arc<Held> {
        Arc::new(Held {
            source: SourceName(Arc::from("files")),
            key: Key::new(KINDS[kind], "shop", format!("r{name}")),
            version: ResourceVersion::new(format!("{version}")),
            created: Timestamp(1),
            audience: mainsheet_api::view::Audience::everyone(),
            provenance: Provenance { origin: ORIGINS[origin].to_owned(), line: 1 },
            warnings: Vec::new(),
            terms: Terms { lease: lease(version), ..Terms::default() },
            changed: Revision(1),
        })
    }

    proptest! {
        #[test]
        fn carried_forward_it_is_what_is_made_anew(
            edits in vec(((0..2_usize, 0..8_u8), 0..4_usize, 0..3_u8, proptest::bool::weighted(0.7)), 0..80)
        ) {
            let mut layer = Layer::default();
            let mut model = BTreeMap::new();
            for (key, origin, version, is_put) in edits {
                let before = layer.clone();
                let held = held(key, origin, version);
                let key = held.key.clone();
                let unchanged = model.clone();
                if is_put {
                    layer.insert(Arc::clone(&held));
                    model.insert(key, held);
                } else {
                    prop_assert_eq!(layer.remove(&key), model.remove(&key));
                }
                prop_assert!(before == unchanged.values().cloned().collect(), "an older one stays as it is");
                prop_assert!(layer == model.values().cloned().collect());
                prop_assert_eq!(layer.iter().collect::<Vec<_>>(), model.values().collect::<Vec<_>>());
                let lease_of = |held: &Arc<Held>| Some((held.key.clone(), held.terms.lease?));
                let leases = |of: &BTreeMap<_, _>| of.values().filter_map(lease_of).collect::<BTreeMap<_, _>>();
                let (had, has) = (leases(&unchanged), leases(&model));
                prop_assert!(layer.leases().map(|(key, lease)| (key.clone(), *lease)).eq(has.clone()));
                let mut changed = had;
                for (key, lease) in layer.leases_since(&before) {
                    match lease {
                        Some(lease) => prop_assert_ne!(changed.insert(key.clone(), *lease), Some(*lease)),
                        None => prop_assert!(changed.remove(key).is_some()),
                    }
                }
                prop_assert_eq!(changed, has);
                prop_assert_eq!((layer.len(), layer.is_empty()), (model.len(), model.is_empty()));
                for origin in ORIGINS {
                    let of_origin = model.values().filter(|held| held.provenance.origin == origin);
                    prop_assert_eq!(layer.of_origin(origin).collect::<Vec<_>>(), of_origin.collect::<Vec<_>>());
                }
                for key in model.keys() {
                    let behind: Vec<_> = model.range((Bound::Excluded(key), Bound::Unbounded)).map(|(_, held)| held).collect();
                    prop_assert_eq!(layer.after(key).collect::<Vec<_>>(), behind);
                }
                for kind in KINDS {
                    let of_kind = model.keys().filter(|key| key.kind == kind).count();
                    prop_assert_eq!(layer.len_of(kind), of_kind);
                }
            }
        }
    }
}
