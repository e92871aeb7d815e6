//! More than there is room for: each limit is told, with when to come back, and nobody else notices.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mainsheet_api::{
    generated::mainsheet::v1::{self as pb, manifest::Form},
    wire::DiscoveryRequest,
};
use mainsheet_cache::store::MemoryStore;
use mainsheet_server::{
    admission::Limits, generated::mainsheet_client::MainsheetClient, readiness::Readiness,
    stream::StreamOptions,
};
use tokio::{net::TcpStream, sync::mpsc, task::JoinSet};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{
    client::{DELTA, Delta, SOTW, Sotw, channel, node},
    http::{get, json},
    mesh::{Mesh, VIRTUAL_SERVICE, in_time, until},
};

const ENDPOINTS: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

/// That it is of this limit, and says in how long to come back.
fn told(status: &Status, code: Code, limit: &str) -> Duration {
    assert_eq!(status.code(), code, "{status}");
    assert!(status.message().contains(limit), "{status}");
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().metadata["limit"], limit);
    let hint = details.retry_info().unwrap().retry_delay.unwrap();
    let pushback: u64 =
        status.metadata().get("grpc-retry-pushback-ms").unwrap().to_str().unwrap().parse().unwrap();
    assert_eq!(u128::from(pushback), hint.as_millis());
    assert!(!hint.is_zero());
    hint
}

async fn is_served(stream: &mut Sotw, mesh: &Mesh) {
    stream.subscribe(VIRTUAL_SERVICE).await;
    assert_eq!(stream.response().await.type_url, VIRTUAL_SERVICE);
    assert!(mesh.readiness.is_ready());
}

#[tokio::test]
async fn connections_over_a_limit_are_told_and_have_a_place_when_one_ends() {
    let of_all = Limits { connections_max: 1, ..Limits::default() };
    let of_peer = Limits { connections_per_peer_max: 1, ..Limits::default() };
    for (limits, code, limit) in [
        (of_all, Code::Unavailable, "connections-max"),
        (of_peer, Code::ResourceExhausted, "connections-per-peer-max"),
    ] {
        let mesh = Mesh::within(limits).await;
        let mut first = Sotw::sotw(mesh.grpc).await;
        for path in [SOTW, DELTA] {
            let refused = Sotw::connect(mesh.grpc, path).await.err().unwrap();
            told(&refused, code, limit);
        }
        // Whatever it asks for, by the ordinary services, too.
        let refused = MainsheetClient::new(channel(mesh.grpc).await).status(pb::StatusRequest {}).await;
        told(&refused.unwrap_err(), code, limit);
        is_served(&mut first, &mesh).await;
        drop(first);
        in_time("a place", async { while Delta::connect(mesh.grpc, DELTA).await.is_err() {} }).await;
    }
}

#[tokio::test]
async fn fleet_that_comes_at_once_is_let_in_one_after_the_other() {
    // Rule 90.
    const CLIENTS: usize = 60;
    let mesh = Mesh::within(Limits { connections_per_second_per_peer: 20, ..Limits::default() }).await;
    let mut fleet = JoinSet::new();
    for _ in 0..CLIENTS {
        let grpc = mesh.grpc;
        fleet.spawn(async move {
            let mut refused = 0;
            loop {
                match Sotw::connect(grpc, SOTW).await {
                    Ok(mut stream) => {
                        stream.subscribe(VIRTUAL_SERVICE).await;
                        stream.response().await;
                        return (stream, refused);
                    }
                    Err(status) => {
                        let hint = told(&status, Code::ResourceExhausted, "connections-per-second-per-peer");
                        tokio::time::sleep(hint).await;
                        refused += 1;
                    }
                }
            }
        });
    }
    let fleet = in_time("the fleet", fleet.join_all()).await;
    let refused: usize = fleet.iter().map(|(_, refused)| refused).sum();
    assert!(refused > 0, "all of them were let in at once");
    assert_eq!(mesh.sinks.len(), CLIENTS);
}

#[tokio::test]
async fn streams_of_one_address_over_their_limit_are_told_on_a_connection_that_goes_on() {
    let mesh = Mesh::within(Limits { streams_per_peer_max: 1, ..Limits::default() }).await;
    let channel = channel(mesh.grpc).await;
    let mut first = Sotw::open(channel.clone(), SOTW).await.unwrap();
    let refused = Delta::open(channel.clone(), DELTA).await.err().unwrap();
    told(&refused, Code::ResourceExhausted, "streams-per-peer-max");
    is_served(&mut first, &mesh).await;
    drop(first);
    in_time("a place", async { while Delta::open(channel.clone(), DELTA).await.is_err() {} }).await;
}

#[tokio::test]
async fn requests_beyond_the_rate_are_read_no_faster_and_others_do_not_wait() {
    let mesh = Mesh::within(Limits { requests_per_second: 1, ..Limits::default() }).await;
    let mut hasty = Sotw::sotw(mesh.grpc).await;
    let start = mesh.links.clock.uptime();
    // The burst is of ten; then one a second.
    for number in 0..11 {
        hasty.subscribe(&format!("g/v/Kind{number}")).await;
    }
    hasty.subscribe(VIRTUAL_SERVICE).await;
    let mut other = Sotw::sotw(mesh.grpc).await;
    is_served(&mut other, &mesh).await;
    while hasty.response().await.type_url != VIRTUAL_SERVICE {}
    let took = mesh.links.clock.uptime().since(start);
    assert!(took >= Duration::from_millis(900), "{took:?}");
}

#[tokio::test]
async fn who_goes_on_beyond_the_rate_is_told() {
    let options = StreamOptions { over_rate_max: Duration::from_millis(1), ..StreamOptions::default() };
    let limits = Limits { requests_per_second: 1, ..Limits::default() };
    let mesh = Mesh::build(Arc::new(MemoryStore::default()), (options, limits), Readiness::new()).await;
    let mut hasty = Sotw::sotw(mesh.grpc).await;
    for number in 0..13 {
        hasty.subscribe(&format!("g/v/Kind{number}")).await;
    }
    let status = hasty.end().await.unwrap_err();
    told(&status, Code::ResourceExhausted, "requests-per-second");
    assert!(status.message().starts_with("more than 1 requests a second"), "{status}");
}

/// Asks for endpoints of so many names. Each takes some 230 bytes: itself, what it was sent, and until that is answered.
async fn ask_for_names(stream: &Sotw, count: usize) {
    let resource_names = (0..count).map(|number| format!("{number:036}")).collect();
    let (node, type_url) = (Some(node("many")), ENDPOINTS.to_owned());
    stream.send(DiscoveryRequest { node, type_url, resource_names, ..Default::default() }).await;
}

#[tokio::test]
async fn what_one_client_makes_the_server_keep_is_bounded_over_its_streams() {
    let mesh = Mesh::within(Limits { client_bytes_max: 600_000, ..Limits::default() }).await;
    let channel = channel(mesh.grpc).await;
    let (mut first, mut second) =
        (Sotw::open(channel.clone(), SOTW).await.unwrap(), Sotw::open(channel, SOTW).await.unwrap());
    ask_for_names(&first, 1_000).await;
    first.response().await;
    ask_for_names(&second, 3_000).await;
    told(&second.end().await.unwrap_err(), Code::ResourceExhausted, "client-bytes-max");
    is_served(&mut first, &mesh).await;
    // Another connection has its own.
    let mut other = Sotw::sotw(mesh.grpc).await;
    ask_for_names(&other, 2_000).await;
    other.response().await;
    drop((first, second, other));
    until("all to be given back", || mesh.links.admission.kept_bytes() == 0).await;
}

/// A request of which so many bytes have come, and which goes on only when told.
async fn unfinished(
    server: SocketAddr,
    path: &'static str,
    came: usize,
) -> (mpsc::Sender<Bytes>, impl Future<Output = Result<http::Response<hyper::body::Incoming>, hyper::Error>>)
{
    let tcp = TcpStream::connect(server).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .handshake::<_, BoxBody<Bytes, Infallible>>(TokioIo::new(tcp))
        .await
        .unwrap();
    let (to, from) = mpsc::channel(8);
    let frames = ReceiverStream::new(from).map(|data: Bytes| Ok(http_body::Frame::data(data)));
    let request = http::Request::post(format!("http://{server}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(StreamBody::new(frames).boxed())
        .unwrap();
    let mut head = BytesMut::new();
    head.put_u8(0);
    head.put_u32(8 << 20);
    to.send(head.freeze()).await.unwrap();
    to.send(vec![b'x'; came].into()).await.unwrap();
    let response = sender.send_request(request);
    let answered = async move {
        let _sender = sender;
        tokio::select! {
            biased;
            response = response => response,
            ended = connection => panic!("the connection ended before an answer: {ended:?}"),
        }
    };
    (to, answered)
}

const APPLY: &str = "/mainsheet.v1.Mainsheet/Apply";

#[tokio::test]
async fn unfinished_requests_are_bounded_in_all_and_small_ones_go_on() {
    let mesh = Mesh::within(Limits { requests_bytes_max: 300_000, ..Limits::default() }).await;
    let under_way = || {
        mesh.links.admission.usage().iter().find(|usage| usage.limit == "requests-bytes-max").unwrap().used
    };
    let (to, answered) = unfinished(mesh.grpc, APPLY, 200_000).await;
    let mut waiting = JoinSet::new();
    waiting.spawn(answered);
    until("the request to be under way", || under_way() >= 200_000).await;
    // A discovery request, and a whole one to write.
    let mut large = Sotw::sotw(mesh.grpc).await;
    ask_for_names(&large, 4_000).await;
    told(&large.end().await.unwrap_err(), Code::ResourceExhausted, "requests-bytes-max");
    let manifests = vec![pb::Manifest { form: Some(Form::Text("x".repeat(150_000))), ..Default::default() }];
    let mut writer = MainsheetClient::new(channel(mesh.grpc).await);
    let refused = writer.apply(pb::ApplyRequest { manifests, ..Default::default() }).await.unwrap_err();
    told(&refused, Code::ResourceExhausted, "requests-bytes-max");
    let mut small = Sotw::sotw(mesh.grpc).await;
    is_served(&mut small, &mesh).await;
    drop((waiting, to));
    until("its bytes to be given back", || under_way() == 0).await;
    let mut large = Sotw::sotw(mesh.grpc).await;
    ask_for_names(&large, 4_000).await;
    large.response().await;
}

#[tokio::test]
async fn connection_that_is_too_old_ends_as_unavailable_and_its_client_comes_back() {
    // Rule 90.
    let options =
        StreamOptions { connection_age_max: Some(Duration::from_millis(100)), ..StreamOptions::default() };
    let mesh = Mesh::with(options, Readiness::new()).await;
    let channel = channel(mesh.grpc).await;
    for _ in 0..3 {
        let ended = in_time("a stream", async {
            loop {
                match Sotw::open(channel.clone(), SOTW).await {
                    Ok(stream) => break stream,
                    // It was opened just when the connection ended.
                    Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status}"),
                }
            }
        })
        .await
        .end()
        .await
        .unwrap_err();
        assert_eq!(ended.code(), Code::Unavailable, "{ended}");
        assert!(ended.message().contains("connection-age-max"), "{ended}");
    }
}

#[tokio::test]
async fn stopping_server_is_not_ready_and_tells_who_comes_meanwhile() {
    // rule 94
    let mesh = Mesh::start().await;
    mesh.put([("a/large", 4_000_000)]).await;
    // One that does not read keeps the end from coming.
    let slow = Sotw::sotw(mesh.grpc).await;
    slow.subscribe(VIRTUAL_SERVICE).await;
    until("the slow stream to be subscribed", || !mesh.sinks.all()[0].types().is_empty()).await;
    mesh.stop.cancel();
    until("not to be ready", || mesh.readiness.awaited() == ["shutdown"]).await;
    let refused = Sotw::connect(mesh.grpc, SOTW).await.err().unwrap();
    assert_eq!((refused.code(), refused.message()), (Code::Unavailable, "the server is stopping"));
    drop(slow);
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn connections_of_a_stopping_server_end_no_faster_than_they_are_let_in() {
    const CLIENTS: usize = 4;
    let mesh = Mesh::within(Limits { connections_per_second: 2, ..Limits::default() }).await;
    let clock = mesh.links.clock.clone();
    let mut fleet = JoinSet::new();
    for _ in 0..CLIENTS {
        let mut stream = Sotw::sotw(mesh.grpc).await;
        is_served(&mut stream, &mesh).await;
        let clock = clock.clone();
        fleet.spawn(async move {
            let status = stream.end().await.unwrap_err();
            assert_eq!((status.code(), status.message()), (Code::Unavailable, "the server is stopping"));
            clock.uptime()
        });
    }
    let stop = clock.uptime();
    mesh.stopped().await.unwrap();
    // Over two seconds. That all of them have their turn at the beginning of it is next to impossible.
    let last = fleet.join_all().await.into_iter().max().unwrap();
    assert!(last.since(stop) >= Duration::from_millis(100), "{:?}", last.since(stop));
}

#[tokio::test]
async fn limits_and_refusals_are_shown() {
    let mesh = Mesh::within(Limits { streams_max: 1, ..Limits::default() }).await;
    let mut stream = Sotw::sotw(mesh.grpc).await;
    is_served(&mut stream, &mesh).await;
    Delta::connect(mesh.grpc, DELTA).await.err().unwrap();
    let page = json(mesh.http, "/debug/limits").await;
    let row = |name: &str| page.as_array().unwrap().iter().find(|row| row["limit"] == name).unwrap();
    let streams = row("streams-max");
    assert_eq!([&streams["used"], &streams["max"], &streams["refused"]], [1, 1, 1], "{page}");
    assert_eq!(row("connections-per-peer-max")["busiest"][0]["address"], "127.0.0.1", "{page}");
    let (_, metrics) = get(mesh.http, "/metrics").await;
    assert!(metrics.contains("mainsheet_refusals_total{limit=\"streams-max\"} 1"), "{metrics}");
    assert!(metrics.contains("mainsheet_limit_max{limit=\"streams-max\"} 1"), "{metrics}");
    assert!(metrics.contains("mainsheet_limit_used{limit=\"streams-max\"} 1"), "{metrics}");
}
