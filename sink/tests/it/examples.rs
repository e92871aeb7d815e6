//! The examples, run against a server.

use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    resource::{ROUTES, delta, route},
    server::{PATIENCE, ServerStream, TestServer},
};

#[path = "../../examples/keep.rs"]
#[allow(dead_code, unreachable_pub, reason = "a program of its own, whose main is for people")]
mod keep;
#[path = "../../examples/print.rs"]
#[allow(dead_code, unreachable_pub, reason = "a program of its own, whose main is for people")]
mod print;
#[path = "../../examples/reject.rs"]
#[allow(dead_code, unreachable_pub, reason = "a program of its own, whose main is for people")]
mod reject;

/// Reads requests until the one that answers a response.
async fn answer(stream: &mut ServerStream, nonce: &str) -> Option<String> {
    loop {
        let request = stream.next_delta().await;
        if request.response_nonce == nonce {
            return request.error_detail.map(|status| status.message);
        }
    }
}

#[tokio::test]
async fn print_tells_of_each_change() {
    let mut server = TestServer::start().await;
    let (sender, mut lines) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let address = server.address.to_string();
    let client = print::run(&address, move |line| sender.send(line).unwrap(), stop.cancelled());
    let test = async {
        let mut stream = server.accept().await;
        stream.respond(delta("1", &[route("a", "x")], &[])).await;
        let line = lines.recv().await.unwrap();
        assert!(line.starts_with(&format!("{ROUTES} shop/a is at ")), "{line}");
        assert_eq!(answer(&mut stream, "1").await, None);
        stream.respond(delta("2", &[], &["shop/a"])).await;
        assert_eq!(lines.recv().await.unwrap(), format!("{ROUTES} shop/a is gone"));
        stop.cancel();
    };
    let (ran, ()) = timeout(PATIENCE, async { tokio::join!(client, test) }).await.unwrap();
    ran.unwrap();
}

#[tokio::test]
async fn keep_resumes_from_its_directory() {
    let mut server = TestServer::start().await;
    let root = tempfile::tempdir().unwrap();
    let address = server.address.to_string();
    for round in 0..2 {
        let stop = CancellationToken::new();
        let client = keep::run(&address, root.path(), stop.cancelled());
        let test = async {
            let mut stream = server.accept().await;
            let asked = loop {
                let request = stream.next_delta().await;
                if request.type_url == ROUTES {
                    break request;
                }
            };
            if round == 0 {
                assert!(asked.initial_resource_versions.is_empty());
                stream.respond(delta("1", &[route("a", "x"), route("b", "x")], &[])).await;
            } else {
                let held: Vec<_> = asked.initial_resource_versions.keys().collect();
                assert_eq!(held, ["shop/a", "shop/b"]);
                stream.respond(delta("1", &[], &["shop/b"])).await;
            }
            assert_eq!(answer(&mut stream, "1").await, None);
            stop.cancel();
        };
        let (ran, ()) = timeout(PATIENCE, async { tokio::join!(client, test) }).await.unwrap();
        ran.unwrap();
    }
    let folder = root.path().join(ROUTES).join("shop");
    assert_eq!(std::fs::read_to_string(folder.join("a.yaml")).unwrap(), route("a", "x"));
    assert!(!folder.join("b.yaml").exists());
}

#[tokio::test]
async fn reject_names_what_does_not_fit_and_takes_the_rest() {
    let mut server = TestServer::start().await;
    let stop = CancellationToken::new();
    let address = server.address.to_string();
    let client = reject::run(&address, stop.cancelled());
    let test = async {
        let mut stream = server.accept().await;
        let large = route("large", "x")
            .replace("  name: large\n", &format!("  name: large\n  labels: {{a: {}}}\n", "x".repeat(5000)));
        stream.respond(delta("1", &[route("small", "x"), large], &[])).await;
        let nack = answer(&mut stream, "1").await.unwrap();
        assert!(nack.starts_with("resource shop/large: has "), "{nack}");
        stop.cancel();
    };
    let (small, ()) = timeout(PATIENCE, async { tokio::join!(client, test) }).await.unwrap();
    assert_eq!(small.unwrap().kept.keys().collect::<Vec<_>>(), ["shop/small"]);
}
