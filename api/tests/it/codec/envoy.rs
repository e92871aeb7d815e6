//! Envoy's resources as Envoy writes them.

use envoy_types::pb::envoy::config::{cluster::v3::Cluster, listener::v3::Listener};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use mainsheet_api::{codec::Content, key::Key, kind::Kind};
use prost::Message;

use super::{accepted, documents, lines, rejected, single};

pub(super) const CLUSTER: &str = r#"
"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
mainsheet.io/namespace: shop
mainsheet.io/sink-selector: edge=true
name: reviews
type: STRICT_DNS
connect_timeout: 0.25s
lbPolicy: LEAST_REQUEST
circuit_breakers: {thresholds: [{max_connections: "7"}]}
load_assignment:
  cluster_name: reviews
  endpoints:
  - lb_endpoints:
    - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 8080}}}
"#;

pub(super) const LISTENER: &str = r#"
resources:
- "@type": type.googleapis.com/envoy.config.listener.v3.Listener
  name: http
  address: {socket_address: {address: 0.0.0.0, port_value: 80}}
  filter_chains:
  - filters:
    - name: envoy.filters.network.http_connection_manager
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        stat_prefix: ingress
        rds: {route_config_name: r, config_source: {ads: {}, resource_api_version: V3}}
        http_filters:
        - name: envoy.filters.http.router
          typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
version_info: "7"
"#;

#[test]
fn a_cluster_is_read_with_its_namespace_and_both_spellings() {
    let (resource, map) = accepted(CLUSTER);
    assert_eq!(resource.key, Key::new(Kind::CLUSTER, "shop", "reviews"));
    assert_eq!(
        resource.annotations.into_iter().collect::<Vec<_>>(),
        [("mainsheet.io/sink-selector".into(), "edge=true".into())]
    );
    assert_eq!(resource.body.type_url, "type.googleapis.com/envoy.config.cluster.v3.Cluster");
    let cluster = Cluster::decode(resource.body.value).unwrap();
    assert_eq!(cluster.connect_timeout.unwrap().nanos, 250_000_000);
    assert_eq!(cluster.lb_policy, 1);
    assert_eq!(cluster.circuit_breakers.unwrap().thresholds[0].max_connections.unwrap().value, 7);
    assert_eq!(map.locate("lb_policy").line, 8);
}

#[test]
fn a_response_is_read_with_what_its_anys_hold() {
    let (resource, map) = accepted(LISTENER);
    assert_eq!(resource.key, Key::new(Kind::LISTENER, "default", "http"));
    assert_eq!(map.locate("filter_chains[0].filters[0].typed_config.stat_prefix").line, 11);
    let listener = Listener::decode(resource.body.value).unwrap();
    use envoy_types::pb::envoy::config::listener::v3::filter::ConfigType;
    let Some(ConfigType::TypedConfig(any)) = &listener.filter_chains[0].filters[0].config_type else {
        panic!()
    };
    assert!(any.type_url.ends_with(".HttpConnectionManager"));
    let manager = HttpConnectionManager::decode(&any.value[..]).unwrap();
    assert_eq!((manager.stat_prefix.as_str(), manager.http_filters.len()), ("ingress", 1));
}

#[test]
fn names_are_the_fields_by_which_envoy_asks() {
    let text = r#"{"@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment", "clusterName": "c"}"#;
    assert_eq!(accepted(text).0.key, Key::new(Kind::ENDPOINTS, "default", "c"));
    let text = r#"{"@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "r"}"#;
    assert_eq!(accepted(text).0.key, Key::new(Kind::ROUTES, "default", "r"));
    let (key, findings) =
        rejected(r#"{"@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"}"#);
    assert_eq!(key, None);
    assert_eq!(
        lines(&findings),
        ["1:1 missing-name : `cluster_name` is missing; give it a name: it is what Envoy asks for"]
    );
}

#[test]
fn mistakes_are_refused_by_path_also_inside_an_any() {
    let text = LISTENER.replace("stat_prefix", "stat_prefx").replace("port_value: 80", "port_value: http");
    let (key, findings) = rejected(&text);
    assert_eq!(key.unwrap().to_string(), "Listener default/http");
    assert_eq!(
        lines(&findings),
        [
            "5:48 wrong-type address.socket_address.port_value: wanted an integer, found the text `http`; ",
            "11:9 unknown-field filter_chains[0].filters[0].typed_config.stat_prefx: no field is named `stat_prefx` here; \
             did you mean `stat_prefix`?",
        ]
    );
    let (_, findings) = rejected(&CLUSTER.replace("0.25s", "250ms"));
    assert_eq!(
        lines(&findings),
        [
            "7:1 bad-duration connect_timeout: the text `250ms`: it is no number of seconds with an `s`; write seconds, as in 10s or 0.25s"
        ]
    );
    let (_, findings) = rejected(&LISTENER.replace("http.router.v3.Router", "http.nosuch.v3.Filter"));
    assert_eq!(findings[0].code, "unknown-type");
    assert_eq!(findings[0].path, "filter_chains[0].filters[0].typed_config.http_filters[0].typed_config");
}

#[test]
fn secrets_and_types_that_are_not_served_are_refused_with_the_reason() {
    let (key, findings) = rejected(
        r#"{"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", "name": "s"}"#,
    );
    assert_eq!((key, findings[0].code.as_str()), (None, "unserved-type"));
    assert!(findings[0].remedy.contains("refused until they are protected"));
    let (_, findings) = rejected(r#"{"@type": "type.googleapis.com/envoy.config.bootstrap.v3.Bootstrap"}"#);
    assert!(findings[0].remedy.contains("Cluster"));
    assert!(matches!(
        single(r#"{"@type": "type.googleapis.com/google.protobuf.Empty"}"#),
        Content::Ignored { .. }
    ));
}

#[test]
fn a_response_that_is_none_is_refused_and_its_items_stand_for_themselves() {
    assert_eq!(rejected("resources: 5\n").1[0].code, "wrong-type");
    assert_eq!(rejected("resources: []\nresorces: []\n").1[0].code, "unknown-field");
    assert!(documents("resources: []\n").is_empty());
    let text = "mainsheet.io/namespace: n\nresources:\n- {\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster, name: a}\n- {name: b}\n";
    let documents = documents(text);
    assert!(
        matches!(&documents[0].content, Content::Resource { resource, .. } if &*resource.key.namespace == "n")
    );
    assert!(
        matches!(&documents[1].content, Content::Rejected { key: None, findings } if findings[0].code == "missing-type")
    );
    assert_eq!((documents[0].line, documents[1].line), (3, 4));
}
