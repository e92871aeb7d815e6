//! A small catalog that changes, and what a client and a server say over it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mainsheet_api::{
    change::Change,
    key::Key,
    kind::{Family, Kind},
    lease::XDS_TTL,
    resource::{Lease, Provenance, Record, Resource, SourceName, Terms},
    time::Timestamp,
    verdict::{Finding, Position, Severity},
    view::{Audience, View},
    wire::{Any, Entry, Node, google::protobuf},
    xds::{
        Variant,
        client::{ClientSession, Wanted},
    },
};
use mainsheet_cache::snapshot::{Snapshot, SnapshotCatalog};
use prost::Message;

pub(super) const WORDS: &[&str] = &[
    "*",
    "networking.istio.io/v1/VirtualService",
    "networking.istio.io/v1/DestinationRule",
    "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    "type.googleapis.com/envoy.config.listener.v3.Listener",
    "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
    "type.googleapis.com/istio.mcp.v1alpha1.Resource",
    "example.com/v1/Widget",
    "a/one",
    "b/two",
    "a.one",
    "b.two",
    "1",
    "2",
    "3",
];

pub(super) const NOW: Timestamp = Timestamp(1_767_323_045_000);

/// Of every sort: sent whole or by name, Istio's, Envoy's and unknown.
pub(super) const KINDS: [Kind; 6] = [
    Kind::VIRTUAL_SERVICE,
    Kind::DESTINATION_RULE,
    Kind::CLUSTER,
    Kind::ENDPOINTS,
    Kind::LISTENER,
    Kind::ROUTES,
];

/// In which namespace something is can be told from its name, also of Envoy's.
pub(super) const NAMESPACES: [&str; 2] = ["a", "b"];

const NAMES: [&str; 2] = ["one", "two"];

/// Places for resources: kinds by namespaces by names.
pub(super) const SLOTS: u8 = 24;

fn key(slot: u8) -> Key {
    let slot = usize::from(slot % SLOTS);
    let (kind, namespace, name) = (KINDS[slot % 6], NAMESPACES[slot / 6 % 2], NAMES[slot / 12]);
    match kind.info().family {
        Family::Istio => Key::new(kind, namespace, name),
        Family::Envoy | Family::Opaque => Key::new(kind, namespace, format!("{namespace}.{name}")),
    }
}

/// Every kind's first field is a text: of Envoy's the name.
#[derive(Clone, PartialEq, Message)]
struct Body {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "1000")]
    value: String,
}

fn resource(slot: u8, value: u8) -> Resource {
    let key = key(slot);
    let body = Body { name: key.name.to_string(), value: value.to_string() };
    let annotations = match value {
        // Heartbeats keep it alive.
        3 => BTreeMap::from([(XDS_TTL.to_owned(), "30s".to_owned())]),
        _ => BTreeMap::new(),
    };
    let type_url = format!("type.googleapis.com/{}", key.kind.info().message);
    Resource {
        key,
        labels: BTreeMap::from([("app".to_owned(), "shop".to_owned())]),
        annotations,
        body: Any { type_url, value: body.encode_to_vec().into() },
        upstream_version: None,
    }
}

fn record(slot: u8, value: u8) -> Record {
    let resource = resource(slot, value);
    Record {
        source: SourceName(Arc::from("files")),
        entry: Entry::encode(&resource, NOW),
        key: resource.key,
        audience: Audience::everyone(),
        created: NOW,
        provenance: Provenance { origin: "mesh.yaml".to_owned(), line: 3 },
        warnings: Vec::new(),
        terms: Terms::default(),
    }
}

/// Records of every sort, with all that a record may have.
pub(super) fn records() -> Vec<Record> {
    let mut records: Vec<Record> = (0..6).map(|slot| record(slot, 1)).collect();
    records[0].warnings.push(Finding {
        code: "vs-no-route".to_owned(),
        severity: Severity::Warning,
        path: "spec.http[0]".to_owned(),
        position: Position { line: 4, column: 2 },
        reason: "no route".to_owned(),
        remedy: "write one".to_owned(),
    });
    let ttl = std::time::Duration::from_secs(600);
    records[1].terms = Terms { lease: Some(Lease::beginning(ttl, NOW)), set: Some("set".into()), over: None };
    records[2].key.scope = "cluster".into();
    records[3].entry = Entry::absence("gone");
    records
}

/// The state in which everything is there.
pub(super) fn full() -> Arc<Snapshot> {
    let nothing = Snapshot::nothing(Vec::new());
    let changes = (0..SLOTS).map(|slot| Change::Put(Arc::new(record(slot, 1))));
    Arc::new(nothing.with_changes(nothing.revision().next(), changes))
}

/// The next state: a number says what changes.
pub(super) fn next(before: &Snapshot, number: u8) -> Arc<Snapshot> {
    let (slot, value) = (number % SLOTS, number / SLOTS % 5);
    let record = record(slot, value);
    let change = match value {
        0 => Change::Remove { source: record.source, key: record.key },
        // A layer says that nothing is there.
        4 => Change::Put(Arc::new(Record { entry: Entry::absence(record.entry.name.clone()), ..record })),
        _ => Change::Put(Arc::new(record)),
    };
    Arc::new(before.with_changes(before.revision().next(), [change]))
}

/// A number says which namespaces are seen.
pub(super) fn view(number: u8) -> View {
    match number % 4 {
        0 => View::everything(),
        1 => View::nothing(),
        2 => View::of_namespaces([NAMESPACES[0]]),
        _ => View::of_namespaces([NAMESPACES[1]]),
    }
}

/// Whether a view shows the namespace that a resource's name tells.
pub(super) fn shows(view: &View, kind: Kind, name: &str) -> bool {
    let namespace = name.split(['/', '.']).next().unwrap_or_default();
    view.of_kind(kind).sees(namespace, name)
}

pub(super) fn catalog(snapshot: &Arc<Snapshot>) -> SnapshotCatalog {
    SnapshotCatalog(snapshot.clone())
}

/// A client that wants something of everything; an unknown kind, too.
pub(super) fn client(variant: Variant) -> ClientSession {
    let names =
        |names: &[&str]| Wanted::Names(names.iter().map(ToString::to_string).collect::<BTreeSet<_>>());
    let mut wanted: Vec<(Arc<str>, Wanted)> = Vec::new();
    for kind in KINDS {
        let what = match kind {
            Kind::ENDPOINTS => names(&["a.one", "b.two", "c.none"]),
            Kind::ROUTES => names(&["a.one"]),
            _ => Wanted::Everything,
        };
        wanted.push((kind.type_url().into(), what));
    }
    wanted.push(("example.com/v1/Widget".into(), Wanted::Everything));
    let text =
        |text: &str| protobuf::Value { kind: Some(protobuf::value::Kind::StringValue(text.to_owned())) };
    let metadata = protobuf::Struct { fields: [("NAMESPACE".to_owned(), text("shop"))].into() };
    let node = Node {
        id: "sidecar~10.0.0.1~v1.shop~shop.svc.cluster.local".to_owned(),
        metadata: Some(metadata),
        client_features: ["xds.config.supports-resource-ttl", "xds.config.resource-in-sotw"]
            .map(str::to_owned)
            .to_vec(),
        ..Node::default()
    };
    ClientSession::new(variant, node, wanted)
}
