//! The discovery services of a single type: ADS that talks of nothing else.

use mainsheet_api::{
    kind::Kind,
    wire::{DeltaDiscoveryRequest, DiscoveryRequest, DiscoveryResponse},
};
use mainsheet_server::sinks::SyncState;
use tonic::{Code, Request, client::Grpc, codegen::http::uri::PathAndQuery};
use tonic_prost::ProstCodec;

use crate::{
    client::{Delta, SOTW, Sotw, channel, node},
    mesh::{Mesh, VIRTUAL_SERVICE, in_time, until},
};

/// Kind, SotW, delta, polling.
const SERVICES: [(Kind, &str, &str, &str); 4] = [
    (
        Kind::CLUSTER,
        "/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters",
        "/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters",
        "/envoy.service.cluster.v3.ClusterDiscoveryService/FetchClusters",
    ),
    (
        Kind::ENDPOINTS,
        "/envoy.service.endpoint.v3.EndpointDiscoveryService/StreamEndpoints",
        "/envoy.service.endpoint.v3.EndpointDiscoveryService/DeltaEndpoints",
        "/envoy.service.endpoint.v3.EndpointDiscoveryService/FetchEndpoints",
    ),
    (
        Kind::LISTENER,
        "/envoy.service.listener.v3.ListenerDiscoveryService/StreamListeners",
        "/envoy.service.listener.v3.ListenerDiscoveryService/DeltaListeners",
        "/envoy.service.listener.v3.ListenerDiscoveryService/FetchListeners",
    ),
    (
        Kind::ROUTES,
        "/envoy.service.route.v3.RouteDiscoveryService/StreamRoutes",
        "/envoy.service.route.v3.RouteDiscoveryService/DeltaRoutes",
        "/envoy.service.route.v3.RouteDiscoveryService/FetchRoutes",
    ),
];

/// Waits until the only sink has taken what it was sent of `kind`, and of nothing else.
async fn until_synced(mesh: &Mesh, kind: Kind) {
    until("in sync", || {
        let types = mesh.sinks.all()[0].types();
        assert!(types.keys().all(|type_url| **type_url == *kind.type_url()), "{types:?}");
        types.values().all(|state| state.sync_state() == SyncState::Synced)
    })
    .await;
}

/// Waits until no sink is left of the case before.
async fn until_alone(mesh: &Mesh) {
    until("no sink", || mesh.sinks.is_empty()).await;
}

#[tokio::test]
async fn stream_of_a_single_type_implies_the_type() {
    // rules 1 and 3
    let mesh = Mesh::start().await;
    for (kind, sotw, _, _) in SERVICES {
        mesh.put_envoy(kind, "one").await;
        let mut client = Sotw::connect(mesh.grpc, sotw).await.unwrap();
        let resource_names = vec!["one".to_owned()];
        let subscribe =
            DiscoveryRequest { node: Some(node("edge-1")), resource_names, ..DiscoveryRequest::default() };
        client.send(subscribe.clone()).await;
        let first = client.response().await;
        assert_eq!((first.type_url, first.resources.len()), (kind.type_url(), 1), "{sotw}");
        let (version_info, response_nonce) = (first.version_info, first.nonce);
        client.send(DiscoveryRequest { version_info, response_nonce, ..subscribe }).await;
        until_synced(&mesh, kind).await;
        drop(client);
        until_alone(&mesh).await;
    }
}

#[tokio::test]
async fn delta_stream_of_a_single_type_implies_the_type() {
    // rules 1 and 3
    let mesh = Mesh::start().await;
    for (kind, _, delta, _) in SERVICES {
        mesh.put_envoy(kind, "one").await;
        let mut client = Delta::connect(mesh.grpc, delta).await.unwrap();
        let resource_names_subscribe = vec!["one".to_owned(), "none".to_owned()];
        let node = Some(node("edge-1"));
        client.send(DeltaDiscoveryRequest { node, resource_names_subscribe, ..Default::default() }).await;
        let first = client.response().await;
        assert_eq!((first.type_url, first.resources.len()), (kind.type_url(), 1), "{delta}");
        assert_eq!((first.resources[0].name.as_str(), &first.removed_resources[0][..]), ("one", "none"));
        client.send(DeltaDiscoveryRequest { response_nonce: first.nonce, ..Default::default() }).await;
        until_synced(&mesh, kind).await;
        drop(client);
        until_alone(&mesh).await;
    }
}

#[tokio::test]
async fn type_that_is_named_must_be_the_stream_s_own() {
    // rule 3
    let mesh = Mesh::start().await;
    let (kind, sotw, ..) = SERVICES[0];
    mesh.put_envoy(kind, "one").await;
    let mut client = Sotw::connect(mesh.grpc, sotw).await.unwrap();
    client.subscribe(&kind.type_url()).await;
    assert_eq!(client.response().await.resources.len(), 1);
    for other in [VIRTUAL_SERVICE, &Kind::LISTENER.type_url(), "istio.io/debug/syncz", "nobody.knows/v1/This"]
    {
        let mut client = Sotw::connect(mesh.grpc, sotw).await.unwrap();
        client.subscribe(other).await;
        let refused = client.end().await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{other}");
        assert!(refused.message().contains(other), "{refused}");
    }
}

#[tokio::test]
async fn aggregated_stream_implies_no_type() {
    // rule 3
    let mesh = Mesh::start().await;
    let mut client = Sotw::connect(mesh.grpc, SOTW).await.unwrap();
    client.subscribe("").await;
    assert_eq!(client.end().await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn polling_is_refused_with_what_is_served() {
    // rules 1 and 101
    let mesh = Mesh::start().await;
    for (_, _, _, fetch) in SERVICES {
        let mut grpc = Grpc::new(channel(mesh.grpc).await);
        grpc.ready().await.unwrap();
        let codec = ProstCodec::<DiscoveryRequest, DiscoveryResponse>::default();
        let request = Request::new(DiscoveryRequest::default());
        let refused = in_time("refusal", grpc.unary(request, PathAndQuery::from_static(fetch), codec)).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::Unimplemented, "{fetch}");
        assert!(refused.message().contains("polling and REST are not served"), "{refused}");
    }
}
