//! Both halves of the protocol against each other, on real snapshots: whatever happens, the client comes to hold what
//! it may see, and is sent nothing twice.

use std::{collections::BTreeMap, sync::Arc};

use mainsheet_api::{
    change::Change,
    key::Key,
    kind::Kind,
    resource::{Provenance, Record, SourceName, Terms},
    time::Timestamp,
    version::Revision,
    view::Audience,
    wire::Entry,
    xds::{
        Variant,
        catalog::Catalog,
        testing::{Edit, World, calm_schedules, moves, resource, run, run_moves, run_named, schedules},
    },
};
use mainsheet_cache::{
    Cache, CacheOptions,
    snapshot::SnapshotCatalog,
    store::{MemoryStore, SharedStore},
};
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use crate::stores::{commit, source};

/// A store, a cache before it, and the runtime in which the cache follows.
struct CachedWorld {
    runtime: Runtime,
    store: SharedStore,
    cache: Cache,
    /// Whose layer holds a key.
    layers: BTreeMap<Key, SourceName>,
    commits: usize,
    history_len_max: usize,
}

impl CachedWorld {
    fn with_history(history_len_max: usize) -> Self {
        let runtime = Builder::new_current_thread().build().unwrap();
        let store: SharedStore = Arc::new(MemoryStore::default());
        let cache = open(&runtime, &store, history_len_max);
        Self { runtime, store, cache, layers: BTreeMap::new(), commits: 0, history_len_max }
    }

    /// An edit as changes: keys wander from layer to layer, and what the weaker one held goes.
    fn changes(&mut self, edit: &Edit) -> Vec<Change> {
        let (key, resource) = edit;
        let layer = source(["files", "kube"][self.commits % 2]);
        let before = match resource {
            Some(_) => self.layers.insert(key.clone(), layer.clone()),
            None => self.layers.remove(key),
        };
        // What goes, goes from its layer, or an absence hides it.
        let is_hidden = resource.is_none() && self.commits.is_multiple_of(3) && before.is_some();
        if is_hidden {
            self.layers.extend(before.map(|layer| (key.clone(), layer)));
            return vec![put(source("hold"), key, Entry::absence(key.wire_name()))];
        }
        let left = before.filter(|before| resource.is_none() || *before != layer);
        let left = left.into_iter().chain([source("hold")]);
        let left = left.map(|source| Change::Remove { source, key: key.clone() });
        let put = resource.as_ref().map(|it| put(layer, key, Entry::encode(it, Timestamp::default())));
        left.chain(put).collect()
    }
}

fn open(runtime: &Runtime, store: &SharedStore, history_len_max: usize) -> Cache {
    let options =
        CacheOptions { precedence: vec![source("hold"), source("kube"), source("files")], history_len_max };
    let (cache, follower) = runtime.block_on(Cache::open(store.clone(), options)).unwrap();
    runtime.spawn(follower.run());
    cache
}

fn put(source: SourceName, key: &Key, entry: Entry) -> Change {
    Change::Put(Arc::new(Record {
        source,
        key: key.clone(),
        entry,
        audience: Audience::everyone(),
        created: Timestamp::default(),
        provenance: Provenance::default(),
        warnings: Vec::new(),
        terms: Terms::default(),
    }))
}

impl World for CachedWorld {
    type Catalog = SnapshotCatalog;

    /// With no edits, the server restarts.
    fn commit(&mut self, edits: &[Edit]) -> SnapshotCatalog {
        if edits.is_empty() {
            self.cache = open(&self.runtime, &self.store, self.history_len_max);
            return self.cache.snapshot();
        }
        let mut changes: Vec<Change> = edits.iter().flat_map(|edit| self.changes(edit)).collect();
        // Each commit changes something that nobody may see, too.
        let hidden = Key::new(Kind::VIRTUAL_SERVICE, "hidden", "x");
        let body = resource(hidden.clone(), &self.commits.to_string());
        changes.push(put(source("files"), &hidden, Entry::encode(&body, Timestamp::default())));
        self.commits += 1;
        let mut news = self.cache.subscribe();
        self.runtime.block_on(async {
            let base: Revision = *self.store.head().borrow();
            let revision = self.cache.commit(commit(base, changes)).await.unwrap();
            news.wait_for(|catalog| catalog.revision() == revision).await.unwrap().clone()
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn client_of_real_snapshots_comes_to_hold_what_it_may_see_and_asked_for(schedule in schedules()) {
        run(CachedWorld::with_history(2), &schedule);
    }

    /// rules 21, 65
    #[test]
    fn client_of_real_snapshots_that_names_what_it_refuses_comes_to_hold_the_rest(schedule in calm_schedules()) {
        run_named(CachedWorld::with_history(1000), &schedule);
    }

    /// rules 77, 79
    #[test]
    fn client_of_real_snapshots_never_holds_a_reference_to_what_it_does_not_hold(moves in moves()) {
        let history_len_max = if moves.variant == Variant::Sotw { 1000 } else { 2 };
        run_moves(CachedWorld::with_history(history_len_max), &moves);
    }
}
