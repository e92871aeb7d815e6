//! tonic's own xDS client (the crate `xds-client`), as it is, on a whole server: what it is told of Envoy's types, what it
//! refuses, and how it comes through a restart.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use envoy_types::pb::envoy::config::{
    cluster::v3::{Cluster, cluster::LbPolicy},
    endpoint::v3::ClusterLoadAssignment,
    listener::v3::Listener,
};
use mainsheet_server::{
    app::Running,
    config::{Settings, StoreKind},
    task::TaskSet,
};
use prost::Message;
use tempfile::TempDir;
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinSet,
};
use xds_client::{
    ClientConfig, Error, Node, ProstCodec, Resource, ResourceEvent, ResourceWatcher, RetryPolicy,
    TokioRuntime, TonicTransportBuilder, XdsClient, resource::TypeUrl,
};

use crate::{
    app::{end, ready, settings, start_again},
    http::get,
    mesh::in_time,
    rig::{replace, write},
};

/// What a client of this crate makes of a message: here, the message itself.
macro_rules! as_it_is {
    ($type:ident, $message:ty, $url:literal, $name:ident, complete: $complete:literal, $check:expr) => {
        #[derive(Debug)]
        struct $type($message);

        impl Resource for $type {
            type Message = $message;
            const TYPE_URL: TypeUrl = TypeUrl::new(concat!("type.googleapis.com/", $url));
            const ALL_RESOURCES_REQUIRED_IN_SOTW: bool = $complete;

            fn deserialize(bytes: Bytes) -> xds_client::Result<$message> {
                Ok(<$message>::decode(bytes)?)
            }

            fn name(message: &$message) -> &str {
                &message.$name
            }

            fn validate(message: $message) -> xds_client::Result<Self> {
                let check: fn(&$message) -> xds_client::Result<()> = $check;
                check(&message).map(|()| Self(message))
            }
        }
    };
}

as_it_is!(Cds, Cluster, "envoy.config.cluster.v3.Cluster", name, complete: true, |cluster| {
    match cluster.lb_policy() {
        LbPolicy::Maglev => Err(Error::Validation("this client has no Maglev".into())),
        _ => Ok(()),
    }
});
as_it_is!(Lds, Listener, "envoy.config.listener.v3.Listener", name, complete: true, |_| Ok(()));
as_it_is!(
    Eds,
    ClusterLoadAssignment,
    "envoy.config.endpoint.v3.ClusterLoadAssignment",
    cluster_name,
    complete: false,
    |_| Ok(())
);

fn cluster(name: &str, seconds: i64) -> String {
    format!(
        "\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\nname: {name}\ntype: EDS\n\
         connect_timeout: {seconds}s\neds_cluster_config:\n  eds_config: {{ads: {{}}, resource_api_version: V3}}\n"
    )
}

fn endpoints(name: &str, port: u32) -> String {
    format!(
        "\"@type\": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment\ncluster_name: {name}\n\
         endpoints:\n- lb_endpoints:\n  - endpoint:\n      address:\n        \
         socket_address: {{address: 127.0.0.1, port_value: {port}}}\n"
    )
}

fn listener(name: &str, port: u32) -> String {
    format!(
        "\"@type\": type.googleapis.com/envoy.config.listener.v3.Listener\nname: {name}\naddress:\n  \
         socket_address: {{address: 127.0.0.1, port_value: {port}}}\n"
    )
}

/// A folder of Envoy's resources, and the server of it.
struct Edge {
    folder: TempDir,
    _data: TempDir,
    settings: Settings,
    server: (Running, TaskSet),
}

impl Edge {
    async fn serve(documents: &[(&str, &str)]) -> Self {
        let (folder, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        documents.iter().for_each(|(name, text)| write(folder.path(), name, text));
        let mut settings = Settings {
            store: StoreKind::Redb,
            data_dir: data.path().into(),
            ..settings(&[folder.path().into()])
        };
        let server = start_again(&settings).await;
        ready(&server.0).await;
        settings.grpc_addr = server.0.grpc_addr();
        Self { folder, _data: data, settings, server }
    }

    fn put(&self, name: &str, text: &str) {
        replace(self.folder.path(), name, text);
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.folder.path().join(name)).unwrap();
    }

    /// Stops, and starts again where clients look for it.
    async fn restarted(self, while_down: impl FnOnce(&TempDir)) -> Self {
        let Self { folder, _data, settings, server } = self;
        end(server).await.unwrap();
        while_down(&folder);
        let server = start_again(&settings).await;
        ready(&server.0).await;
        Self { folder, _data, settings, server }
    }

    fn client(&self) -> XdsClient {
        client(self.settings.grpc_addr)
    }
}

fn client(server: SocketAddr) -> XdsClient {
    let soon = RetryPolicy::new(Duration::from_millis(10), Duration::from_millis(100), 2.0).unwrap();
    let config =
        ClientConfig::new(Node::new("xds-client", "0.1").with_id("tonic-1"), format!("http://{server}"))
            .with_retry_policy(soon)
            .with_resource_initial_timeout(None);
    XdsClient::builder(config, TonicTransportBuilder::new(), ProstCodec, TokioRuntime).build()
}

/// What a watcher is told, as it comes: this client reads no further response before all watchers have taken in the last.
struct Watch<T> {
    told: UnboundedReceiver<Result<Arc<T>, Error>>,
    _task: JoinSet<()>,
}

async fn watch<T: Resource>(client: &XdsClient, name: &str) -> Watch<T> {
    let mut watcher = in_time("a watch", client.watch::<T>(name)).await;
    let (tell, told) = unbounded_channel();
    let mut task = JoinSet::new();
    task.spawn(async move { while tell.send(next(&mut watcher).await).is_ok() {} });
    Watch { told, _task: task }
}

async fn next<T: Resource>(watcher: &mut ResourceWatcher<T>) -> Result<Arc<T>, Error> {
    loop {
        match watcher.next().await.expect("the client is there") {
            ResourceEvent::ResourceChanged { result, .. } => return result,
            ResourceEvent::AmbientError { .. } => {}
        }
    }
}

impl<T> Watch<T> {
    async fn next(&mut self) -> Result<Arc<T>, Error> {
        in_time("an event", self.told.recv()).await.expect("the watch goes on")
    }

    /// Waits until it is told this. A set comes whole, so a watcher is told of the same cluster each time.
    async fn until<V: PartialEq>(&mut self, value: V, of: impl Fn(&T) -> V) {
        while of(&*self.next().await.unwrap()) != value {}
    }

    async fn until_gone(&mut self) {
        loop {
            match self.next().await {
                Ok(_) => {}
                Err(error) => return assert!(matches!(error, Error::ResourceDoesNotExist), "{error}"),
            }
        }
    }
}

fn seconds(cluster: &Cds) -> i64 {
    cluster.0.connect_timeout.unwrap().seconds
}

/// The port of the only endpoint.
fn port(endpoints: &Eds) -> u32 {
    let text = format!("{:?}", endpoints.0.endpoints[0].lb_endpoints[0]);
    let (_, rest) = text.split_once("PortValue(").unwrap();
    rest.split_once(')').unwrap().0.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_come_change_and_go() {
    // rules 28, 37, 42 and 44
    let edge = Edge::serve(&[("a.yaml", &cluster("a", 1)), ("b.yaml", &cluster("b", 1))]).await;
    let client = edge.client();
    let mut a = watch::<Cds>(&client, "a").await;
    let mut late = watch::<Cds>(&client, "late").await;
    a.until(1, seconds).await;
    edge.put("a.yaml", &cluster("a", 2));
    a.until(2, seconds).await;
    edge.put("late.yaml", &cluster("late", 7));
    late.until(7, seconds).await;
    edge.remove("late.yaml");
    late.until_gone().await;
    a.until(2, seconds).await;
    end(edge.server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn wildcard_of_listeners_is_told_of_all() {
    // rule 32
    let edge = Edge::serve(&[("a.yaml", &listener("a", 1)), ("b.yaml", &listener("b", 2))]).await;
    let client = edge.client();
    let mut all = watch::<Lds>(&client, "").await;
    let mut names = [all.next().await.unwrap().0.name.clone(), all.next().await.unwrap().0.name.clone()];
    names.sort();
    assert_eq!(names, ["a", "b"]);
    edge.remove("a.yaml");
    // The rest of the set comes again; of what it lacks, the client says that it is gone.
    assert_eq!(all.next().await.unwrap().0.name, "b");
    all.until_gone().await;
    end(edge.server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_come_and_change_and_their_going_is_silence() {
    // rules 43 and 44
    let edge = Edge::serve(&[("a.yaml", &endpoints("a", 10001)), ("b.yaml", &endpoints("b", 10002))]).await;
    let client = edge.client();
    let mut a = watch::<Eds>(&client, "a").await;
    let mut b = watch::<Eds>(&client, "b").await;
    assert_eq!((port(&a.next().await.unwrap()), port(&b.next().await.unwrap())), (10001, 10002));
    edge.put("a.yaml", &endpoints("a", 10003));
    assert_eq!(port(&a.next().await.unwrap()), 10003);
    edge.remove("a.yaml");
    edge.put("b.yaml", &endpoints("b", 10004));
    assert_eq!(port(&b.next().await.unwrap()), 10004);
    edge.put("a.yaml", &endpoints("a", 10005));
    assert_eq!(port(&a.next().await.unwrap()), 10005);
    end(edge.server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_cluster_is_told_to_operators_and_mended_by_its_author() {
    // rules 20, 21 and 23
    let edge = Edge::serve(&[("good.yaml", &cluster("good", 1))]).await;
    let client = edge.client();
    let mut good = watch::<Cds>(&client, "good").await;
    let mut bad = watch::<Cds>(&client, "bad").await;
    good.until(1, seconds).await;
    let syncz = async || get(edge.server.0.http_addr(), "/debug/syncz").await.1;
    edge.put("bad.yaml", &format!("{}lb_policy: MAGLEV\n", cluster("bad", 1)));
    let refused = bad.next().await.unwrap_err();
    assert!(refused.to_string().contains("no Maglev"), "{refused}");
    in_time("the NACK to be shown", async { while !syncz().await.contains("no Maglev") {} }).await;
    // It takes the good part of what it refuses, and of what comes next.
    edge.put("good.yaml", &cluster("good", 2));
    good.until(2, seconds).await;
    edge.put("bad.yaml", &cluster("bad", 2));
    while bad.next().await.is_err() {}
    in_time("the NACK to be over", async { while syncz().await.contains("no Maglev") {} }).await;
    end(edge.server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn client_comes_through_a_restart_and_learns_what_changed_meanwhile() {
    // rules 13, 17, 92 and 94
    let edge = Edge::serve(&[
        ("same.yaml", &cluster("same", 1)),
        ("changed.yaml", &cluster("changed", 1)),
        ("gone.yaml", &cluster("gone", 1)),
    ])
    .await;
    let client = edge.client();
    let mut same = watch::<Cds>(&client, "same").await;
    let mut changed = watch::<Cds>(&client, "changed").await;
    let mut gone = watch::<Cds>(&client, "gone").await;
    for watch in [&mut same, &mut changed, &mut gone] {
        watch.until(1, seconds).await;
    }
    let while_down = |folder: &TempDir| {
        replace(folder.path(), "changed.yaml", &cluster("changed", 2));
        std::fs::remove_file(folder.path().join("gone.yaml")).unwrap();
    };
    let edge = edge.restarted(while_down).await;
    changed.until(2, seconds).await;
    gone.until_gone().await;
    edge.put("same.yaml", &cluster("same", 3));
    same.until(3, seconds).await;
    end(edge.server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_that_was_dropped_is_answered_when_it_is_taken_up_again() {
    // X5: this client forgets a type with its last watch, without a word to the server; later it begins anew.
    let edge = Edge::serve(&[("a.yaml", &cluster("a", 1))]).await;
    let client = edge.client();
    let _other = watch::<Lds>(&client, "x").await;
    for _ in 0..3 {
        let mut a = client.watch::<Cds>("a").await;
        assert_eq!(seconds(&in_time("an event", next(&mut a)).await.unwrap()), 1);
    }
    end(edge.server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_watches_are_one_subscription() {
    // rules 15, 16 and 28
    const WATCHES: usize = 200;
    let documents: Vec<_> = (0..WATCHES).map(|number| cluster(&format!("c{number}"), 1)).collect();
    let edge = Edge::serve(&[("all.yaml", &documents.join("---\n"))]).await;
    let client = edge.client();
    let mut watches = Vec::new();
    for number in 0..WATCHES {
        watches.push(watch::<Cds>(&client, &format!("c{number}")).await);
    }
    for watch in &mut watches {
        watch.until(1, seconds).await;
    }
    edge.put("all.yaml", &documents.join("---\n").replace("connect_timeout: 1s", "connect_timeout: 2s"));
    for watch in &mut watches {
        watch.until(2, seconds).await;
    }
    end(edge.server).await.unwrap();
}
