//! Streams as clients see them.

use mainsheet_api::{
    limits::REQUEST_BYTES_MAX,
    time::Uptime,
    view::View,
    wire::{DeltaDiscoveryRequest, DiscoveryRequest, Frame},
    xds::{
        Variant,
        server::{Request, ServerSession},
    },
};
use mainsheet_server::{
    readiness::Readiness,
    stream::StreamOptions,
    views::{ViewRule, Views},
};
use tonic::Code;

use crate::{
    client::{DELTA, Delta, Sotw, Stream, names, node},
    mesh::{Mesh, VIRTUAL_SERVICE, until},
};

/// What istiod asks for, in its order, all at once.
const ISTIOD: [&str; 16] = [
    "core/v1alpha1/MeshConfig",
    "security.istio.io/v1/AuthorizationPolicy",
    "networking.istio.io/v1/DestinationRule",
    "networking.istio.io/v1alpha3/EnvoyFilter",
    "networking.istio.io/v1/Gateway",
    "security.istio.io/v1/PeerAuthentication",
    "networking.istio.io/v1beta1/ProxyConfig",
    "security.istio.io/v1/RequestAuthentication",
    "networking.istio.io/v1/ServiceEntry",
    "networking.istio.io/v1/Sidecar",
    "telemetry.istio.io/v1/Telemetry",
    "extensions.istio.io/v1alpha1/TrafficExtension",
    "networking.istio.io/v1/VirtualService",
    "extensions.istio.io/v1alpha1/WasmPlugin",
    "networking.istio.io/v1/WorkloadEntry",
    "networking.istio.io/v1/WorkloadGroup",
];

async fn ask_as_istiod(stream: &Sotw) {
    for (index, type_url) in ISTIOD.into_iter().enumerate() {
        let node = (index == 0)
            .then(|| node("sidecar~192.0.2.2~istiod-b.istio-system~istio-system.svc.cluster.local"));
        let response_nonce = "2026-11-21 03:10:25.802926083 +0000 UTC m=+0.398072884".to_owned();
        stream
            .send(DiscoveryRequest { node, type_url: type_url.into(), response_nonce, ..Default::default() })
            .await;
    }
}

#[tokio::test]
async fn every_type_that_istiod_asks_for_is_answered() {
    // rules 5 and 13: the node comes once, and the first nonces are invented
    let mesh = Mesh::start().await;
    mesh.put([("shop/reviews", 10)]).await;
    let mut istiod = Sotw::sotw(mesh.grpc).await;
    ask_as_istiod(&istiod).await;
    let mut answered = Vec::new();
    for _ in ISTIOD {
        let response = istiod.response().await;
        let expected: &[&str] = if response.type_url == VIRTUAL_SERVICE { &["shop/reviews"] } else { &[] };
        assert_eq!(names(&response), expected);
        assert!(!response.version_info.is_empty() && response.control_plane.is_some());
        answered.push(response.type_url);
    }
    answered.sort();
    let mut asked = ISTIOD.to_vec();
    asked.sort_unstable();
    assert_eq!(answered, asked);
}

#[tokio::test]
async fn client_that_half_closes_gets_the_answers_to_all_that_it_asked() {
    // rule 12
    let mesh = Mesh::start().await;
    mesh.put([("shop/reviews", 5_000), ("shop/ratings", 200_000)]).await;
    let channel = crate::client::channel(mesh.grpc).await;
    for round in 0..200 {
        let mut istiod: Sotw = Stream::open(channel.clone(), crate::client::SOTW).await.unwrap();
        ask_as_istiod(&istiod).await;
        drop(std::mem::replace(&mut istiod.requests, tokio::sync::mpsc::channel(1).0));
        let mut answers = 0;
        while istiod.next().await.unwrap().is_some() {
            answers += 1;
        }
        assert_eq!(answers, ISTIOD.len(), "round {round}");
    }
    until("all streams to be forgotten", || mesh.sinks.is_empty()).await;
}

#[tokio::test]
async fn two_clients_are_sent_the_same_bytes_in_memory() {
    let mesh = Mesh::start().await;
    let services: Vec<_> = (0..500).map(|index| (format!("shop/{index}"), 3_000)).collect();
    mesh.put(services.iter().map(|(name, len)| (name.as_str(), *len))).await;
    for variant in [Variant::Sotw, Variant::Delta] {
        let [one, two] = [frame(&mesh, variant), frame(&mesh, variant)];
        assert!(one.len > 1_500_000, "{}", one.len);
        let places = |frame: &Frame| frame.pieces.iter().map(|piece| piece.as_ptr()).collect::<Vec<_>>();
        // The first piece is each stream's own: version, type and nonce.
        assert!(one.pieces[0].len() < 512);
        assert_ne!(places(&one)[0], places(&two)[0]);
        assert_eq!(places(&one)[1..], places(&two)[1..], "{variant:?}");
    }
}

/// What a client that asks for all VirtualServices is sent first.
fn frame(mesh: &Mesh, variant: Variant) -> Frame {
    let (node, type_url) = (Some(node("test")), VIRTUAL_SERVICE.to_owned());
    let request = match variant {
        Variant::Sotw => Request::Sotw(DiscoveryRequest { node, type_url, ..Default::default() }),
        Variant::Delta => Request::Delta(DeltaDiscoveryRequest { node, type_url, ..Default::default() }),
    };
    let mut session = ServerSession::new(variant, "me".into(), mesh.cache.snapshot(), View::everything());
    session.on_request(request, Uptime::default()).unwrap();
    session.render(Uptime::default()).unwrap().frame
}

#[tokio::test]
async fn changes_reach_a_connected_sotw_client() {
    let mesh = Mesh::start().await;
    mesh.put([("shop/reviews", 10)]).await;
    let mut client = Sotw::sotw(mesh.grpc).await;
    client.subscribe(VIRTUAL_SERVICE).await;
    let first = client.response().await;
    client.ack(&first).await;
    mesh.put([("shop/ratings", 100_000)]).await;
    let second = client.response().await;
    assert_eq!(names(&second), ["shop/ratings", "shop/reviews"]);
    assert_ne!(first.version_info, second.version_info);
    client.ack(&second).await;
    mesh.remove("shop/ratings").await;
    let third = client.response().await;
    assert_eq!(names(&third), ["shop/reviews"]);
    // rule 18: the version is that of the content, whenever and however it came to be
    assert_eq!(third.version_info, first.version_info);
}

#[tokio::test]
async fn changes_reach_a_connected_delta_client() {
    let mesh = Mesh::start().await;
    mesh.put([("shop/reviews", 10), ("shop/ratings", 10)]).await;
    let mut client = Delta::delta(mesh.grpc).await;
    client.subscribe(VIRTUAL_SERVICE).await;
    let first = client.response().await;
    assert_eq!(first.resources.len(), 2);
    client.ack(&first).await;
    mesh.put([("shop/ratings", 20)]).await;
    let second = client.response().await;
    assert_eq!(second.resources.iter().map(|resource| &resource.name).collect::<Vec<_>>(), ["shop/ratings"]);
    client.ack(&second).await;
    mesh.remove("shop/reviews").await;
    let third = client.response().await;
    assert_eq!((third.resources.len(), third.removed_resources), (0, vec!["shop/reviews".to_owned()]));
}

#[tokio::test]
async fn node_id_says_which_namespaces_are_seen() {
    let views =
        Views { rules: vec![ViewRule { nodes: "team-a-*".into(), namespaces: ["a".to_owned()].into() }] };
    let mesh = Mesh::with(StreamOptions { views, ..StreamOptions::default() }, Readiness::new()).await;
    mesh.put([("a/x", 10), ("b/y", 10)]).await;
    for (id, seen) in [("team-a-1", vec!["a/x"]), ("stranger", vec![])] {
        let mut client = Sotw::sotw(mesh.grpc).await;
        let type_url = VIRTUAL_SERVICE.to_owned();
        client.send(DiscoveryRequest { node: Some(node(id)), type_url, ..Default::default() }).await;
        assert_eq!(names(&client.response().await), seen, "{id}");
    }
}

#[tokio::test]
async fn request_without_a_node_is_refused() {
    // rule 6
    let mesh = Mesh::start().await;
    let mut client = Sotw::sotw(mesh.grpc).await;
    client.send(DiscoveryRequest { type_url: VIRTUAL_SERVICE.into(), ..Default::default() }).await;
    let status = client.next().await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    assert!(!status.message().is_empty());
    until("the stream to be forgotten", || mesh.sinks.is_empty()).await;
}

#[tokio::test]
async fn request_that_does_not_decode_is_the_clients_fault() {
    let mesh = Mesh::start().await;
    // A string with a wire type that it can't have.
    #[derive(Clone, PartialEq, prost::Message)]
    struct Garbage {
        #[prost(uint64, tag = "4")]
        type_url: u64,
    }
    let path = crate::client::SOTW;
    let mut client: Stream<Garbage, mainsheet_api::wire::DiscoveryResponse> =
        Stream::connect(mesh.grpc, path).await.unwrap();
    client.send(Garbage { type_url: 7 }).await;
    let status = client.next().await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
}

#[tokio::test]
async fn request_over_the_limit_is_refused_and_a_large_one_is_not() {
    // rule 89
    let mesh = Mesh::start().await;
    mesh.put([("shop/reviews", 10)]).await;
    let mut client = Delta::delta(mesh.grpc).await;
    let held =
        |len: usize| (0..20_000).map(|i| (format!("{i}/{}", "n".repeat(len)), "v".to_owned())).collect();
    client
        .send(DeltaDiscoveryRequest {
            node: Some(node("large")),
            type_url: VIRTUAL_SERVICE.into(),
            initial_resource_versions: held(300),
            ..Default::default()
        })
        .await;
    let response = client.response().await;
    assert_eq!(response.resources.len(), 1);
    let too_large = REQUEST_BYTES_MAX / 20_000 + 1;
    let mut client: Delta = Stream::connect(mesh.grpc, DELTA).await.unwrap();
    client
        .send(DeltaDiscoveryRequest { initial_resource_versions: held(too_large), ..Default::default() })
        .await;
    let status = client.end().await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
}

#[tokio::test]
async fn refused_response_is_kept_and_the_stream_goes_on() {
    // rules 21 and 23
    let mesh = Mesh::start().await;
    mesh.put([("shop/reviews", 10)]).await;
    let mut client = Sotw::sotw(mesh.grpc).await;
    client.subscribe(VIRTUAL_SERVICE).await;
    let first = client.response().await;
    client.nack(&first, "no such host").await;
    let message = || {
        let state = mesh.sinks.all().first()?.types().get(VIRTUAL_SERVICE)?.clone();
        Some(state.nacked?.message)
    };
    until("the NACK to be kept", || message().as_deref() == Some("no such host")).await;
    mesh.put([("shop/reviews", 20)]).await;
    let second = client.response().await;
    assert_ne!(second.version_info, first.version_info);
}
