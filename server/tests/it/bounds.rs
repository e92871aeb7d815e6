//! Bounds of what one client can make the server keep, or wait for: each ends in a refusal with its reason.

use std::{sync::Arc, time::Duration};

use mainsheet_api::{
    limits::{NAMES_BYTES_MAX, NAMES_PER_TYPE_MAX, NODE_BYTES_MAX},
    wire::{
        DeltaDiscoveryRequest, DiscoveryRequest, Node,
        google::protobuf::{Struct, Value, value},
    },
};
use mainsheet_cache::store::MemoryStore;
use mainsheet_server::{admission::Limits, readiness::Readiness, stream::StreamOptions};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};
use tonic::Code;

use crate::{
    client::{Delta, Sotw, node},
    mesh::{Mesh, VIRTUAL_SERVICE, in_time, until},
};

const ENDPOINTS: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
const ROUTES: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";

fn large_node() -> Node {
    let text = Value { kind: Some(value::Kind::StringValue("x".repeat(NODE_BYTES_MAX))) };
    Node { metadata: Some(Struct { fields: [("LARGE".to_owned(), text)].into() }), ..node("large") }
}

#[tokio::test]
async fn node_over_the_bound_is_refused_with_the_bound() {
    let mesh = Mesh::start().await;
    for type_url in [VIRTUAL_SERVICE, "istio.io/debug/syncz"] {
        let mut client = Sotw::sotw(mesh.grpc).await;
        let request =
            DiscoveryRequest { node: Some(large_node()), type_url: type_url.into(), ..Default::default() };
        client.send(request).await;
        let status = client.end().await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(status.message().contains(&format!("at most {NODE_BYTES_MAX}")), "{status}");
    }
}

#[tokio::test]
async fn more_names_than_one_type_may_have_are_refused_with_what_to_do() {
    let mesh = Mesh::start().await;
    let resource_names: Vec<_> = (0..=NAMES_PER_TYPE_MAX).map(|number| format!("c{number}")).collect();
    let mut sotw = Sotw::sotw(mesh.grpc).await;
    sotw.send(DiscoveryRequest {
        node: Some(node("many")),
        type_url: ENDPOINTS.into(),
        resource_names: resource_names.clone(),
        ..Default::default()
    })
    .await;
    let mut delta = Delta::delta(mesh.grpc).await;
    delta
        .send(DeltaDiscoveryRequest {
            node: Some(node("many")),
            type_url: ENDPOINTS.into(),
            resource_names_subscribe: resource_names,
            ..Default::default()
        })
        .await;
    for status in [sotw.end().await.unwrap_err(), delta.end().await.unwrap_err()] {
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(status.message().contains("at most 100000"), "{status}");
        assert!(status.message().contains("ask for fewer, or for everything"), "{status}");
    }
}

#[tokio::test]
async fn names_of_several_types_are_refused_once_they_are_too_many_together() {
    let mesh = Mesh::start().await;
    let mut client = Sotw::sotw(mesh.grpc).await;
    let names = |each: usize| (0..NAMES_BYTES_MAX / 3 / each).map(|n| format!("{n:0each$}")).collect();
    for type_url in [ENDPOINTS, ROUTES, VIRTUAL_SERVICE] {
        client
            .send(DiscoveryRequest {
                node: Some(node("long")),
                type_url: type_url.into(),
                resource_names: names(4_000),
                ..Default::default()
            })
            .await;
    }
    let status = client.end().await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.message().contains(&format!("at most {NAMES_BYTES_MAX} are kept")), "{status}");
}

#[tokio::test]
async fn stream_without_a_request_is_ended_with_the_reason_and_its_place_is_free_again() {
    let first_request_deadline = Duration::from_millis(50);
    let options = StreamOptions { first_request_deadline, ..StreamOptions::default() };
    let limits = Limits { streams_max: 2, ..Limits::default() };
    let mesh = Mesh::build(Arc::new(MemoryStore::default()), (options, limits), Readiness::new()).await;
    let (mut asks, first) = Sotw::answered(mesh.grpc, VIRTUAL_SERVICE).await;
    until("earlier tries to be forgotten", || mesh.sinks.len() == 1).await;
    let mut silent = Delta::delta(mesh.grpc).await;
    let status = silent.next().await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    assert_eq!(status.message(), "no request within 50ms of the stream's opening");
    drop(silent);
    until("its place", || mesh.sinks.len() == 1).await;
    // Who has asked once may be silent for as long as it likes.
    asks.ack(&first).await;
    mesh.put([("a/x", 1)]).await;
    assert_eq!(asks.response().await.resources.len(), 1);
}

#[tokio::test]
async fn page_that_is_not_read_is_closed_after_the_write_deadline() {
    let options = StreamOptions { write_deadline: Duration::from_millis(200), ..StreamOptions::default() };
    let mesh = Mesh::with(options, Readiness::new()).await;
    // More than the kernel takes for both ends of a connection.
    let large: Vec<_> = (0..24).map(|number| (format!("a/{number}"), 1_000_000)).collect();
    mesh.put(large.iter().map(|(name, len)| (name.as_str(), *len))).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 << 10).unwrap();
    let mut slow = socket.connect(mesh.http).await.unwrap();
    slow.write_all(b"GET /debug/configz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut start = [0; 12];
    in_time("the page", slow.read_exact(&mut start)).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    // Whoever writes to a closed socket is told so, at the second time at the latest.
    in_time("the end", async {
        while slow.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
