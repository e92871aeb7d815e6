//! Not ready, full, idle, stopping.

use std::time::Duration;

use mainsheet_server::{
    admission::Limits,
    network::Tcp,
    readiness::Readiness,
    stream::{self, StreamOptions},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::Code;

use crate::{
    client::{DELTA, Delta, SOTW, Sotw, Stream, channel},
    mesh::{Mesh, VIRTUAL_SERVICE, in_time, until},
};

#[tokio::test]
async fn server_that_is_not_ready_listens_and_refuses_streams_with_the_reason() {
    // rule 11
    let readiness = Readiness::new();
    let guard = readiness.guard("source files");
    let mesh = Mesh::with(StreamOptions::default(), readiness).await;
    let channel = channel(mesh.grpc).await;
    let sotw = Sotw::open(channel.clone(), SOTW).await.err().unwrap();
    let delta = Delta::open(channel.clone(), DELTA).await.err().unwrap();
    for status in [sotw, delta] {
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(status.message(), "not ready: awaiting source files");
    }
    guard.release();
    let mut stream = Sotw::open(channel, SOTW).await.unwrap();
    stream.subscribe(VIRTUAL_SERVICE).await;
    assert_eq!(stream.response().await.type_url, VIRTUAL_SERVICE);
}

#[tokio::test]
async fn stopping_ends_streams_as_unavailable_and_takes_no_new_ones() {
    // rule 94
    let mesh = Mesh::start().await;
    let grpc = mesh.grpc;
    let mut sotw = Sotw::sotw(grpc).await;
    sotw.subscribe(VIRTUAL_SERVICE).await;
    sotw.response().await;
    let mut delta = Delta::delta(grpc).await;
    mesh.stopped().await.unwrap();
    for status in [sotw.next().await.unwrap_err(), delta.next().await.unwrap_err()] {
        assert_eq!((status.code(), status.message()), (Code::Unavailable, "the server is stopping"));
    }
    TcpStream::connect(grpc).await.unwrap_err();
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_client_that_does_not_read() {
    let options = StreamOptions { grace: Duration::from_millis(100), ..StreamOptions::default() };
    let mesh = Mesh::with(options, Readiness::new()).await;
    mesh.put([("a/large", 4_000_000)]).await;
    let slow = Sotw::sotw(mesh.grpc).await;
    slow.subscribe(VIRTUAL_SERVICE).await;
    let sinks = mesh.sinks.clone();
    mesh.stopped().await.unwrap();
    assert!(sinks.is_empty());
}

#[tokio::test]
async fn port_that_is_taken_is_an_error_before_anything_runs() {
    let mesh = Mesh::start().await;
    let second = stream::Server::bind(&Tcp, mesh.grpc, StreamOptions::default(), mesh.links.clone()).await;
    assert_eq!(second.err().unwrap().kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn streams_over_the_limit_are_refused_until_one_ends() {
    let mesh = Mesh::within(Limits { streams_max: 1, ..Limits::default() }).await;
    let first = Sotw::sotw(mesh.grpc).await;
    let refused = Delta::connect(mesh.grpc, DELTA).await.err().unwrap();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    drop(first);
    until("the first stream to be forgotten", || mesh.sinks.is_empty()).await;
    in_time("a place", async { while Delta::connect(mesh.grpc, DELTA).await.is_err() {} }).await;
}

#[tokio::test]
async fn connection_that_asks_for_nothing_is_closed() {
    let first_request_deadline = Duration::from_millis(50);
    let mesh =
        Mesh::with(StreamOptions { first_request_deadline, ..StreamOptions::default() }, Readiness::new())
            .await;
    let (mut stays, first) = Sotw::answered(mesh.grpc, VIRTUAL_SERVICE).await;
    let mut silent = TcpStream::connect(mesh.grpc).await.unwrap();
    let mut greets = TcpStream::connect(mesh.grpc).await.unwrap();
    greets.write_all(HELLO).await.unwrap();
    for connection in [&mut silent, &mut greets] {
        let mut rest = Vec::new();
        // Whatever the server had to say, and then the end.
        let _ = in_time("the end", connection.read_to_end(&mut rest)).await;
    }
    stays.ack(&first).await;
    mesh.put([("a/x", 1)]).await;
    stays.response().await;
}

#[tokio::test]
async fn client_that_goes_away_is_forgotten() {
    // rule 12
    let mesh = Mesh::start().await;
    let mut stream: Sotw = Stream::connect(mesh.grpc, SOTW).await.unwrap();
    stream.subscribe(VIRTUAL_SERVICE).await;
    stream.response().await;
    assert_eq!(mesh.sinks.len(), 1);
    drop(stream);
    until("the stream to be forgotten", || mesh.sinks.is_empty()).await;
}

/// Client preface and an empty SETTINGS frame.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;

#[tokio::test]
async fn pings_are_answered_however_many() {
    // rule 88: many servers take more than one ping in five minutes for an attack
    const PINGS: usize = 1_000;
    let mesh = Mesh::start().await;
    let (mut from, mut to) = TcpStream::connect(mesh.grpc).await.unwrap().into_split();
    to.write_all(HELLO).await.unwrap();
    let mut answered = 0;
    while answered < PINGS {
        to.write_all(b"\0\0\x08\x06\0\0\0\0\0anything").await.unwrap();
        loop {
            let (kind, flags) = in_time("a frame", frame(&mut from)).await;
            assert_ne!(kind, GOAWAY, "after {answered} pings");
            if kind == PING && flags & ACK != 0 {
                break;
            }
        }
        answered += 1;
    }
}

#[tokio::test]
async fn peer_that_answers_no_pings_is_dead() {
    // rule 88
    let options = StreamOptions {
        keepalive_interval: Duration::from_millis(20),
        keepalive_timeout: Duration::from_millis(20),
        ..StreamOptions::default()
    };
    let mesh = Mesh::with(options, Readiness::new()).await;
    let mut peer = TcpStream::connect(mesh.grpc).await.unwrap();
    peer.write_all(HELLO).await.unwrap();
    let mut rest = Vec::new();
    in_time("the end", peer.read_to_end(&mut rest)).await.unwrap();
}

/// Reads one HTTP/2 frame: its type and flags.
async fn frame(from: &mut (impl AsyncReadExt + Unpin)) -> (u8, u8) {
    let mut head = [0; 9];
    from.read_exact(&mut head).await.unwrap();
    let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    from.read_exact(&mut vec![0; len]).await.unwrap();
    (head[3], head[4])
}
