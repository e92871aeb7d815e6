//! What a sink refuses is kept from it, and nothing else is.

use std::{collections::BTreeMap, sync::Arc};

use mainsheet_api::{
    generated::{istio::mcp::v1alpha1 as mcp, mainsheet::v1 as pb},
    wire::{Any, DeltaDiscoveryRequest, DiscoveryRequest, DiscoveryResponse},
};
use mainsheet_cache::store::{MemoryStore, SharedStore};
use mainsheet_server::{readiness::Readiness, stream::StreamOptions};
use prost::Message;

use crate::{
    client::{Delta, Sotw, node},
    http::{get, json},
    mesh::{Mesh, VIRTUAL_SERVICE, in_time, until},
};

type Versions = BTreeMap<String, String>;

fn metadata(any: &Any) -> (String, String) {
    let metadata = mcp::Resource::decode(any.value.clone()).unwrap().metadata.unwrap();
    (metadata.name, metadata.version)
}

fn versions(response: &DiscoveryResponse) -> Versions {
    response.resources.iter().map(metadata).collect()
}

async fn mesh_of(store: &SharedStore) -> Mesh {
    Mesh::on(Arc::clone(store), StreamOptions::default(), Readiness::new()).await
}

/// A client that took `shop/a` and `shop/b`, and refused another `shop/a` that came with another `shop/b`. Returns what was
/// good, and what came then.
async fn pinned(mesh: &Mesh) -> (Sotw, Versions, Versions) {
    mesh.put([("shop/a", 10), ("shop/b", 10)]).await;
    let (mut client, first) = Sotw::answered(mesh.grpc, VIRTUAL_SERVICE).await;
    client.ack(&first).await;
    mesh.put([("shop/a", 20), ("shop/b", 20)]).await;
    let second = client.response().await;
    client.nack(&second, "shop/a: no such host").await;
    let third = client.response().await;
    client.ack(&third).await;
    let good = BTreeMap::from([
        ("shop/a".to_owned(), versions(&first)["shop/a"].clone()),
        ("shop/b".to_owned(), versions(&second)["shop/b"].clone()),
    ]);
    assert_eq!(versions(&third), good);
    assert!(![&first.version_info, &second.version_info].contains(&&third.version_info));
    (client, good, versions(&second))
}

async fn asked_as(mesh: &Mesh, id: &str) -> Versions {
    let mut client = Sotw::sotw(mesh.grpc).await;
    let request =
        DiscoveryRequest { node: Some(node(id)), type_url: VIRTUAL_SERVICE.into(), ..Default::default() };
    client.send(request).await;
    versions(&client.response().await)
}

#[tokio::test]
async fn refused_resource_is_kept_from_its_sink_on_every_stream_and_after_a_restart() {
    let store: SharedStore = Arc::new(MemoryStore::default());
    let mesh = mesh_of(&store).await;
    let (client, good, served) = pinned(&mesh).await;
    let mut delta = Delta::delta(mesh.grpc).await;
    delta.subscribe(VIRTUAL_SERVICE).await;
    let answer = delta.response().await;
    assert_eq!(
        answer.resources.iter().map(|one| (one.name.clone(), one.version.clone())).collect::<Versions>(),
        good
    );
    assert_eq!(asked_as(&mesh, "test-1").await, good);
    assert_eq!(asked_as(&mesh, "another").await, served, "others are not concerned");
    drop((client, delta));
    mesh.stopped().await.unwrap();

    let mesh = mesh_of(&store).await;
    assert_eq!(asked_as(&mesh, "test-1").await, good);
    assert_eq!(asked_as(&mesh, "another").await, served);
    mesh.put([("shop/a", 30)]).await;
    let mended = asked_as(&mesh, "test-1").await;
    assert_eq!(mended, asked_as(&mesh, "another").await);
    assert!(mended["shop/a"] != good["shop/a"] && mended["shop/a"] != served["shop/a"]);
    mesh.stopped().await.unwrap();
    assert_eq!(store.status("pin/").await.unwrap(), [], "what is over is not kept");
}

#[tokio::test]
async fn other_streams_of_the_sink_learn_of_a_pin_while_they_are_open() {
    let mesh = Mesh::start().await;
    mesh.put([("shop/a", 10), ("shop/b", 10)]).await;
    let mut delta = Delta::delta(mesh.grpc).await;
    delta.subscribe(VIRTUAL_SERVICE).await;
    let first = delta.response().await;
    delta.ack(&first).await;
    let (sotw, first) = Sotw::answered(mesh.grpc, VIRTUAL_SERVICE).await;
    sotw.ack(&first).await;
    let mut sotw = sotw;
    mesh.put([("shop/a", 20), ("shop/b", 20)]).await;
    let (second, changes) = (sotw.response().await, delta.response().await);
    assert_eq!(changes.resources.len(), 2);
    sotw.nack(&second, "shop/a: bad").await;
    let back = delta.response();
    // Its answer to the one before is not there yet, but for 15 seconds at most.
    let again = in_time("the good one", back).await;
    let names: Vec<_> = again.resources.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["shop/a"]);
    assert_eq!(again.resources[0].version, versions(&first)["shop/a"]);
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn client_that_resumes_with_what_it_refused_is_left_with_it() {
    let mesh = Mesh::start().await;
    let (client, good, served) = pinned(&mesh).await;
    let mut delta = Delta::delta(mesh.grpc).await;
    let held = BTreeMap::from([
        ("shop/a".to_owned(), served["shop/a"].clone()),
        ("shop/b".to_owned(), good["shop/b"].clone()),
    ]);
    delta
        .send(DeltaDiscoveryRequest {
            node: Some(node("test-1")),
            type_url: VIRTUAL_SERVICE.into(),
            initial_resource_versions: held.into_iter().collect(),
            ..Default::default()
        })
        .await;
    assert!(delta.response().await.resources.is_empty());
    until("the pin to be over", || mesh.sinks.pins_on(&mesh.sinks.all()[0]).is_empty()).await;
    drop(client);
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn pin_is_shown_wherever_sinks_are() {
    let mesh = Mesh::start().await;
    let (client, good, served) = pinned(&mesh).await;
    until("the last answer to be known", || {
        let types = mesh.sinks.all()[0].types();
        types[VIRTUAL_SERVICE].sync_state() == mainsheet_server::sinks::SyncState::Synced
    })
    .await;
    let sinks = mesh.reader().sinks(pb::SinksRequest::default()).await.unwrap().into_inner().sinks;
    let state = &sinks[0].types[0];
    assert_eq!(state.state(), pb::SinkState::Pinned);
    let [pin] = &state.pins[..] else { panic!("{:?}", state.pins) };
    assert_eq!((&*pin.name, &*pin.message), ("shop/a", "shop/a: no such host"));
    assert_eq!((&pin.good_version, &pin.refused_version), (&good["shop/a"], &served["shop/a"]));
    assert_eq!((pin.refused_revision, state.acked_revision), (2, 2));
    let status = mesh.reader().status(pb::StatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.sinks_refusing, 1);

    let syncz = json(mesh.http, "/debug/syncz").await;
    let config = &syncz[0]["genericXdsConfigs"][0];
    assert_eq!(config["configStatus"], "ERROR");
    let details = config["errorState"]["details"].as_str().unwrap();
    assert!(
        details.starts_with("shop/a is pinned: ") && details.ends_with(": shop/a: no such host"),
        "{details}"
    );

    let metrics = async || get(mesh.http, "/metrics").await.1;
    assert!(metrics().await.contains("mainsheet_pins{kind=\"VirtualService\"} 1"));
    mesh.remove("shop/a").await;
    until("the pin to be over", || mesh.sinks.pins_on(&mesh.sinks.all()[0]).is_empty()).await;
    let after = metrics().await;
    assert!(after.contains("mainsheet_pins{kind=\"VirtualService\"} 0"), "{after}");
    assert!(after.contains("mainsheet_pins_made_total{kind=\"VirtualService\"} 1"));
    drop(client);
    mesh.stopped().await.unwrap();
}
