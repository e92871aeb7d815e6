use mainsheet_api::xds::{Variant, client::Wanted};
use mainsheet_sink::Client;

use crate::{
    client::{CLUSTER, Running, Seen, delta, names},
    server::TestServer,
};

fn client(first: &TestServer, second: &TestServer) -> Client {
    Client::builder(first.address.to_string(), "test~1")
        .address(second.address.to_string())
        .variant(Variant::Delta)
        .subscribe(CLUSTER, Wanted::Everything)
        .build()
        .unwrap()
}

#[tokio::test]
async fn next_address_is_tried_when_nobody_answers_at_the_first() {
    let (first, mut second) = (TestServer::start().await, TestServer::start().await);
    let mut client = {
        let client = client(&first, &second);
        first.stop().await;
        Running::run(client)
    };
    assert!(matches!(client.next().await, Seen::Disconnected(_, Some(_))));
    let mut stream = second.accept().await;
    stream.next_delta().await;
    stream.respond(delta("n1", &[("a", 1)], &[])).await;
    assert_eq!(client.next_update().await, (names(&["a"]), names(&[])));
}

#[tokio::test]
async fn client_resumes_at_the_next_address_and_comes_back_to_the_first_when_that_fails() {
    let (mut first, mut second) = (TestServer::start().await, TestServer::start().await);
    let mut client = Running::run(client(&first, &second));
    let mut stream = first.accept().await;
    stream.next_delta().await;
    stream.respond(delta("n1", &[("a", 1)], &[])).await;
    client.next_update().await;
    stream.next_delta().await;
    drop(stream);

    let mut stream = second.accept().await;
    let resumed = stream.next_delta().await;
    assert_eq!(resumed.node.unwrap().id, "test~1");
    assert_eq!(resumed.initial_resource_versions["a"], "1");
    stream.respond(delta("n1", &[("b", 2)], &[])).await;
    assert_eq!(client.next_update().await, (names(&["b"]), names(&[])));
    stream.next_delta().await;
    drop(stream);

    let resumed = first.accept().await.next_delta().await;
    assert_eq!(resumed.initial_resource_versions.len(), 2);
}
