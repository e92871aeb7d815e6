//! What people and probes see.

use std::net::SocketAddr;

use mainsheet_server::{debug::ENDPOINTS, readiness::Readiness, stream::StreamOptions};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    client::Sotw,
    mesh::{Mesh, VIRTUAL_SERVICE, in_time, until},
};

/// Status code and body of a GET.
pub(crate) async fn get(server: SocketAddr, path: &str) -> (u16, String) {
    let mut tcp = TcpStream::connect(server).await.unwrap();
    tcp.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    in_time(path, tcp.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

pub(crate) async fn json(server: SocketAddr, path: &str) -> Value {
    let (code, body) = get(server, path).await;
    assert_eq!(code, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn readiness_names_what_is_awaited() {
    let readiness = Readiness::new();
    let guard = readiness.guard("source files");
    let mesh = Mesh::with(StreamOptions::default(), readiness).await;
    assert_eq!(get(mesh.http, "/healthz/live").await.0, 200);
    let (code, body) = get(mesh.http, "/healthz/ready").await;
    assert_eq!((code, body.as_str()), (503, r#"{"ready":false,"awaiting":["source files"]}"#));
    guard.release();
    assert_eq!(get(mesh.http, "/healthz/ready").await, (200, r#"{"ready":true,"awaiting":[]}"#.to_owned()));
    assert!(mesh.readiness.is_ready());
}

#[tokio::test]
async fn metrics_tell_what_was_pushed_and_taken() {
    let mesh = Mesh::start().await;
    let mut client = Sotw::sotw(mesh.grpc).await;
    client.subscribe(VIRTUAL_SERVICE).await;
    let first = client.response().await;
    client.ack(&first).await;
    mesh.put([("shop/reviews", 10), ("shop/ratings", 10)]).await;
    let second = client.response().await;
    client.ack(&second).await;
    let acked = || Some(mesh.sinks.all()[0].types().get(VIRTUAL_SERVICE)?.acked.clone()?.version);
    until("both ACKs", || acked().as_deref() == Some(&second.version_info)).await;
    let (_, text) = get(mesh.http, "/metrics").await;
    for line in [
        "mainsheet_pushes_total{kind=\"VirtualService\"} 2",
        "mainsheet_push_resources_total{kind=\"VirtualService\"} 2",
        "mainsheet_acks_total{kind=\"VirtualService\"} 2",
        "mainsheet_resources{kind=\"VirtualService\"} 2",
        "mainsheet_revision 1",
        "mainsheet_ready 1",
        "mainsheet_commits_total 0",
        "mainsheet_verdicts_total{verdict=\"rejected\"} 0",
        "mainsheet_intake_queue_batches 0",
        "mainsheet_streams{variant=\"sotw\"} 1",
        "mainsheet_commit_last_ack_seconds_count 1",
    ] {
        assert!(text.lines().any(|other| other == line), "`{line}` is not in\n{text}");
    }
}

#[tokio::test]
async fn syncz_tells_how_each_sink_stands() {
    let mesh = Mesh::start().await;
    mesh.put([("shop/reviews", 10)]).await;
    let mut client = Sotw::sotw(mesh.grpc).await;
    client.subscribe(VIRTUAL_SERVICE).await;
    let first = client.response().await;
    let stands = async |wanted: &str| {
        in_time(wanted, async {
            loop {
                let config = json(mesh.http, "/debug/syncz").await[0].clone();
                if config["genericXdsConfigs"][0]["configStatus"] == wanted {
                    return config;
                }
            }
        })
        .await
    };
    let stale = stands("STALE").await;
    assert_eq!(stale["node"]["id"], "test-1");
    assert_eq!(stale["genericXdsConfigs"][0]["typeUrl"], VIRTUAL_SERVICE);
    client.ack(&first).await;
    let synced = stands("SYNCED").await;
    assert_eq!(synced["genericXdsConfigs"][0]["versionInfo"], first.version_info);
    mesh.put([("shop/reviews", 20)]).await;
    let second = client.response().await;
    client.nack(&second, "no such host").await;
    let refused = stands("ERROR").await;
    let details = refused["genericXdsConfigs"][0]["errorState"]["details"].as_str().unwrap();
    assert!(details.ends_with("no such host"), "{details}");
    assert_eq!(refused["genericXdsConfigs"][0]["versionInfo"], first.version_info);
}

#[tokio::test]
async fn configz_is_what_istiod_would_show() {
    let mesh = Mesh::start().await;
    mesh.put([("shop/reviews", 3), ("bank/ledger", 3)]).await;
    let all = json(mesh.http, "/debug/configz").await;
    let version = all[1]["metadata"]["resourceVersion"].as_str().unwrap();
    assert_eq!(version.len(), 32);
    let expected = serde_json::json!({
        "kind": "VirtualService",
        "apiVersion": "networking.istio.io/v1",
        "metadata": {
            "name": "reviews",
            "namespace": "shop",
            "resourceVersion": version,
            "creationTimestamp": "1970-01-01T00:00:01Z",
            "labels": {"app": "test"},
        },
        "spec": {"hosts": ["hhh"]},
    });
    assert_eq!(all[1], expected);
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!(json(mesh.http, "/debug/configz?namespace=shop&kind=vs").await, serde_json::json!([expected]));
    assert_eq!(json(mesh.http, "/debug/configz?kind=gateway").await, serde_json::json!([]));
    assert_eq!(get(mesh.http, "/debug/configz?kind=gatewai").await.0, 400);
}

#[tokio::test]
async fn configz_of_ten_thousand_is_whole() {
    let mesh = Mesh::start().await;
    let services: Vec<_> = (0..10_000).map(|index| format!("shop/{index}")).collect();
    mesh.put(services.iter().map(|name| (name.as_str(), 20))).await;
    assert_eq!(json(mesh.http, "/debug/configz").await.as_array().unwrap().len(), 10_000);
}

#[tokio::test]
async fn index_lists_every_endpoint_and_each_of_them_answers() {
    let mesh = Mesh::start().await;
    let index = json(mesh.http, "/debug").await;
    let listed: Vec<_> = index.as_array().unwrap().iter().map(|row| row["path"].as_str().unwrap()).collect();
    assert_eq!(listed, ENDPOINTS.iter().map(|endpoint| endpoint.path).collect::<Vec<_>>());
    for path in listed {
        assert!(json(mesh.http, path).await.is_array(), "{path}");
    }
}

#[tokio::test]
async fn unknown_path_is_not_found() {
    let mesh = Mesh::start().await;
    assert_eq!(get(mesh.http, "/debug/nothing").await.0, 404);
}
