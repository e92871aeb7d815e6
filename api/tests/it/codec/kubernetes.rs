//! Documents in Kubernetes form.

use mainsheet_api::{
    codec::{Content, Defaults, read},
    generated::istio::networking::v1alpha3::{DestinationRule, VirtualService, string_match},
    key::Key,
    kind::Kind,
    verdict::Position,
};
use prost::Message;

use super::{DEFAULTS, accepted, documents, rejected, single};

pub(super) const REVIEWS: &str = r#"
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
  namespace: bookinfo
  labels: {app: reviews, app.kubernetes.io/part-of: shop}
  annotations:
    note: "1"
  resourceVersion: "77"
  creationTimestamp: null
  uid: 6c1d
  managedFields: [{manager: kubectl}]
spec:
  hosts: [reviews]
  http:
  - match:
    - uri:
        prefix: /wpcatalog
    timeout: 1m30s
    retries:
      attempts: 3
      perTryTimeout: 500ms
    route:
    - destination:
        host: reviews
        subset: v2
      weight: 100
status: {anything: [goes]}
"#;

#[test]
fn a_virtual_service_is_read_whole() {
    let (resource, map) = accepted(REVIEWS);
    assert_eq!(resource.key, Key::new(Kind::VIRTUAL_SERVICE, "bookinfo", "reviews"));
    assert_eq!(resource.labels["app.kubernetes.io/part-of"], "shop");
    assert_eq!(resource.annotations["note"], "1");
    assert_eq!(resource.upstream_version, None);
    assert_eq!(resource.body.type_url, "type.googleapis.com/istio.networking.v1alpha3.VirtualService");
    let body = VirtualService::decode(resource.body.value.clone()).unwrap();
    let route = &body.http[0];
    assert_eq!(body.hosts, ["reviews"]);
    assert_eq!(route.timeout.unwrap().seconds, 90);
    assert_eq!(route.retries.as_ref().unwrap().per_try_timeout.unwrap().nanos, 500_000_000);
    assert_eq!(route.route[0].destination.as_ref().unwrap().subset, "v2");
    assert_eq!(route.route[0].weight, 100);
    let uri = route.r#match[0].uri.as_ref().unwrap();
    assert_eq!(uri.match_type, Some(string_match::MatchType::Prefix("/wpcatalog".into())));
    assert_eq!(route.r#match[0], http_match_request(uri.clone()));
    assert_eq!(map.locate("spec.http[0].route[0].weight"), Position { line: 28, column: 7 });
    assert_eq!(map.locate("metadata.labels[app]"), Position { line: 7, column: 12 });
    assert_eq!(map.locate("spec.http[0].nothing.like[3].it"), Position { line: 17, column: 5 });
    // Bytes are those of the generated types, which order fields and maps.
    assert_eq!(resource.body.value, body.encode_to_vec());
}

fn http_match_request(
    uri: mainsheet_api::generated::istio::networking::v1alpha3::StringMatch,
) -> mainsheet_api::generated::istio::networking::v1alpha3::HttpMatchRequest {
    mainsheet_api::generated::istio::networking::v1alpha3::HttpMatchRequest {
        uri: Some(uri),
        ..Default::default()
    }
}

#[test]
fn json_is_read_like_yaml() {
    let text = "{\n\t\"apiVersion\": \"networking.istio.io/v1beta1\",\n\t\"kind\": \"DestinationRule\",\n\t\"metadata\": \
                {\"name\": \"r\"},\n\t\"spec\": {\"host\": \"r\", \"subsets\": [{\"name\": \"v1\", \"labels\": \
                {\"b\": \"2\", \"a\": \"1\"}}]}\n}\n";
    let (resource, map) = accepted(text);
    assert_eq!(resource.key, Key::new(Kind::DESTINATION_RULE, "default", "r"));
    let body = DestinationRule::decode(resource.body.value.clone()).unwrap();
    assert_eq!(body.subsets[0].labels["b"], "2");
    assert_eq!(resource.body.value, body.encode_to_vec());
    assert_eq!(map.locate("spec.host"), Position { line: 5, column: 11 });
}

#[test]
fn every_served_version_of_a_kind_is_the_same_object() {
    let document = |version| {
        format!(
            "apiVersion: networking.istio.io/{version}\nkind: Gateway\nmetadata: {{name: g}}\nspec: {{selector: {{a: b}}}}\n"
        )
    };
    let (first, _) = accepted(&document("v1"));
    for version in ["v1alpha3", "v1beta1"] {
        assert_eq!(accepted(&document(version)).0, first);
    }
}

#[test]
fn defaults_fill_what_a_document_does_not_say() {
    let text = "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: p}\n";
    let documents = read(text, Defaults { namespace: "shop", scope: "east", ..DEFAULTS });
    let Content::Resource { resource, .. } = &documents[0].content else { panic!() };
    assert_eq!((&*resource.key.namespace, &*resource.key.scope), ("shop", "east"));
    assert!(resource.body.value.is_empty());
}

#[test]
fn other_kinds_are_ignored_whatever_they_hold() {
    for (text, what) in [
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: !!str x, a: y}\n", "v1/ConfigMap"),
        ("apiVersion: apps/v1\nkind: DeploymentList\nitems: []\n", "apps/v1/DeploymentList"),
        ("apiVersion: core/v1alpha1\nkind: MeshConfig\nmetadata: {name: m}\n", "core/v1alpha1/MeshConfig"),
        ("apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n", "gateway.networking.k8s.io/v1/Gateway"),
    ] {
        assert!(matches!(single(text), Content::Ignored { what: found } if found == what), "{text}");
    }
}

#[test]
fn items_of_lists_are_documents_of_their_own() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: networking.istio.io/v1\n  kind: Sidecar\n  metadata: {name: \
                s}\n- apiVersion: v1\n  kind: Secret\n- apiVersion: networking.istio.io/v1\n  kind: Sidecar\n  \
                metadata: {name: t}\n  spec: {wrong: 1}\n- 5\n";
    let documents = documents(text);
    assert_eq!(documents.iter().map(|document| document.line).collect::<Vec<_>>(), [4, 7, 9, 13]);
    assert!(
        matches!(&documents[0].content, Content::Resource { resource, .. } if &*resource.key.name == "s")
    );
    assert!(matches!(&documents[1].content, Content::Ignored { what } if what == "v1/Secret"));
    let Content::Rejected { key: Some(key), findings } = &documents[2].content else { panic!() };
    assert_eq!((&*key.name, findings[0].path.as_str()), ("t", "spec.wrong"));
    assert!(matches!(&documents[3].content, Content::Rejected { key: None, .. }));
}

#[test]
fn items_of_a_kinds_own_list_may_leave_their_kind_to_it() {
    let text = "apiVersion: networking.istio.io/v1\nkind: VirtualServiceList\nmetadata: {resourceVersion: \"\"}\nitems:\n- \
                metadata: {name: a}\n- apiVersion: networking.istio.io/v1\n  kind: VirtualService\n  metadata: {name: b}\n";
    let names: Vec<_> = documents(text)
        .into_iter()
        .map(|document| match document.content {
            Content::Resource { resource, .. } => resource.key.name.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn documents_before_a_broken_one_count() {
    let text = format!("{REVIEWS}---\napiVersion: v1\n  kind: x\n---\n{REVIEWS}");
    let documents = documents(&text);
    assert_eq!(documents.len(), 2);
    assert!(matches!(documents[0].content, Content::Resource { .. }));
    let Content::Rejected { key: None, findings } = &documents[1].content else { panic!() };
    assert_eq!((findings[0].code.as_str(), findings[0].position.line), ("not-yaml", 32));
}

#[test]
fn empty_documents_are_nothing() {
    assert!(read("", DEFAULTS).is_empty());
    assert!(read("---\n# nothing\n---\nnull\n---\n~\n", DEFAULTS).is_empty());
}

#[test]
fn both_spellings_of_a_field_are_the_same_field() {
    let document = |field| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: s}}\nspec:\n  {field}:\n    labels: {{a: b}}\n"
        )
    };
    let (camel, map) = accepted(&document("workloadSelector"));
    let (snake, snake_map) = accepted(&document("workload_selector"));
    assert_eq!(camel, snake);
    assert_eq!(map, snake_map, "paths go by the JSON name either way");
}

#[test]
fn aliases_may_be_used_within_a_document() {
    let text = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d, labels: &l {v: a}}\nspec:\n  \
                host: h\n  subsets:\n  - name: a\n    labels: *l\n";
    let (resource, _) = accepted(text);
    assert_eq!(DestinationRule::decode(resource.body.value).unwrap().subsets[0].labels["v"], "a");
}

#[test]
fn the_version_of_a_rejected_document_does_not_hide_its_key() {
    let (key, _) =
        rejected("apiVersion: networking.istio.io/v9\nkind: Sidecar\nmetadata: {name: s, namespace: n}\n");
    assert_eq!(key.unwrap().to_string(), "Sidecar n/s");
}
