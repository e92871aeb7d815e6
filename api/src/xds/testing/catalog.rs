//! The smallest catalog: a sorted map.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::BytesMut;

use super::model::{Edit, World};
use crate::{
    key::Key,
    kind::Kind,
    time::Timestamp,
    version::{ResourceVersion, Revision, VersionSum},
    view::{Audience, View},
    wire::{Entry, put_sotw_resource},
    xds::catalog::{Catalog, Difference, Shared},
};

/// Makes [`TinyCatalog`]s.
#[derive(Debug)]
pub struct TinyWorld {
    entries: BTreeMap<Key, Entry>,
    newest: Arc<AtomicU64>,
    history_len_max: u64,
}

impl TinyWorld {
    /// Catalogs are outdated when there are this many newer ones.
    #[must_use]
    pub fn with_history(history_len_max: u64) -> Self {
        Self { entries: BTreeMap::new(), newest: Arc::default(), history_len_max }
    }
}

impl Default for TinyWorld {
    /// Hardly any history, so that tests meet outdated catalogs.
    fn default() -> Self {
        Self::with_history(2)
    }
}

impl World for TinyWorld {
    type Catalog = TinyCatalog;

    fn commit(&mut self, edits: &[Edit]) -> TinyCatalog {
        for (key, resource) in edits {
            match resource {
                Some(resource) => {
                    self.entries.insert(key.clone(), Entry::encode(resource, Timestamp::default()));
                }
                None => {
                    self.entries.remove(key);
                }
            }
        }
        let revision = Revision(self.newest.fetch_add(1, Ordering::Relaxed) + 1);
        TinyCatalog {
            revision,
            entries: Arc::new(self.entries.clone()),
            newest: self.newest.clone(),
            history_len_max: self.history_len_max,
        }
    }
}

/// A sorted map of everything, cut into small pages, so that tests meet several.
#[derive(Clone, Debug)]
pub struct TinyCatalog {
    revision: Revision,
    entries: Arc<BTreeMap<Key, Entry>>,
    newest: Arc<AtomicU64>,
    history_len_max: u64,
}

impl TinyCatalog {
    fn seen<'a>(&'a self, kind: Kind, view: &'a View) -> impl Iterator<Item = &'a Entry> {
        let everyone = Audience::everyone();
        let shown = self.entries.iter().filter(move |(key, _)| key.kind == kind && view.sees(key, &everyone));
        shown.map(|(_, entry)| entry)
    }
}

impl Catalog for TinyCatalog {
    fn revision(&self) -> Revision {
        self.revision
    }

    fn version(&self, kind: Kind, view: &View) -> VersionSum {
        let sums = self.seen(kind, view).map(|entry| VersionSum::of_entry(&entry.name, &entry.version));
        sums.fold(VersionSum::EMPTY, VersionSum::plus)
    }

    fn full(&self, kind: Kind, view: &View) -> Shared {
        let mut shared = Shared::default();
        for entry in self.seen(kind, view) {
            let mut field = BytesMut::new();
            put_sotw_resource(&mut field, &entry.any);
            shared.len += field.len();
            shared.count += 1;
            shared.pieces.push(field.freeze());
        }
        shared
    }

    fn get(&self, kind: Kind, view: &View, name: &str) -> Option<Entry> {
        self.seen(kind, view).find(|entry| &*entry.name == name).cloned()
    }

    fn for_each(&self, kind: Kind, view: &View, visit: &mut dyn FnMut(Entry)) {
        self.seen(kind, view).cloned().for_each(visit);
    }

    fn difference(&self, kind: Kind, view: &View, from: Option<(&Self, &View)>) -> Arc<Difference> {
        let mut before: BTreeMap<Arc<str>, ResourceVersion> = BTreeMap::new();
        if let Some((from, from_view)) = from {
            before
                .extend(from.seen(kind, from_view).map(|entry| (entry.name.clone(), entry.version.clone())));
        }
        let mut changed = Vec::new();
        for entry in self.seen(kind, view) {
            if before.remove(&entry.name).as_ref() != Some(&entry.version) {
                changed.push(entry.clone());
            }
        }
        let removed = before.into_keys().collect();
        Arc::new(Difference::with_page_bytes(changed, removed, self.page_bytes_max()))
    }

    fn is_outdated(&self) -> bool {
        self.newest.load(Ordering::Relaxed) - self.revision.0 >= self.history_len_max
    }

    /// Two or three small entries.
    fn page_bytes_max(&self) -> usize {
        500
    }
}
