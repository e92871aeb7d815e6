//! Envoy's own resources, as Envoy itself reads them from a file.
//!
//! They have no metadata: the name is a field of each, and namespace and annotations are keys that begin with
//! `mainsheet.io/` and stand beside `@type`.

use std::collections::BTreeMap;

use envoy_types::pb::envoy::config::{
    cluster::v3::Cluster, endpoint::v3::ClusterLoadAssignment, listener::v3::Listener,
    route::v3::RouteConfiguration,
};
use prost::Message;

use super::{
    Content, Defaults, TYPE_URL_PREFIX,
    decoder::{Decoder, Form},
    descriptors,
    document::rejected,
    yaml::{Node, Pair, Value},
};
use crate::{
    key::Key,
    kind::{Family, Kind},
    resource::Resource,
    wire::Any,
};

/// Keys of ours in Envoy's documents.
const OURS: &str = "mainsheet.io/";

/// Which of our keys is the namespace; the others are annotations.
pub(super) const NAMESPACE: &str = "mainsheet.io/namespace";

/// Of a file that holds a response, these may stand beside `resources`; none of them counts here but our own.
const RESPONSE: [&str; 12] = [
    "resources",
    NAMESPACE,
    "@type",
    "version_info",
    "versionInfo",
    "type_url",
    "typeUrl",
    "nonce",
    "canary",
    "control_plane",
    "controlPlane",
    "resource_errors",
];

/// Whether a document is a `DiscoveryResponse`, as Envoy's file subscriptions read them.
pub(super) fn is_response(node: &Node<'_>) -> bool {
    let named = node.get("@type").and_then(Node::text).is_some_and(|url| url.ends_with(".DiscoveryResponse"));
    named || node.get("resources").is_some() && node.get("kind").is_none() && node.get("@type").is_none()
}

/// Reads each resource of a response as a document of its own.
pub(super) fn read_response(
    node: &Node<'_>,
    defaults: Defaults<'_>,
    push: &mut impl FnMut(&Node<'_>, Content),
) {
    let mut decoder = Decoder::of_list(Form::Envoy, node.position);
    let (mut namespace, mut items) = (defaults.namespace, &[][..]);
    decoder.known(node.pairs().unwrap_or_default(), &RESPONSE, |decoder, pair| {
        match (&*pair.key, &pair.value.value) {
            ("resources", Value::List(list)) => items = list,
            ("resources", _) => {
                decoder.wrong_type("a list", &pair.value, "begin each resource with `- \"@type\": `")
            }
            (NAMESPACE, _) => namespace = decoder.text(&pair.value).unwrap_or(namespace),
            _ => {}
        }
    });
    if !decoder.errors.is_empty() {
        return push(node, Content::Rejected { key: None, findings: decoder.errors });
    }
    for item in items {
        push(item, read(item, Defaults { namespace, ..defaults }));
    }
}

/// Reads a resource with `@type`.
pub(super) fn read(node: &Node<'_>, defaults: Defaults<'_>) -> Content {
    let Some(url) = node.get("@type").and_then(Node::text) else {
        let remedy = "write `\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster` or the like";
        return rejected(None, node.position, ["missing-type", "an Envoy resource needs `@type`", remedy]);
    };
    let name = url.strip_prefix(TYPE_URL_PREFIX).unwrap_or(url);
    if !name.starts_with("envoy.") {
        return Content::Ignored { what: url.to_owned() };
    }
    match Kind::of_message(name).filter(|kind| kind.info().family == Family::Envoy) {
        Some(kind) => resource(kind, node, defaults),
        None => {
            let reason = format!("`{name}` is not served");
            let remedy = match name.rsplit('.').next() {
                Some("Secret") => {
                    "secrets are refused until they are protected on their way; give Envoy files for them"
                }
                _ => "served are Cluster, ClusterLoadAssignment, Listener and RouteConfiguration of v3",
            };
            rejected(None, node.position, ["unserved-type", &reason, remedy])
        }
    }
}

fn resource(kind: Kind, node: &Node<'_>, defaults: Defaults<'_>) -> Content {
    let mut decoder = Decoder::new(Form::Envoy, node.position, defaults.unknown_fields);
    let (mut namespace, mut annotations) = (defaults.namespace, BTreeMap::new());
    let (ours, fields): (Vec<_>, Vec<_>) =
        node.pairs().unwrap_or_default().iter().partition(|pair| pair.key.starts_with(OURS));
    let namespace_node = ours.iter().find(|pair| pair.key == NAMESPACE);
    decoder.entries(ours.iter().copied(), |decoder, pair| {
        if let Some(text) = decoder.text(&pair.value).filter(|_| pair.key != NAMESPACE) {
            annotations.insert(pair.key.to_string(), text.to_owned());
        }
    });
    namespace = namespace_node
        .and_then(|pair| pair.value.text())
        .filter(|text| !text.is_empty())
        .unwrap_or(namespace);
    let fields = decoder.beside_type(fields);
    let value = decoder.message_fields(descriptors::body(kind), fields.iter().copied());
    let key = name(kind, &fields)
        .map(|name| Key { scope: defaults.scope.into(), ..Key::new(kind, namespace, name) });
    if key.is_none() {
        let reason = format!("`{}` is missing", name_fields(kind)[0]);
        decoder.refuse("missing-name", reason, "give it a name: it is what Envoy asks for");
    } else if decoder.errors.is_empty() && !is_typed(kind, &value) {
        decoder.refuse("not-typed", format!("Envoy's own types can't read this {kind}"), "");
    }
    let body = Any { type_url: kind.type_url(), value: value.into() };
    let labels = BTreeMap::new();
    decoder.finish(key, |key| Resource { key, labels, annotations, body, upstream_version: None })
}

/// The field that names a resource of this kind, under both its spellings.
pub(super) fn name_fields(kind: Kind) -> [&'static str; 2] {
    if kind == Kind::ENDPOINTS { ["cluster_name", "clusterName"] } else { ["name", "name"] }
}

fn name<'n>(kind: Kind, fields: &[&'n Pair<'_>]) -> Option<&'n str> {
    let names = name_fields(kind);
    let pair = fields.iter().find(|pair| names.contains(&&*pair.key))?;
    pair.value.text().filter(|name| !name.is_empty())
}

/// Whether the typed messages, made from the same .proto files, read the bytes. They always should: a `false` is a
/// mistake in our encoding, better refused than sent.
fn is_typed(kind: Kind, bytes: &[u8]) -> bool {
    match kind {
        Kind::CLUSTER => Cluster::decode(bytes).is_ok(),
        Kind::ENDPOINTS => ClusterLoadAssignment::decode(bytes).is_ok(),
        Kind::LISTENER => Listener::decode(bytes).is_ok(),
        Kind::ROUTES => RouteConfiguration::decode(bytes).is_ok(),
        _ => false,
    }
}
