use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mainsheet_api::{
    node::Node,
    wire::{Any, DeltaDiscoveryResponse, DiscoveryResponse, Resource, google},
    xds::{
        Variant,
        client::{Response, TTL_FEATURES, Update, Wanted},
    },
};
use mainsheet_sink::{Apply, Client, Disconnected, Event, Reconnect, Rejection};
use stop::Stop;
use tokio::{sync::mpsc, task::JoinSet, time::timeout};
use tonic::{Code, Status};

use crate::server::{PATIENCE, TestServer};

/// The order to stop.
mod stop {
    use tokio::sync::watch;

    /// Stops a client when dropped, or told.
    pub(super) struct Stop(watch::Sender<bool>);

    impl Stop {
        pub(super) fn new() -> (Self, impl Future<Output = ()> + Send + 'static) {
            let (sender, mut receiver) = watch::channel(false);
            let stopped = async move {
                let _ = receiver.wait_for(|stop| *stop).await;
            };
            (Self(sender), stopped)
        }

        pub(super) fn give(&self) {
            self.0.send_replace(true);
        }
    }
}

/// An Envoy type: named by its body's first field, so that a SotW resource has a name, too.
pub(crate) const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";

/// What an applier saw.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    Connected,
    Disconnected(Code, Option<Duration>),
    Update { changed: Vec<String>, removed: Vec<String> },
    Refused,
}

/// Tells the test all it sees, and rejects updates that touch a resource called `bad`.
struct Recorder(mpsc::UnboundedSender<Seen>);

impl Apply for Recorder {
    async fn apply(&mut self, update: &Update) -> Result<(), Rejection> {
        let changed: Vec<String> = update.changed.iter().map(|received| received.name.to_string()).collect();
        let removed = update.removed.iter().map(ToString::to_string).collect();
        let bad = changed.iter().any(|name| name == "bad");
        self.0.send(Seen::Update { changed, removed }).unwrap();
        if bad { Err(Rejection::of("bad", "it is bad")) } else { Ok(()) }
    }

    fn on_event(&mut self, event: Event<'_>) {
        let seen = match event {
            Event::Connected { .. } => Seen::Connected,
            Event::Disconnected { reason, retry_in } => Seen::Disconnected(code(reason), retry_in),
            Event::Refused(_) => Seen::Refused,
        };
        self.0.send(seen).unwrap();
    }
}

fn code(reason: &Disconnected) -> Code {
    match reason {
        Disconnected::Status { status, .. } => status.code(),
        Disconnected::Closed { .. } => Code::Ok,
        Disconnected::Connect { .. } => Code::Unavailable,
        Disconnected::Stuck { .. } => Code::DeadlineExceeded,
        Disconnected::Silent { .. } => Code::Aborted,
    }
}

/// A client at work beside the test.
pub(crate) struct Running {
    seen: mpsc::UnboundedReceiver<Seen>,
    stop: Stop,
    task: JoinSet<(Client, Result<(), Disconnected>)>,
}

impl Running {
    fn start(server: &TestServer, variant: Variant) -> Self {
        let client = Client::builder(server.address.to_string(), "test~1")
            .variant(variant)
            .cluster("edge")
            .metadata("NAMESPACE", "shop")
            .subscribe(CLUSTER, Wanted::Everything)
            .build();
        Self::run(client.unwrap())
    }

    pub(crate) fn run(mut client: Client) -> Self {
        let (sender, seen) = mpsc::unbounded_channel();
        let (stop, stopped) = Stop::new();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let result = client.run(&mut Recorder(sender), stopped).await;
            (client, result)
        });
        Self { seen, stop, task }
    }

    pub(crate) async fn next(&mut self) -> Seen {
        timeout(PATIENCE, self.seen.recv()).await.expect("something to see").expect("a running client")
    }

    pub(crate) async fn next_update(&mut self) -> (Vec<String>, Vec<String>) {
        loop {
            if let Seen::Update { changed, removed } = self.next().await {
                return (changed, removed);
            }
        }
    }

    async fn end(mut self) -> (Client, Result<(), Disconnected>) {
        timeout(PATIENCE, self.task.join_next()).await.expect("an end").unwrap().unwrap()
    }
}

/// A cluster that only has a name (field 1), and something to tell versions apart (field 3, a timeout in seconds).
fn cluster(name: &str, version: u8) -> Any {
    let mut value = vec![0x0a, u8::try_from(name.len()).unwrap()];
    value.extend_from_slice(name.as_bytes());
    value.extend_from_slice(&[0x22, 0x02, 0x08, version]);
    Any { type_url: CLUSTER.into(), value: value.into() }
}

fn sotw(version: &str, nonce: &str, clusters: &[(&str, u8)]) -> Response {
    Response::Sotw(DiscoveryResponse {
        version_info: version.into(),
        type_url: CLUSTER.into(),
        nonce: nonce.into(),
        resources: clusters.iter().map(|(name, version)| cluster(name, *version)).collect(),
        ..DiscoveryResponse::default()
    })
}

pub(crate) fn delta(nonce: &str, clusters: &[(&str, u8)], removed: &[&str]) -> Response {
    let resource = |&(name, version): &(&str, u8)| Resource {
        name: name.into(),
        version: version.to_string(),
        resource: Some(cluster(name, version)),
        ..Resource::default()
    };
    Response::Delta(DeltaDiscoveryResponse {
        type_url: CLUSTER.into(),
        nonce: nonce.into(),
        resources: clusters.iter().map(resource).collect(),
        removed_resources: removed.iter().map(ToString::to_string).collect(),
        ..DeltaDiscoveryResponse::default()
    })
}

pub(crate) fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn first_request_names_the_node_and_the_type() {
    let mut server = TestServer::start().await;
    let _client = Running::start(&server, Variant::Sotw);
    let request = server.accept().await.next_sotw().await;
    assert_eq!(request.type_url, CLUSTER);
    let node = Node::from(&request.node.unwrap());
    assert_eq!(
        (node.id.as_str(), node.cluster.as_str(), node.user_agent.as_str()),
        ("test~1", "edge", "mainsheet")
    );
    assert_eq!(node.metadata, BTreeMap::from([("NAMESPACE".to_owned(), "shop".to_owned())]));
}

#[tokio::test]
async fn sotw_answers_are_applied_as_differences_and_acked() {
    let mut server = TestServer::start().await;
    let mut client = Running::start(&server, Variant::Sotw);
    let mut stream = server.accept().await;
    stream.next_sotw().await;

    stream.respond(sotw("v1", "n1", &[("a", 1), ("b", 1)])).await;
    assert_eq!(client.next_update().await, (names(&["a", "b"]), names(&[])));
    let ack = stream.next_sotw().await;
    assert_eq!((ack.version_info.as_str(), ack.response_nonce.as_str()), ("v1", "n1"));
    assert_eq!(ack.error_detail, None);

    stream.respond(sotw("v2", "n2", &[("b", 2)])).await;
    assert_eq!(client.next_update().await, (names(&["b"]), names(&["a"])));
    assert_eq!(stream.next_sotw().await.response_nonce, "n2");
}

#[tokio::test]
async fn delta_answers_are_applied_and_acked() {
    let mut server = TestServer::start().await;
    let mut client = Running::start(&server, Variant::Delta);
    let mut stream = server.accept().await;
    stream.next_delta().await;

    stream.respond(delta("n1", &[("a", 1), ("b", 1)], &[])).await;
    assert_eq!(client.next_update().await, (names(&["a", "b"]), names(&[])));
    let ack = stream.next_delta().await;
    assert_eq!((ack.response_nonce.as_str(), ack.error_detail), ("n1", None));

    stream.respond(delta("n2", &[("b", 2)], &["a"])).await;
    assert_eq!(client.next_update().await, (names(&["b"]), names(&["a"])));
    assert_eq!(stream.next_delta().await.response_nonce, "n2");
}

#[tokio::test]
async fn rejected_update_is_nacked_with_the_appliers_reason_and_the_last_good_version() {
    let mut server = TestServer::start().await;
    let mut client = Running::start(&server, Variant::Sotw);
    let mut stream = server.accept().await;
    stream.next_sotw().await;
    stream.respond(sotw("v1", "n1", &[("a", 1)])).await;
    client.next_update().await;
    stream.next_sotw().await;

    stream.respond(sotw("v2", "n2", &[("bad", 1)])).await;
    client.next_update().await;
    let nack = stream.next_sotw().await;
    assert_eq!((nack.version_info.as_str(), nack.response_nonce.as_str()), ("v1", "n2"));
    assert_eq!(nack.error_detail.unwrap().message, "resource bad: it is bad");

    stream.respond(sotw("v3", "n3", &[("a", 2)])).await;
    assert_eq!(client.next_update().await, (names(&["a"]), names(&[])));
    assert_eq!(stream.next_sotw().await.error_detail, None);
}

#[tokio::test]
async fn malformed_response_is_refused_and_never_applied() {
    let mut server = TestServer::start().await;
    let mut client = Running::start(&server, Variant::Delta);
    let mut stream = server.accept().await;
    stream.next_delta().await;
    assert_eq!(client.next().await, Seen::Connected);

    stream.respond(delta("n1", &[("a", 1), ("a", 1)], &[])).await;
    assert_eq!(client.next().await, Seen::Refused);
    let nack = stream.next_delta().await;
    assert_eq!(nack.response_nonce, "n1");
    assert!(nack.error_detail.unwrap().message.contains("`a`"));

    stream.respond(delta("n2", &[("b", 1)], &[])).await;
    assert_eq!(client.next().await, Seen::Update { changed: names(&["b"]), removed: names(&[]) });
}

#[tokio::test]
async fn reconnected_delta_client_resumes_with_the_versions_that_it_holds() {
    let mut server = TestServer::start().await;
    let mut client = Running::start(&server, Variant::Delta);
    let mut stream = server.accept().await;
    assert!(stream.next_delta().await.initial_resource_versions.is_empty());
    stream.respond(delta("n1", &[("a", 1), ("b", 7)], &[])).await;
    client.next_update().await;
    stream.next_delta().await;
    drop(stream);

    let mut stream = server.accept().await;
    let resumed = stream.next_delta().await;
    assert_eq!(resumed.node.unwrap().id, "test~1");
    let held: Vec<_> = resumed.initial_resource_versions.iter().collect();
    assert_eq!(held, [(&"a".to_string(), &"1".to_string()), (&"b".to_string(), &"7".to_string())]);
    assert_eq!(resumed.response_nonce, "");

    stream.respond(delta("n1", &[("b", 8)], &["a"])).await;
    assert_eq!(client.next_update().await, (names(&["b"]), names(&["a"])));
}

#[tokio::test]
async fn reconnected_sotw_client_is_told_only_what_changed_while_it_was_away() {
    let mut server = TestServer::start().await;
    let mut client = Running::start(&server, Variant::Sotw);
    let mut stream = server.accept().await;
    stream.next_sotw().await;
    stream.respond(sotw("v1", "n1", &[("a", 1), ("b", 1)])).await;
    client.next_update().await;
    stream.next_sotw().await;
    stream.refuse(Status::unavailable("going away")).await;

    let mut stream = server.accept().await;
    stream.next_sotw().await;
    stream.respond(sotw("v2", "x1", &[("a", 1), ("c", 1)])).await;
    assert_eq!(client.next_update().await, (names(&["c"]), names(&["b"])));
    assert_eq!(stream.next_sotw().await.response_nonce, "x1");
}

#[tokio::test]
async fn server_that_is_not_ready_or_not_there_is_tried_again() {
    let mut server = TestServer::start().await;
    let mut client = Running::start(&server, Variant::Delta);
    server.accept().await.refuse(Status::unavailable("not ready")).await;
    loop {
        match client.next().await {
            Seen::Connected => {}
            Seen::Disconnected(code, retry_in) => {
                assert_eq!(code, Code::Unavailable);
                assert!(retry_in.is_some());
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    let address = server.address;
    server.stop().await;
    let mut server = TestServer::start_at(address).await;
    let mut stream = server.accept().await;
    stream.next_delta().await;
    stream.respond(delta("n1", &[("a", 1)], &[])).await;
    assert_eq!(client.next_update().await, (names(&["a"]), names(&[])));
}

#[tokio::test]
async fn backoff_starts_from_the_beginning_after_an_answer() {
    let first_wait_max = Duration::from_millis(200);
    let mut server = TestServer::start().await;
    let mut client = Running::start(&server, Variant::Delta);
    for round in 0..12 {
        let mut stream = server.accept().await;
        stream.next_delta().await;
        stream.respond(delta("n", &[("a", round)], &[])).await;
        client.next_update().await;
        drop(stream);
        loop {
            if let Seen::Disconnected(_, retry_in) = client.next().await {
                assert!(retry_in.unwrap() <= first_wait_max, "{retry_in:?} in round {round}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn server_that_says_when_to_come_back_is_not_tried_sooner() {
    let mut server = TestServer::start().await;
    let mut client = Running::start(&server, Variant::Delta);
    let mut busy = Status::unavailable("busy");
    busy.metadata_mut().insert("grpc-retry-pushback-ms", "700".parse().unwrap());
    server.accept().await.refuse(busy).await;
    let retry_in = loop {
        match client.next().await {
            Seen::Connected => {}
            Seen::Disconnected(_, retry_in) => break retry_in.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    // The rest is the jitter of a first attempt.
    let told = Duration::from_millis(700);
    assert!(retry_in >= told && retry_in <= told + Duration::from_millis(200), "{retry_in:?}");
    server.accept().await;
}

#[tokio::test]
async fn client_that_is_not_to_reconnect_says_why_its_stream_ended() {
    let mut server = TestServer::start().await;
    let client = Client::builder(server.address.to_string(), "test~1")
        .reconnect(Reconnect::Never)
        .subscribe(CLUSTER, Wanted::Everything)
        .build();
    let client = Running::run(client.unwrap());
    server.accept().await.refuse(Status::permission_denied("not you")).await;
    let reason = client.end().await.1.unwrap_err();
    let expected = format!("stream of `{}`: PermissionDenied: not you", server.address);
    assert_eq!(reason.to_string(), expected);
}

#[tokio::test]
async fn client_that_is_not_to_reconnect_says_that_nobody_answers() {
    let server = TestServer::start().await;
    let address = server.address;
    server.stop().await;
    let client = Client::builder(address.to_string(), "test~1")
        .reconnect(Reconnect::Never)
        .subscribe(CLUSTER, Wanted::Everything)
        .build();
    let reason = Running::run(client.unwrap()).end().await.1.unwrap_err();
    assert_eq!(reason.to_string(), format!("connect to `{address}`: Connection refused (os error 111)"));
}

#[tokio::test]
async fn stopped_client_ends_its_stream_in_good_order_and_goes_on_with_what_it_holds() {
    let mut server = TestServer::start().await;
    let mut running = Running::start(&server, Variant::Delta);
    let mut stream = server.accept().await;
    stream.next_delta().await;
    stream.respond(delta("n1", &[("a", 1)], &[])).await;
    running.next_update().await;
    running.stop.give();
    assert_eq!(stream.next_delta().await.response_nonce, "n1", "the ACK arrives before the end");
    assert_eq!(stream.next().await, None);
    drop(stream);
    let (client, result) = running.end().await;
    result.unwrap();
    let held: Vec<(Arc<str>, String)> =
        client.held(CLUSTER).into_iter().map(|(name, version)| (name, version.to_string())).collect();
    assert_eq!(held, [("a".into(), "1".into())]);

    let _running = Running::run(client);
    let resumed = server.accept().await.next_delta().await;
    assert_eq!(resumed.initial_resource_versions["a"], "1");
}

#[tokio::test]
async fn client_that_waits_for_its_next_attempt_stops_at_once() {
    let server = TestServer::start().await;
    let address = server.address;
    server.stop().await;
    let client = Client::builder(address.to_string(), "test~1")
        .subscribe(CLUSTER, Wanted::Everything)
        .build()
        .unwrap();
    let mut running = Running::run(client);
    assert!(matches!(running.next().await, Seen::Disconnected(Code::Unavailable, Some(_))));
    running.stop.give();
    running.end().await.1.unwrap();
}

/// A response of one cluster that lives for a time, whole or as a heartbeat.
fn timed(nonce: &str, ttl: Duration, any: Option<Any>) -> Response {
    let ttl = google::protobuf::Duration {
        seconds: i64::try_from(ttl.as_secs()).unwrap(),
        nanos: i32::try_from(ttl.subsec_nanos()).unwrap(),
    };
    let (name, version) = ("a".to_owned(), "1".to_owned());
    Response::Delta(DeltaDiscoveryResponse {
        resources: vec![Resource { name, version, resource: any, ttl: Some(ttl), ..Resource::default() }],
        type_url: CLUSTER.to_owned(),
        nonce: nonce.to_owned(),
        ..DeltaDiscoveryResponse::default()
    })
}

#[tokio::test]
async fn what_its_server_is_silent_of_is_removed_and_had_again_on_another_stream() {
    let mut server = TestServer::start().await;
    let mut client = Running::start(&server, Variant::Delta);
    let mut stream = server.accept().await;
    assert_eq!(stream.next_delta().await.node.unwrap().client_features, TTL_FEATURES);
    stream.respond(timed("n1", Duration::from_millis(50), Some(cluster("a", 1)))).await;
    assert_eq!(client.next_update().await, (names(&["a"]), names(&[])));
    assert_eq!(client.next_update().await, (names(&[]), names(&["a"])), "nobody spoke of it");
    assert_eq!(stream.next_delta().await.response_nonce, "n1");
    stream.respond(timed("n2", Duration::from_secs(3600), None)).await;

    let mut stream = server.accept().await;
    assert!(stream.next_delta().await.initial_resource_versions.is_empty());
    stream.respond(timed("n1", Duration::from_secs(3600), Some(cluster("a", 1)))).await;
    assert_eq!(client.next_update().await, (names(&["a"]), names(&[])));
    stream.next_delta().await;
    stream.respond(timed("n2", Duration::from_secs(3600), None)).await;
    assert_eq!(stream.next_delta().await.response_nonce, "n2", "a heartbeat is acknowledged");
}

#[tokio::test]
async fn what_ends_while_no_stream_is_open_is_removed() {
    let mut server = TestServer::start().await;
    let mut client = Running::start(&server, Variant::Delta);
    let mut stream = server.accept().await;
    stream.next_delta().await;
    stream.respond(timed("n1", Duration::from_secs(1), Some(cluster("a", 1)))).await;
    assert_eq!(client.next_update().await, (names(&["a"]), names(&[])));
    drop(stream);
    server.stop().await;
    assert_eq!(client.next_update().await, (names(&[]), names(&["a"])));
}

#[tokio::test]
async fn client_that_keeps_what_it_holds_says_nothing_of_times_to_live() {
    let mut server = TestServer::start().await;
    let client = Client::builder(server.address.to_string(), "me").without_ttl();
    let _client = Running::run(client.subscribe(CLUSTER, Wanted::Everything).build().unwrap());
    let first = server.accept().await.next_delta().await;
    assert!(first.node.unwrap().client_features.is_empty());
}
