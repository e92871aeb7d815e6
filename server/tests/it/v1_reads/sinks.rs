use mainsheet_api::kind::Kind;

use super::*;
use crate::{
    client::{Delta, Sotw},
    mesh::{VIRTUAL_SERVICE, until},
};

#[tokio::test]
async fn each_sink_says_how_it_stands_with_each_type_and_the_server_how_many_there_are() {
    let mesh = Mesh::start().await;
    // Two, so that it is not clear which one is refused.
    let revision = mesh.put([("shop/a", 10), ("shop/b", 10)]).await;
    let (good, response) = Sotw::answered(mesh.grpc, VIRTUAL_SERVICE).await;
    good.ack(&response).await;
    let (bad, response) = Sotw::answered(mesh.grpc, VIRTUAL_SERVICE).await;
    bad.nack(&response, "no such host").await;
    let mut behind = Delta::delta(mesh.grpc).await;
    behind.subscribe(VIRTUAL_SERVICE).await;
    behind.response().await;
    let mut client = mesh.reader();
    let mut states = Vec::new();
    until("both answers are known", || {
        states = mesh.sinks.all().iter().flat_map(|sink| sink.types().into_values()).collect();
        states.iter().filter(|state| state.acked.is_some() || state.nacked.is_some()).count() == 2
    })
    .await;
    let mut sinks = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::SinksRequest { page_size: 2, page_token, ..Default::default() };
        let page = client.sinks(request).await.unwrap().into_inner();
        sinks.extend(page.sinks);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let of_type: Vec<_> = sinks.iter().map(|sink| sink.types[0].clone()).collect();
    let shown =
        of_type.iter().map(|state| (state.state(), state.acked_revision, state.nack_message.as_str()));
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            (pb::SinkState::Synced, revision.0, ""),
            (pb::SinkState::Refused, 0, "no such host"),
            (pb::SinkState::Behind, 0, "")
        ]
    );
    assert!(
        of_type.iter().all(|state| state.sent_revision == revision.0 && state.type_url == VIRTUAL_SERVICE)
    );
    assert_eq!(sinks.iter().map(|sink| sink.variant.as_str()).collect::<Vec<_>>(), ["sotw", "sotw", "delta"]);
    let nobody = pb::SinksRequest { node: "nobody".into(), ..Default::default() };
    assert!(client.sinks(nobody).await.unwrap().into_inner().sinks.is_empty());

    let status = client.status(pb::StatusRequest {}).await.unwrap().into_inner();
    assert_eq!((status.sinks, status.sinks_refusing, status.revision), (3, 1, revision.0));
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn revision_in_which_nothing_concerns_a_sink_counts_as_acknowledged() {
    let mesh = Mesh::start().await;
    mesh.put([("shop/a", 10)]).await;
    let (sink, response) = Sotw::answered(mesh.grpc, VIRTUAL_SERVICE).await;
    sink.ack(&response).await;
    let key = Key::new(Kind::CLUSTER, "shop", "a");
    let revision = mesh.commit(vec![put("files", key, "", &[])]).await;
    until("it is known that nothing is left to be said", || mesh.sinks.all()[0].told() == revision).await;
    until("the answer came", || mesh.sinks.all()[0].types().values().all(|state| state.acked.is_some()))
        .await;
    let sinks = mesh.reader().sinks(pb::SinksRequest::default()).await.unwrap().into_inner().sinks;
    let state = &sinks[0].types[0];
    assert_eq!((state.sent_revision, state.acked_revision), (revision.0, revision.0));
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn status_counts_what_is_served_and_what_each_source_has_and_hides() {
    let mesh = Mesh::start().await;
    let route = |name: &str| Key::new(Kind::VIRTUAL_SERVICE, "shop", name);
    mesh.commit(vec![
        put("files", route("a"), "", &[]),
        put("files", route("b"), "", &[]),
        put("files", Key::new(Kind::CLUSTER, "shop", "a"), "", &[]),
        put("api", route("a"), "", &[]),
    ])
    .await;
    let status = mesh.reader().status(pb::StatusRequest {}).await.unwrap().into_inner();
    let kinds: Vec<_> = status.kinds.iter().map(|kind| (kind.kind.as_str(), kind.served)).collect();
    assert_eq!(kinds, [("VirtualService", 2), ("Cluster", 1)]);
    let source = |of: &pb::SourceStatus| (of.name.clone(), of.resources, of.hidden);
    let sources: Vec<_> = status.sources.iter().map(source).collect();
    assert_eq!(sources, [("hold".into(), 0, 0), ("api".into(), 1, 0), ("files".into(), 3, 1)]);
    assert_eq!((status.clashes, status.store.as_str()), (0, "memory"));
    assert_eq!(status.server_version, env!("CARGO_PKG_VERSION"));
    mesh.stopped().await.unwrap();
}
