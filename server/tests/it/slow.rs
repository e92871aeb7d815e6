//! Clients that do not read.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Mutex},
    task::Context,
    time::Duration,
};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper_util::rt::TokioIo;
use mainsheet_api::wire::DiscoveryRequest;
use mainsheet_server::{readiness::Readiness, sinks::Sink, stream::StreamOptions};
use prost::Message;
use tokio::net::TcpStream;
use tonic::Code;

use crate::{
    client::{SOTW, Sotw, node},
    mesh::{Mesh, VIRTUAL_SERVICE, in_time, until},
};

/// Far more than the server's buffers and what a client takes without being read (64 KiB) hold.
const LARGE: [(&str, usize); 8] = [
    ("a/1", 500_000),
    ("a/2", 500_000),
    ("a/3", 500_000),
    ("a/4", 500_000),
    ("a/5", 500_000),
    ("a/6", 500_000),
    ("a/7", 500_000),
    ("a/8", 500_000),
];

#[tokio::test]
async fn client_that_does_not_read_delays_nobody_and_then_gets_the_newest() {
    // rules 84 and 85
    let mesh = Mesh::start().await;
    mesh.put(LARGE).await;
    let mut slow = Sotw::sotw(mesh.grpc).await;
    slow.subscribe(VIRTUAL_SERVICE).await;
    until("the slow stream to be subscribed", || {
        mesh.sinks.all().first().is_some_and(|sink| !sink.types().is_empty())
    })
    .await;
    let mut quick = Sotw::sotw(mesh.grpc).await;
    quick.subscribe(VIRTUAL_SERVICE).await;
    let mut newest = quick.response().await;
    for edit in 0..20 {
        quick.ack(&newest).await;
        mesh.put([("a/9", 100 + edit)]).await;
        newest = quick.response().await;
        assert_eq!(newest.resources.len(), 9);
    }
    // What was under way when it stopped reading, then the newest: nothing was queued in between.
    let first = slow.response().await;
    assert_eq!(first.resources.len(), 8);
    slow.ack(&first).await;
    let second = slow.response().await;
    assert_eq!(second.version_info, newest.version_info);
}

#[tokio::test]
async fn requests_are_read_while_a_response_is_stuck() {
    // rule 85
    let mesh = Mesh::start().await;
    mesh.put(LARGE).await;
    let mut slow = Sotw::sotw(mesh.grpc).await;
    slow.subscribe(VIRTUAL_SERVICE).await;
    // More than may be under way at once, so that they would fill up if nobody read them.
    for index in 0..1_000 {
        let (type_url, response_nonce) = (VIRTUAL_SERVICE.to_owned(), format!("stale {index}"));
        let version_info = "v".repeat(4_000);
        slow.send(DiscoveryRequest { version_info, type_url, response_nonce, ..Default::default() }).await;
    }
    slow.subscribe("networking.istio.io/v1/Gateway").await;
    let asked = || mesh.sinks.all()[0].types().contains_key("networking.istio.io/v1/Gateway");
    until("the last request to be read", asked).await;
    assert_eq!(slow.response().await.resources.len(), LARGE.len());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn clients_that_do_not_read_share_one_copy() {
    const CLIENTS: usize = 100;
    const EACH: usize = 8_000_000;
    let mesh = Mesh::start().await;
    mesh.put(LARGE.map(|(name, _)| (name, EACH / LARGE.len()))).await;
    let before = resident();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let client = Sotw::sotw(mesh.grpc).await;
        client.subscribe(VIRTUAL_SERVICE).await;
        clients.push(client);
    }
    let is_asked = |sink: &Arc<Sink>| !sink.types().is_empty();
    until("all streams to be subscribed", || mesh.sinks.all().iter().all(is_asked)).await;
    // A quick one among them: by the time that it has everything, the others have had their turn, too.
    let mut quick = Sotw::sotw(mesh.grpc).await;
    quick.subscribe(VIRTUAL_SERVICE).await;
    assert_eq!(quick.response().await.resources.len(), LARGE.len());
    // Other tests run at the same time, so the bound is loose: a copy each would be 800 MB.
    let grown = resident().saturating_sub(before);
    assert!(grown < CLIENTS * EACH / 4, "{grown} bytes for {CLIENTS} clients");
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[tokio::test]
async fn client_that_does_not_read_is_closed_after_the_write_deadline() {
    // rule 87
    let options = StreamOptions { write_deadline: Duration::from_millis(200), ..StreamOptions::default() };
    let mesh = Mesh::with(options, Readiness::new()).await;
    mesh.put(LARGE).await;
    let mut slow = Sotw::sotw(mesh.grpc).await;
    slow.subscribe(VIRTUAL_SERVICE).await;
    in_time("the stream to be closed", slow.requests.closed()).await;
    // Not by a status, which it would not have read either.
    let status = slow.end().await.unwrap_err();
    assert_ne!(status.code(), Code::InvalidArgument, "{status}");
}

#[tokio::test]
async fn client_with_nothing_to_read_is_not_closed_by_the_write_deadline() {
    let options = StreamOptions { write_deadline: Duration::from_millis(200), ..StreamOptions::default() };
    let mesh = Mesh::with(options, Readiness::new()).await;
    mesh.put(LARGE).await;
    let mut idle = Sotw::sotw(mesh.grpc).await;
    idle.subscribe("networking.istio.io/v1/Gateway").await;
    let first = idle.response().await;
    idle.ack(&first).await;
    // Others are found stuck in the meantime, each long after this one fell silent.
    for _ in 0..2 {
        let stuck = Sotw::sotw(mesh.grpc).await;
        stuck.subscribe(VIRTUAL_SERVICE).await;
        in_time("the stuck stream to be closed", stuck.requests.closed()).await;
    }
    idle.subscribe("networking.istio.io/v1/Sidecar").await;
    assert_eq!(idle.response().await.type_url, "networking.istio.io/v1/Sidecar");
}

#[tokio::test]
async fn client_whose_socket_is_full_is_closed_although_its_windows_are_open() {
    // rule 87
    let options = StreamOptions {
        write_deadline: Duration::from_millis(200),
        // Its pings are not answered either; this is about the other way to notice.
        keepalive_timeout: Duration::from_secs(600),
        ..StreamOptions::default()
    };
    let mesh = Mesh::with(options, Readiness::new()).await;
    // More than the kernel takes for both ends of a connection.
    mesh.put(LARGE.map(|(name, len)| (name, len * 12))).await;
    let dead = half_closed_stream(mesh.grpc).await;
    until("the stream to be closed", || mesh.sinks.is_empty()).await;
    drop(dead);
}

#[tokio::test]
async fn connection_that_can_not_even_be_told_that_it_ends_is_closed() {
    // rule 87: what it does not answer is noticed first, and then the end of it does not get through either.
    let options = StreamOptions {
        write_deadline: Duration::from_secs(2),
        keepalive_interval: Duration::from_millis(50),
        keepalive_timeout: Duration::from_millis(50),
        ..StreamOptions::default()
    };
    let mesh = Mesh::with(options, Readiness::new()).await;
    mesh.put(LARGE.map(|(name, len)| (name, len * 12))).await;
    let dead = half_closed_stream(mesh.grpc).await;
    let connections = || mesh.links.admission.usage()[0].used;
    until("the connection to be gone", || connections() == 0).await;
    drop(dead);
}

/// Keeps what it is to run, for whoever polls it, or doesn't.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Kept {
    fn execute(&self, future: F) {
        self.0.lock().unwrap().push(Box::pin(future));
    }
}

impl Kept {
    fn poll(&self, cx: &mut Context<'_>) {
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap());
        tasks.retain_mut(|task| task.as_mut().poll(cx).is_pending());
        self.0.lock().unwrap().append(&mut tasks);
    }
}

/// A stream with one request, half-closed, whose connection is not driven any more once the response has begun: what
/// arrives stays in the kernel.
async fn half_closed_stream(server: SocketAddr) -> impl Sized {
    let tcp = TcpStream::connect(server).await.unwrap();
    let window = (1 << 31) - 1;
    let tasks = Kept::default();
    let (mut sender, connection) = hyper::client::conn::http2::Builder::new(tasks.clone())
        .initial_stream_window_size(window)
        .initial_connection_window_size(window)
        .handshake::<_, BoxBody<Bytes, Infallible>>(TokioIo::new(tcp))
        .await
        .unwrap();
    let mut connection = Box::pin(connection);
    let response = {
        let mut response = pin!(sender.send_request(one_request(server)));
        let driven = poll_fn(|cx| {
            assert!(connection.as_mut().poll(cx).is_pending());
            tasks.poll(cx);
            response.as_mut().poll(cx)
        });
        in_time("headers", driven).await.unwrap()
    };
    (sender, connection, tasks, response)
}

fn one_request(server: SocketAddr) -> http::Request<BoxBody<Bytes, Infallible>> {
    let request =
        DiscoveryRequest { node: Some(node("dead")), type_url: VIRTUAL_SERVICE.into(), ..Default::default() };
    let mut message = BytesMut::new();
    message.put_u8(0);
    message.put_u32(request.encoded_len() as u32);
    request.encode(&mut message).unwrap();
    http::Request::post(format!("http://{server}{SOTW}"))
        .header("content-type", "application/grpc")
        .body(Full::new(message.freeze()).boxed())
        .unwrap()
}
