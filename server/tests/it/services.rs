//! The services beside ADS.

use mainsheet_api::wire::DiscoveryRequest;
use mainsheet_server::{readiness::Readiness, stream::StreamOptions};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::{
    client::{Sotw, Stream, channel},
    mesh::{Mesh, in_time},
};

const ADS: &str = "envoy.service.discovery.v3.AggregatedDiscoveryService";

#[tokio::test]
async fn variant_or_service_that_is_not_served_is_unimplemented() {
    // rule 1
    let mesh = Mesh::start().await;
    for path in [
        "/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets",
        "/envoy.service.discovery.v3.AggregatedDiscoveryService/FetchResources",
        "/nobody.knows/This",
    ] {
        let refused = Sotw::connect(mesh.grpc, path).await.err().unwrap();
        assert_eq!(refused.code(), Code::Unimplemented, "{path}");
    }
}

#[tokio::test]
async fn health_follows_readiness() {
    let readiness = Readiness::new();
    let guard = readiness.guard("source files");
    let mesh = Mesh::with(StreamOptions::default(), readiness).await;
    let mut health = HealthClient::new(channel(mesh.grpc).await);
    for service in ["", ADS] {
        let answer = health.check(HealthCheckRequest { service: service.into() }).await.unwrap();
        assert_eq!(answer.into_inner().status(), ServingStatus::NotServing, "{service}");
    }
    let mut watch = health.watch(HealthCheckRequest { service: ADS.into() }).await.unwrap().into_inner();
    guard.release();
    in_time("serving", async {
        while watch.message().await.unwrap().unwrap().status() != ServingStatus::Serving {}
    })
    .await;
}

#[tokio::test]
async fn reflection_lists_the_services_and_describes_ads() {
    let mesh = Mesh::start().await;
    let mut reflection = ServerReflectionClient::new(channel(mesh.grpc).await);
    let ask = |question| ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let questions = [
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol(ADS.to_owned())),
    ];
    let answers = reflection.server_reflection_info(tokio_stream::iter(questions)).await.unwrap();
    let mut answers = answers.into_inner();
    let listed = in_time("services", answers.message()).await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(listed)) = listed else { panic!("{listed:?}") };
    let names: Vec<_> = listed.service.into_iter().map(|service| service.name).collect();
    for service in [
        ADS,
        "envoy.service.cluster.v3.ClusterDiscoveryService",
        "envoy.service.endpoint.v3.EndpointDiscoveryService",
        "envoy.service.listener.v3.ListenerDiscoveryService",
        "envoy.service.route.v3.RouteDiscoveryService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
    ] {
        assert!(names.iter().any(|name| name == service), "{service} is not in {names:?}");
    }
    let described = in_time("file", answers.message()).await.unwrap().unwrap().message_response;
    let Some(MessageResponse::FileDescriptorResponse(files)) = described else { panic!("{described:?}") };
    assert!(!files.file_descriptor_proto.is_empty());
}

#[tokio::test]
async fn compressed_requests_are_refused_with_what_is_taken() {
    let mesh = Mesh::start().await;
    let mut request = tonic::Request::new(tokio_stream::iter([DiscoveryRequest::default()]));
    request.metadata_mut().insert("grpc-encoding", "gzip".parse().unwrap());
    let mut grpc = tonic::client::Grpc::new(channel(mesh.grpc).await);
    grpc.ready().await.unwrap();
    let codec =
        tonic_prost::ProstCodec::<DiscoveryRequest, mainsheet_api::wire::DiscoveryResponse>::default();
    let path = tonic::codegen::http::uri::PathAndQuery::from_static(crate::client::SOTW);
    let refused = in_time("refusal", grpc.streaming(request, path, codec)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert_eq!(refused.metadata().get("grpc-accept-encoding").unwrap(), "identity");
}

#[tokio::test]
async fn several_streams_share_a_connection() {
    // rules 7 and 89
    let mesh = Mesh::start().await;
    let channel = channel(mesh.grpc).await;
    let mut streams: Vec<Sotw> = Vec::new();
    for _ in 0..20 {
        streams.push(Stream::open(channel.clone(), crate::client::SOTW).await.unwrap());
    }
    for stream in &mut streams {
        stream.subscribe(crate::mesh::VIRTUAL_SERVICE).await;
        stream.response().await;
    }
    assert_eq!(mesh.sinks.len(), 20);
}
