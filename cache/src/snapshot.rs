//! One immutable state of everything that is served.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, LazyLock,
        atomic::{self, AtomicU64},
    },
};

use imbl::OrdMap;
use mainsheet_api::{
    change::Change,
    key::Key,
    kind::Kind,
    resource::{Provenance, SourceName, Terms},
    time::Timestamp,
    verdict::Finding,
    version::{ResourceVersion, Revision, VersionSum},
    view::{Audience, View},
    wire::Entry,
    xds::catalog::{Catalog, Difference, Shared},
};

use crate::{
    chunk::Item,
    diff,
    fold::{Contest, Precedence, fold},
    layer::Layer,
    served::Served,
};

/// What is known of one record beside its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Whose layer it is in.
    pub source: SourceName,
    /// Its identity.
    pub key: Key,
    /// Of its content.
    pub version: ResourceVersion,
    /// Which sinks it is meant for.
    pub audience: Audience,
    /// When (source, key) was first committed.
    pub created: Timestamp,
    /// Where it came from.
    pub provenance: Provenance,
    /// What validation remarked.
    pub warnings: Vec<Finding>,
    /// On what terms it is kept.
    pub terms: Terms,
    /// The revision that put it.
    pub changed: Revision,
}

/// One immutable state. Its identity is its revision.
pub struct Snapshot {
    pub(crate) revision: Revision,
    /// When its commit was begun; none where the store was loaded whole.
    pub(crate) committed: Option<Timestamp>,
    /// Of every kind that is known, and of those others of which anything was ever there.
    pub(crate) kinds: BTreeMap<Kind, KindState>,
    pub(crate) layers: Layers,
    pub(crate) precedence: Arc<Precedence>,
    /// The revision of the oldest snapshot in the history, which grows under this snapshot's feet.
    pub(crate) oldest_kept: Arc<AtomicU64>,
}

/// One kind: what is served, and what several layers say. Both are shared where they stay the same.
#[derive(Clone, Debug)]
pub(crate) struct KindState {
    pub(crate) served: Arc<Served>,
    /// Of the names that several layers hold, or that an absence hides.
    pub(crate) contests: OrdMap<Arc<str>, Arc<Contest>>,
}

impl KindState {
    pub(crate) fn nothing(kind: Kind) -> Self {
        Self { served: Arc::new(Served::nothing(kind)), contests: OrdMap::new() }
    }
}

/// Of a kind of which nothing was ever there: whichever it is, there is nothing to see.
static NOTHING: LazyLock<KindState> = LazyLock::new(|| KindState::nothing(Kind::MESH_CONFIG));

/// What each source holds. Never an empty layer.
pub(crate) type Layers = OrdMap<SourceName, Layer>;

impl Snapshot {
    /// The state before the first commit. Sources from the strongest to the weakest, as in
    /// [`CacheOptions`](crate::CacheOptions).
    #[must_use]
    pub fn nothing(precedence: Vec<SourceName>) -> Self {
        Self::empty(Precedence(precedence))
    }

    pub(crate) fn empty(precedence: Precedence) -> Self {
        let kinds = Kind::all().map(|kind| (kind, KindState::nothing(kind)));
        Self {
            revision: Revision::ZERO,
            committed: None,
            kinds: kinds.collect(),
            layers: Layers::new(),
            precedence: Arc::new(precedence),
            oldest_kept: Arc::default(),
        }
    }

    /// Its identity.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The sources that hold anything, by name.
    pub fn sources(&self) -> impl Iterator<Item = &SourceName> {
        self.layers.keys()
    }

    /// What a source holds; nothing where it is not known.
    pub fn layer(&self, source: &SourceName) -> Layer {
        self.layers.get(source).cloned().unwrap_or_default()
    }

    /// What a source says of a key.
    pub fn held(&self, source: &SourceName, key: &Key) -> Option<Arc<Held>> {
        self.layers.get(source)?.get(key).cloned()
    }

    /// What is served under a wire name, whoever may see it: the winner among the layers.
    pub fn served(&self, kind: Kind, wire_name: &str) -> Option<Arc<Held>> {
        self.of_kind(kind).find(wire_name).map(|(_, item)| item.held.clone())
    }

    /// Everything that is served, by kind.
    pub fn all_served(&self) -> impl Iterator<Item = &Arc<Held>> {
        let partitions = self.kinds.values().flat_map(|state| state.served.partitions.values());
        let chunks = partitions.flat_map(|partition| &partition.chunks);
        chunks.flat_map(|chunk| chunk.items.iter().map(|item| &item.held))
    }

    /// Keys that several layers hold, each with its layers, the winner first.
    pub fn clashes(&self) -> Vec<(Key, Vec<SourceName>)> {
        let sources = |all: Vec<Arc<Held>>| all.iter().map(|held| held.source.clone()).collect();
        self.contests().map(|all| (all[0].key.clone(), sources(all))).collect()
    }

    /// Whether both have the same contests, and share them; false where they would have to be compared.
    pub fn shares_contests_with(&self, other: &Self) -> bool {
        let mut kinds = self.kinds.keys().chain(other.kinds.keys());
        kinds.all(|kind| {
            let (one, other) = (&self.state(*kind).contests, &other.state(*kind).contests);
            one.ptr_eq(other) || one.is_empty() && other.is_empty()
        })
    }

    /// All that is said of each wire name of which several layers say something, the winner first. The keys differ where
    /// two namespaces contest a name of Envoy's, or two scopes an Istio one.
    pub fn contests(&self) -> impl Iterator<Item = Vec<Arc<Held>>> {
        let contests = self.kinds.values().flat_map(|state| state.contests.values());
        contests.filter(|contest| !contest.losers.is_empty()).map(|contest| {
            let losers = contest.losers.iter().map(|loser| &loser.item.held);
            std::iter::once(&contest.winner).chain(losers).cloned().collect()
        })
    }

    /// All that is said of a wire name, the strongest first: the winner, then what it hides.
    pub fn contestants(&self, kind: Kind, wire_name: &str) -> Vec<Arc<Held>> {
        let state = self.state(kind);
        match state.contests.get(wire_name) {
            Some(contest) => {
                let losers = contest.losers.iter().map(|loser| &loser.item.held);
                std::iter::once(&contest.winner).chain(losers).cloned().collect()
            }
            None => self.served(kind, wire_name).into_iter().collect(),
        }
    }

    /// The state that these changes would lead to, made as this revision: what the follower publishes once they are
    /// committed.
    #[must_use]
    pub fn with_changes(&self, revision: Revision, changes: impl IntoIterator<Item = Change>) -> Self {
        fold(self, revision, changes)
    }

    /// The kinds that are known, then those others of which anything was there, by type URL.
    pub fn all_kinds(&self) -> impl Iterator<Item = Kind> {
        self.kinds.keys().copied()
    }

    /// The version of all that is served of a kind.
    pub fn version(&self, kind: Kind) -> VersionSum {
        self.of_kind(kind).version(&View::everything())
    }

    /// How many entries of a kind are served.
    pub fn count(&self, kind: Kind) -> usize {
        self.of_kind(kind).len
    }

    pub(crate) fn of_kind(&self, kind: Kind) -> &Arc<Served> {
        &self.state(kind).served
    }

    pub(crate) fn state(&self, kind: Kind) -> &KindState {
        self.kinds.get(&kind).unwrap_or(&NOTHING)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let served: usize = self.kinds.values().map(|state| state.served.len).sum();
        f.debug_struct("Snapshot")
            .field("revision", &self.revision)
            .field("served", &served)
            .finish_non_exhaustive()
    }
}

/// A snapshot as sessions read it. Cloning shares it.
#[derive(Clone, Debug)]
pub struct SnapshotCatalog(pub Arc<Snapshot>);

impl Catalog for SnapshotCatalog {
    fn revision(&self) -> Revision {
        self.0.revision
    }

    fn committed(&self) -> Option<Timestamp> {
        self.0.committed
    }

    fn version(&self, kind: Kind, view: &View) -> VersionSum {
        self.0.of_kind(kind).version(view)
    }

    fn full(&self, kind: Kind, view: &View) -> Shared {
        Shared::clone(&self.0.of_kind(kind).full(view))
    }

    fn get(&self, kind: Kind, view: &View, name: &str) -> Option<Entry> {
        let (place, item) = self.0.of_kind(kind).find(name)?;
        view.sees(&item.held.key, &place.audience).then(|| item.entry())
    }

    fn for_each(&self, kind: Kind, view: &View, visit: &mut dyn FnMut(Entry)) {
        for (_, seen) in self.0.of_kind(kind).visible(view) {
            seen.items().map(Item::entry).for_each(&mut *visit);
        }
    }

    fn timed(&self, kind: Kind, view: &View) -> Option<Arc<Vec<Entry>>> {
        self.0.of_kind(kind).timed(view)
    }

    fn difference(&self, kind: Kind, view: &View, from: Option<(&Self, &View)>) -> Arc<Difference> {
        let to = self.0.of_kind(kind);
        let from = from.map(|(catalog, seen)| (catalog.0.of_kind(kind), seen));
        match from {
            Some((served, seen)) if Arc::ptr_eq(served, to) && seen == view => Arc::default(),
            _ => diff::step(from.map(|(served, seen)| (&**served, seen)), (to, view)),
        }
    }

    fn is_outdated(&self) -> bool {
        self.0.revision.0 < self.0.oldest_kept.load(atomic::Ordering::Relaxed)
    }
}
