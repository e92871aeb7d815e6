//! Messages instead of documents.

use std::collections::BTreeMap;

use mainsheet_api::{
    codec::{Content, Defaults, Typed, UnknownFields, read, typed},
    resource::Resource,
    verdict::{Finding, Position},
    wire::Any,
};

const DEFAULTS: Defaults<'_> =
    Defaults { namespace: "default", scope: "", unknown_fields: UnknownFields::Strict };

const ROUTE: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: shop, labels: {app: shop}, annotations: {note: x}}
spec:
  hosts: [reviews]
  http: [{route: [{destination: {host: reviews}, weight: 100}], timeout: 5s}]
";

const CLUSTER: &str = r#"
"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
mainsheet.io/namespace: shop
mainsheet.io/note: x
name: reviews
type: STATIC
connect_timeout: 1s
load_assignment: {cluster_name: reviews}
"#;

fn document(text: &str) -> Resource {
    match read(text, DEFAULTS).remove(0).content {
        Content::Resource { resource, .. } => *resource,
        other => panic!("{other:?}"),
    }
}

fn message(resource: &Resource) -> Typed {
    Typed {
        namespace: resource.key.namespace.to_string(),
        name: resource.key.name.to_string(),
        labels: resource.labels.clone(),
        annotations: resource.annotations.clone(),
        body: resource.body.clone(),
    }
}

fn rejected(content: Content) -> Vec<Finding> {
    match content {
        Content::Rejected { findings, .. } => findings,
        other => panic!("{other:?}"),
    }
}

/// A field that no message has.
const UNKNOWN: [u8; 3] = [0xf8, 0x3f, 1];

fn with_unknown(body: &Any) -> Any {
    Any { value: [&body.value[..], &UNKNOWN].concat().into(), ..body.clone() }
}

#[test]
fn message_is_read_as_the_document_that_says_the_same() {
    for text in [ROUTE, CLUSTER] {
        let resource = document(text);
        match typed(message(&resource), DEFAULTS) {
            Content::Resource { resource: read, warnings, map } => {
                assert_eq!(*read, resource);
                assert_eq!(warnings, []);
                assert_eq!(map.locate("spec"), Position::default());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn namespace_and_scope_are_the_defaults() {
    let resource = document(ROUTE);
    let nameless = Typed { namespace: String::new(), ..message(&resource) };
    match typed(nameless, Defaults { scope: "east", ..DEFAULTS }) {
        Content::Resource { resource, .. } => {
            assert_eq!((&*resource.key.namespace, &*resource.key.scope), ("default", "east"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn unknown_fields_are_as_bad_as_is_wanted() {
    let resource = document(ROUTE);
    let wanting = |unknown_fields| {
        let body = with_unknown(&resource.body);
        typed(Typed { body, ..message(&resource) }, Defaults { unknown_fields, ..DEFAULTS })
    };
    let findings = rejected(wanting(UnknownFields::Strict));
    assert_eq!(findings[0].to_string().split("; ").next(), Some("body: no field has the number 1023 here"));
    for (wanted, warnings_len) in [(UnknownFields::Warn, 1), (UnknownFields::Ignore, 0)] {
        match wanting(wanted) {
            Content::Resource { resource: read, warnings, .. } => {
                assert_eq!(read.body, resource.body, "it is left out");
                assert_eq!(warnings.len(), warnings_len);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_no_such_message_is_refused_with_what_would_be_right() {
    let route = document(ROUTE);
    let cluster = document(CLUSTER);
    let url = |url: &str| Any { type_url: url.to_owned(), ..route.body.clone() };
    let labels = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    for (what, code) in [
        (Typed { body: url("type.googleapis.com/example.Widget"), ..message(&route) }, "unknown-type"),
        (
            Typed { body: url("type.googleapis.com/istio.mesh.v1alpha1.MeshConfig"), ..message(&route) },
            "unknown-type",
        ),
        (Typed { body: Any::default(), ..message(&route) }, "unknown-type"),
        (
            Typed { body: Any { value: vec![0xff; 3].into(), ..route.body.clone() }, ..message(&route) },
            "bad-body",
        ),
        (Typed { name: String::new(), ..message(&route) }, "missing-name"),
        (Typed { name: "other".into(), ..message(&cluster) }, "name-differs"),
        (Typed { labels, ..message(&cluster) }, "unknown-field"),
    ] {
        let findings = rejected(typed(what.clone(), DEFAULTS));
        assert!(findings.iter().any(|finding| finding.code == code), "{code}: {findings:?}");
        assert!(findings.iter().all(|finding| finding.position == Position::default()), "{what:?}");
    }
}
