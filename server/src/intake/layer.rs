//! A source's own layer, looked up by key and by origin.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use mainsheet_api::{key::Key, kind::Kind};
use mainsheet_cache::snapshot::Held;

/// What a source's layer holds at one revision.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    by_key: HashMap<Key, Arc<Held>>,
    by_origin: HashMap<String, Vec<Key>>,
    len_of: HashMap<Kind, usize>,
}

impl Layer {
    pub(crate) fn of(held: impl IntoIterator<Item = Arc<Held>>) -> Self {
        let mut layer = Self::default();
        for held in held {
            *layer.len_of.entry(held.key.kind).or_default() += 1;
            match layer.by_origin.get_mut(&held.provenance.origin) {
                Some(keys) => keys.push(held.key.clone()),
                None => drop(layer.by_origin.insert(held.provenance.origin.clone(), vec![held.key.clone()])),
            }
            layer.by_key.insert(held.key.clone(), held);
        }
        layer
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Held>> {
        self.by_key.get(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Held>> {
        self.by_key.values()
    }

    /// Keys that came from an origin.
    pub(crate) fn keys_of(&self, origin: &str) -> &[Key] {
        self.by_origin.get(origin).map_or(&[], Vec::as_slice)
    }

    /// Namespaces of [`Layer::keys_of`].
    pub(crate) fn namespaces_of(&self, origin: &str) -> BTreeSet<Arc<str>> {
        self.keys_of(origin).iter().map(|key| Arc::clone(&key.namespace)).collect()
    }

    /// Resources of a kind.
    pub(crate) fn len_of(&self, kind: Kind) -> usize {
        self.len_of.get(&kind).copied().unwrap_or(0)
    }
}
