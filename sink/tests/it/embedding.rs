//! What an embedder can say and read beside updates.

use mainsheet_api::{
    version::ResourceVersion,
    xds::client::{Update, Wanted},
};
use mainsheet_sink::{Apply, Client, Event, Rejection, hook};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;

use crate::{
    client::{CLUSTER, delta, names},
    server::{PATIENCE, TestServer},
};

#[tokio::test]
async fn refused_resources_are_asked_for_again_and_the_rest_is_held() {
    let mut server = TestServer::start().await;
    let mut client = Client::builder(server.address.to_string(), "test~1")
        .subscribe(CLUSTER, Wanted::Everything)
        .build()
        .unwrap();
    let counters = client.metrics();
    let stop = CancellationToken::new();
    let mut half = hook(|update: &Update| {
        let bad = update.changed.iter().any(|received| &*received.name == "bad");
        if bad { Err(Rejection::of("bad", "no").rest_applied()) } else { Ok(()) }
    });
    let test = async {
        let mut stream = server.accept().await;
        stream.next_delta().await;
        stream.respond(delta("1", &[("good", 1), ("bad", 1)], &[])).await;
        assert_eq!(stream.next_delta().await.error_detail.unwrap().message, "resource bad: no");
        stream.respond(delta("2", &[("more", 2)], &[])).await;
        assert_eq!(stream.next_delta().await.error_detail, None);
        drop(stream);
        let mut stream = server.accept().await;
        let resumed = stream.next_delta().await;
        assert_eq!(
            resumed.initial_resource_versions.into_keys().collect::<Vec<_>>(),
            names(&["good", "more"])
        );
        stream.respond(delta("3", &[("bad", 2)], &["more"])).await;
        assert!(stream.next_delta().await.error_detail.is_some());
        stop.cancel();
    };
    timeout(PATIENCE, async { tokio::join!(client.run(&mut half, stop.cancelled()), test) })
        .await
        .unwrap()
        .0
        .unwrap();
    let counters = counters.read();
    assert_eq!((counters.connects, counters.disconnects, counters.is_connected), (2, 1, false));
    assert_eq!((counters.responses, counters.applied, counters.rejected), (3, 1, 2));
    assert!(counters.types.contains_key(CLUSTER));
}

/// Sees what the server says with its acceptance.
struct Accepted(CancellationToken, Option<String>);

impl Apply for Accepted {
    async fn apply(&mut self, _: &Update) -> Result<(), Rejection> {
        Ok(())
    }

    fn on_event(&mut self, event: Event<'_>) {
        if let Event::Connected { metadata } = event {
            self.1 = metadata.get("content-type").and_then(|text| text.to_str().ok()).map(str::to_owned);
            self.0.cancel();
        }
    }
}

#[tokio::test]
async fn embedder_says_what_is_held_and_sends_and_sees_metadata() {
    let mut server = TestServer::start().await;
    let mut headers = MetadataMap::new();
    headers.insert("authorization", "Bearer x".parse().unwrap());
    let mut client = Client::builder(server.address.to_string(), "test~1")
        .subscribe(CLUSTER, Wanted::Everything)
        .holds(CLUSTER, [("a".into(), ResourceVersion::new("7"))])
        .headers(headers)
        .build()
        .unwrap();
    let stop = CancellationToken::new();
    let mut accepted = Accepted(stop.clone(), None);
    let test = async {
        let mut stream = server.accept().await;
        assert_eq!(stream.header("authorization"), Some("Bearer x"));
        stream.next_delta().await.initial_resource_versions
    };
    let (ran, held) =
        timeout(PATIENCE, async { tokio::join!(client.run(&mut accepted, stop.cancelled()), test) })
            .await
            .unwrap();
    ran.unwrap();
    assert_eq!(held["a"], "7");
    assert_eq!(accepted.1.as_deref(), Some("application/grpc"));
}

#[tokio::test]
async fn subscription_that_changes_between_two_runs_is_asked_for_on_the_next() {
    let mut server = TestServer::start().await;
    let mut client = Client::builder(server.address.to_string(), "test~1")
        .subscribe(CLUSTER, Wanted::Names(["a".to_owned()].into()))
        .build()
        .unwrap();
    for wanted in [["a"], ["b"]] {
        client.want(CLUSTER, Wanted::Names(wanted.map(str::to_owned).into()));
        let stop = CancellationToken::new();
        let test = async {
            let asked = server.accept().await.next_delta().await;
            assert_eq!(asked.resource_names_subscribe, wanted);
            stop.cancel();
        };
        let mut nothing = hook(|_: &Update| Ok(()));
        timeout(PATIENCE, async { tokio::join!(client.run(&mut nothing, stop.cancelled()), test) })
            .await
            .unwrap()
            .0
            .unwrap();
    }
}
