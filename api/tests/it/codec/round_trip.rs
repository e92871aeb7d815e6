//! What is written reads as what it was written from.

use std::collections::BTreeMap;

use mainsheet_api::{
    codec::{
        Content, Defaults, Received, decode_entry, read, spec_json, write_json, write_json_list, write_yaml,
    },
    key::Key,
    kind::{Family, Kind},
    resource::Resource,
    time::Timestamp,
    wire::{Any, Entry},
};
use proptest::prelude::*;
use prost::Message;
use prost_reflect::{DynamicMessage, Value};

use super::{
    DEFAULTS, accepted,
    arbitrary::{Tape, descriptor},
};

const CREATED: Timestamp = Timestamp(1_767_323_045_000);

/// Through an entry, as a client gets it, and back to a resource.
fn received(resource: &Resource) -> Received {
    let entry = Entry::encode(resource, CREATED);
    let any = Any::decode(entry.any.clone()).unwrap();
    let received = decode_entry(resource.key.kind, &any).unwrap();
    if resource.key.kind.info().family == Family::Istio {
        assert_eq!(received.created, Some(CREATED));
        assert_eq!(received.resource.upstream_version.as_ref(), Some(&entry.version));
    }
    received
}

fn read_one(text: &str) -> Resource {
    let mut documents = read(text, DEFAULTS);
    assert_eq!(documents.len(), 1, "{text}");
    match documents.remove(0).content {
        Content::Resource { resource, .. } => *resource,
        other => panic!("{other:#?}\n{text}"),
    }
}

fn resource(kind: Kind, tape: &mut Tape<'_>, texts: BTreeMap<String, String>) -> (Resource, DynamicMessage) {
    let mut message = tape.message(&descriptor(kind), 6);
    let family = kind.info().family;
    if family == Family::Envoy {
        message.set_field_by_number(1, Value::String("some: name".into()));
    }
    let body = Any {
        type_url: format!("type.googleapis.com/{}", kind.info().message),
        value: message.encode_to_vec().into(),
    };
    // Defaults that were set by hand are gone after this, as they are on the wire.
    let message = DynamicMessage::decode(descriptor(kind), body.value.clone()).unwrap();
    let mut key = Key::new(kind, "default", "some: name");
    let (mut labels, mut annotations) = (texts.clone(), texts);
    if family == Family::Envoy {
        // Neither is sent for them.
        key.namespace = "".into();
        (labels, annotations) = (BTreeMap::new(), BTreeMap::new());
    }
    (Resource { key, labels, annotations, body, upstream_version: None }, message)
}

fn round_trip(kind: Kind, numbers: &[u32], texts: BTreeMap<String, String>) {
    let (written, message) = resource(kind, &mut Tape::new(numbers), texts);
    let received = received(&written);
    let yaml = write_yaml(&received).unwrap();
    let from_yaml = read_one(&yaml);
    let from_json = read_one(&write_json(&received).unwrap());
    assert_eq!(from_yaml, from_json, "{yaml}");
    // What was generated has its maps in any order, and is otherwise the same.
    let body = DynamicMessage::decode(descriptor(kind), from_yaml.body.value.clone()).unwrap();
    assert!(body == message, "{yaml}\n{body}\n{message}");
    let expected = Resource { body: from_yaml.body.clone(), ..written };
    let key = Key::new(kind, "default", expected.key.name.clone());
    assert_eq!(from_yaml, Resource { key, ..expected.clone() });
    // And from there on the bytes are the same.
    let received = Received { resource: expected, ..received };
    assert_eq!(read_one(&write_yaml(&received).unwrap()), from_yaml);
}

fn kinds() -> impl Iterator<Item = Kind> {
    Kind::all().filter(|kind| kind.info().from_documents)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn every_kind_reads_as_it_was_written(
        numbers in prop::collection::vec(any::<u32>(), 0..400),
        texts in prop::collection::btree_map(".{1,8}", ".{0,8}", 0..3),
    ) {
        for kind in kinds() {
            round_trip(kind, &numbers, texts.clone());
        }
    }

    #[test]
    fn mesh_config_can_be_shown(numbers in prop::collection::vec(any::<u32>(), 0..400)) {
        let (resource, _) = resource(Kind::MESH_CONFIG, &mut Tape::new(&numbers), BTreeMap::new());
        prop_assert!(write_yaml(&received(&resource)).unwrap().contains("\nkind: MeshConfig\n"));
    }
}

const DOCUMENT: &str = "\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: reviews
  namespace: shop
  labels:
    app: reviews
  annotations:
    note: \"1\"
  creationTimestamp: 2026-01-02T03:04:05Z
  resourceVersion: 7c1
spec:
  host: reviews
  trafficPolicy:
    loadBalancer:
      simple: LEAST_REQUEST
    connectionPool:
      tcp:
        maxConnections: 100
        connectTimeout: 0.030s
    outlierDetection:
      consecutive5xxErrors: 7
      baseEjectionTime: 900s
  subsets:
  - name: v1
    labels:
      version: v1
";

#[test]
fn a_document_is_written_as_kubectl_would() {
    let (resource, _) = accepted(&DOCUMENT.replace("2026-01-02T03:04:05Z", "null"));
    let resource =
        Resource { upstream_version: Some(mainsheet_api::version::ResourceVersion::new("7c1")), ..resource };
    let received = Received { resource, created: Some(CREATED) };
    let quoted =
        DOCUMENT.replace("2026-01-02T03:04:05Z", "\"2026-01-02T03:04:05Z\"").replace(" 7c1", " \"7c1\"");
    assert_eq!(write_yaml(&received).unwrap(), quoted);
    let json = write_json(&received).unwrap();
    assert!(
        json.starts_with(
            "{\n    \"apiVersion\": \"networking.istio.io/v1\",\n    \"kind\": \"DestinationRule\",\n"
        ),
        "{json}"
    );
    let list = write_json_list([&received, &received]).unwrap();
    assert_eq!(read(&list, DEFAULTS).len(), 2);
    let spec = spec_json(Kind::DESTINATION_RULE, &received.resource.body).unwrap();
    assert_eq!(spec["trafficPolicy"]["outlierDetection"]["baseEjectionTime"], "900s");
    assert_eq!(spec["trafficPolicy"]["connectionPool"]["tcp"]["maxConnections"], 100);
}

#[test]
fn an_envoy_resource_is_written_with_its_namespace_and_annotations() {
    let text = "{\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster, mainsheet.io/namespace: shop, \
                mainsheet.io/ttl: 5m, connect_timeout: 0.25s, name: c}";
    let (resource, _) = accepted(text);
    let yaml = write_yaml(&Received { resource: resource.clone(), created: None }).unwrap();
    assert_eq!(
        yaml,
        "\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\nmainsheet.io/namespace: shop\n\
         mainsheet.io/ttl: 5m\nname: c\nconnect_timeout: 0.250s\n"
    );
    assert_eq!(read_one(&yaml), resource);
}

#[test]
fn the_same_document_in_another_order_gives_the_same_bytes() {
    let (one, _) = accepted(DOCUMENT);
    let labels = "{z: a, b: c, k: l}";
    let head = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\n";
    let (left, _) = accepted(&format!("{head}spec: {{host: h, subsets: [{{name: v, labels: {labels}}}]}}\n"));
    let (right, _) =
        accepted(&format!("{head}spec: {{subsets: [{{labels: {{k: l, z: a, b: c}}, name: v}}], host: h}}\n"));
    assert_eq!(left, right);
    assert_ne!(one.body, left.body);
}

#[test]
fn long_keys_are_written_so_that_they_are_read() {
    let text = format!(
        "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: s, labels: {{? {} : v}}}}\n",
        "k".repeat(5000)
    );
    let (resource, _) = accepted(&text);
    let yaml = write_yaml(&Received { resource: resource.clone(), created: None }).unwrap();
    assert_eq!(read_one(&yaml), resource);
}

#[test]
fn what_is_no_entry_of_the_kind_is_refused() {
    let (resource, _) = accepted(DOCUMENT);
    let any = Any::decode(Entry::encode(&resource, CREATED).any).unwrap();
    let message = |kind, any: &Any| decode_entry(kind, any).unwrap_err().to_string();
    assert_eq!(
        message(Kind::VIRTUAL_SERVICE, &any),
        "wanted `istio.networking.v1alpha3.VirtualService`, \
         found `type.googleapis.com/istio.networking.v1alpha3.DestinationRule`"
    );
    assert!(
        message(Kind::DESTINATION_RULE, &resource.body).starts_with("wanted `istio.mcp.v1alpha1.Resource`")
    );
    let broken = Any { value: vec![0xff].into(), ..any.clone() };
    assert_eq!(
        message(Kind::DESTINATION_RULE, &broken),
        "decoding `type.googleapis.com/istio.mcp.v1alpha1.Resource`"
    );
    let empty = Any { value: vec![].into(), ..any };
    assert_eq!(message(Kind::DESTINATION_RULE, &empty), "the resource lacks its metadata or its body");
    let unnamed = Any { type_url: Kind::CLUSTER.type_url(), value: vec![].into() };
    assert_eq!(message(Kind::CLUSTER, &unnamed), "`` is no name of a resource");
}

#[test]
fn the_namespace_of_a_document_comes_before_the_default() {
    let documents = read(DOCUMENT, Defaults { namespace: "other", scope: "", ..DEFAULTS });
    assert!(
        matches!(&documents[0].content, Content::Resource { resource, .. } if &*resource.key.namespace == "shop")
    );
}
