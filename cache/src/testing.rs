//! Records, commits and views for the tests of the fold.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use bytes::{Bytes, BytesMut};
use mainsheet_api::{
    change::Change,
    key::Key,
    kind::Kind,
    node::Node,
    resource::{Provenance, Record, Resource, SourceName, Terms},
    time::Timestamp,
    version::{ResourceVersion, Revision},
    view::{Audience, Grant, Kinds, Names, Namespaces, View},
    wire::{Any, Entry},
    xds::catalog::Catalog,
};
use proptest::prelude::*;

use crate::{
    fold::Precedence,
    snapshot::{Snapshot, SnapshotCatalog},
    store::{State, Stored},
};

/// One of each family.
pub(crate) static KINDS: LazyLock<[Kind; 3]> = LazyLock::new(|| {
    let opaque = Kind::opaque("example.com/v1/Widget").expect("one kind of the few in this process");
    [Kind::VIRTUAL_SERVICE, Kind::CLUSTER, opaque]
});
pub(crate) const NAMESPACES: [&str; 4] = ["a", "b", "c", "d"];
const AUDIENCES: [&str; 2] = ["revision=canary", "sinks=REGION=east"];
const SOURCES: [&str; 4] = ["hold", "files", "kube", "other"];

pub(crate) fn source(name: &str) -> SourceName {
    SourceName(name.into())
}

/// The last two of the sources are not named in it.
pub(crate) fn precedence() -> Precedence {
    Precedence(vec![source("hold"), source("files")])
}

pub(crate) fn empty() -> Snapshot {
    Snapshot::empty(precedence())
}

pub(crate) fn key(kind: Kind, namespace: &str, name: &str) -> Key {
    Key::new(kind, namespace, name)
}

/// A record whose body is made of `seed`, `len` bytes long.
pub(crate) fn record(source_name: &str, key: Key, seed: u8, len: usize) -> Record {
    let resource = Resource {
        key: key.clone(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        body: Any { type_url: "type.googleapis.com/x".into(), value: vec![seed; len].into() },
        upstream_version: None,
    };
    Record {
        source: source(source_name),
        key,
        entry: Entry::encode(&resource, Timestamp(0)),
        audience: Audience::everyone(),
        created: Timestamp(0),
        provenance: Provenance::default(),
        warnings: Vec::new(),
        terms: Terms::default(),
    }
}

pub(crate) fn put(source_name: &str, key: Key, seed: u8, len: usize) -> Change {
    Change::Put(Arc::new(record(source_name, key, seed, len)))
}

pub(crate) fn remove(source_name: &str, key: Key) -> Change {
    Change::Remove { source: source(source_name), key }
}

/// Everything that a store would hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    revision: Revision,
    records: BTreeMap<(Key, SourceName), Stored>,
}

impl Model {
    /// Makes the changes, and gives those that a store would let through: one for each (source, key).
    pub(crate) fn commit(&mut self, changes: Vec<Change>) -> (Revision, Vec<Change>) {
        let changes: BTreeMap<_, _> = changes
            .into_iter()
            .map(|change| ((change.key().clone(), change.source().clone()), change))
            .collect();
        self.revision = self.revision.next();
        for (at, change) in &changes {
            match change {
                Change::Put(record) => {
                    let stored = Stored { changed: self.revision, record: record.clone() };
                    self.records.insert(at.clone(), stored)
                }
                Change::Remove { .. } => self.records.remove(at),
            };
        }
        (self.revision, changes.into_values().collect())
    }

    pub(crate) fn state(&self) -> State {
        State { revision: self.revision, records: self.records.values().cloned().collect() }
    }

    /// What a view should see, worked out the long way.
    pub(crate) fn visible(&self, kind: Kind, view: &View) -> Vec<Entry> {
        let strength = |record: &Record| {
            let rank = precedence().0.iter().position(|name| *name == record.source).unwrap_or(usize::MAX);
            (rank, record.source.clone(), record.key.clone())
        };
        let mut winners: BTreeMap<String, &Record> = BTreeMap::new();
        for record in
            self.records.values().map(|stored| &*stored.record).filter(|record| record.key.kind == kind)
        {
            let winner = winners.entry(record.key.wire_name()).or_insert(record);
            if strength(record) < strength(winner) {
                *winner = record;
            }
        }
        let mut seen: Vec<&Record> = winners
            .into_values()
            .filter(|it| !it.entry.is_absence() && view.sees(&it.key, &it.audience))
            .collect();
        seen.sort_by_key(|it| (it.key.namespace.clone(), it.audience.clone(), it.entry.name.clone()));
        seen.into_iter().map(|record| record.entry.clone()).collect()
    }
}

/// What a catalog shows.
pub(crate) fn shown(catalog: &SnapshotCatalog, kind: Kind, view: &View) -> Vec<Entry> {
    let mut entries = Vec::new();
    catalog.for_each(kind, view, &mut |entry| entries.push(entry));
    entries
}

/// The bytes of a full answer in one piece.
pub(crate) fn full_bytes(catalog: &SnapshotCatalog, kind: Kind, view: &View) -> Bytes {
    let full = catalog.full(kind, view);
    let mut bytes = BytesMut::new();
    full.pieces.iter().for_each(|piece| bytes.extend_from_slice(piece));
    assert_eq!(bytes.len(), full.len);
    bytes.freeze()
}

/// Large enough for a partition of several chunks to come about.
fn any_len() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 0..200usize, 2 => 5_000..20_000usize, 1 => 50_000..80_000usize]
}

fn any_key() -> impl Strategy<Value = Key> {
    let scope = prop_oneof![4 => Just(""), 1 => Just("east")];
    (prop::sample::select(&KINDS[..]), prop::sample::select(&NAMESPACES), 0..24u8, scope).prop_map(
        |(kind, namespace, name, scope)| Key {
            scope: scope.into(),
            ..key(kind, namespace, &format!("n{name}"))
        },
    )
}

fn any_change() -> impl Strategy<Value = Change> {
    let put = (prop::sample::select(&SOURCES), any_key(), 0..4u8, any_len(), 0..12u8, 0..3u32);
    prop_oneof![
        3 => put.prop_map(|(source_name, key, seed, len, rare, line)| {
            let mut record = record(source_name, key, seed, len);
            record.provenance.line = line;
            match rare {
                0 => record.audience = Audience::from_text(AUDIENCES[usize::from(seed) % 2]),
                1 => record.entry.version = ResourceVersion::new("upstream"),
                2 | 3 => record.entry = Entry::absence(record.entry.name),
                _ => {}
            }
            Change::Put(Arc::new(record))
        }),
        2 => (prop::sample::select(&SOURCES), any_key()).prop_map(|(source_name, key)| remove(source_name, key)),
    ]
}

pub(crate) fn any_commits() -> impl Strategy<Value = Vec<Vec<Change>>> {
    prop::collection::vec(prop::collection::vec(any_change(), 1..40), 1..12)
}

/// Of a person, or of a node that says something or nothing of what audiences depend on.
pub(crate) fn any_view() -> impl Strategy<Value = View> {
    let shown = prop_oneof![
        1 => Just(View::everything()),
        1 => Just(View::nothing()),
        2 => prop::sample::subsequence(&NAMESPACES[..], 0..=NAMESPACES.len()).prop_map(View::of_namespaces),
        4 => prop::collection::vec(any_grant(), 0..5).prop_map(View::of),
    ];
    let node = prop::option::of((0..3usize, 0..3usize));
    (shown, node).prop_map(|(view, said)| match said {
        Some((revision, region)) => view.for_node(node_of(revision, region)),
        None => view,
    })
}

fn any_grant() -> impl Strategy<Value = Grant> {
    let groups = KINDS.map(|kind| Kinds::Group(kind.info().group.into()));
    let kinds = prop_oneof![
        Just(Kinds::All),
        prop::sample::select(groups.to_vec()),
        prop::sample::select(KINDS.map(Kinds::One).to_vec()),
    ];
    let some = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect();
    let namespaces = prop_oneof![
        1 => Just(Namespaces::All),
        3 => prop::sample::subsequence(&NAMESPACES[..], 0..3).prop_map(move |names| Namespaces::Only(some(&names))),
    ];
    let numbers = prop::collection::btree_set(0..24u8, 0..12);
    let names = prop_oneof![
        1 => Just(Names::All),
        3 => numbers.prop_map(|numbers| Names::Only(numbers.iter().map(|it| format!("n{it}").into()).collect())),
    ];
    (kinds, namespaces, names).prop_map(|(kinds, namespaces, names)| Grant { kinds, namespaces, names })
}

fn node_of(revision: usize, region: usize) -> Arc<Node> {
    let said =
        [("ISTIO_REVISION", ["canary", "stable"].get(revision)), ("REGION", ["east", "west"].get(region))];
    let said = said.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.to_string())));
    Arc::new(Node { id: "me".into(), metadata: said.collect(), ..Node::default() })
}
