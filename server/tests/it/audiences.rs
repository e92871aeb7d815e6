//! Which sinks a resource is meant for: the annotation and Istio's revision label, through the whole server.

use std::path::Path;

use mainsheet_api::wire::{
    DeltaDiscoveryRequest, DiscoveryRequest, Node,
    google::protobuf::{Struct, Value, value::Kind as ValueKind},
};
use mainsheet_server::app::start;

use crate::{
    app::{end, ready, settings},
    client::{Delta, Sotw, names, node},
    mesh::{VIRTUAL_SERVICE, until},
    rig::replace,
};

fn service(name: &str, labels: &str, selector: &str) -> String {
    let annotations = match selector {
        "" => String::new(),
        selector => format!("mainsheet.io/sink-selector: \"{selector}\""),
    };
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: {name}\n  namespace: shop\n  \
         labels: {{{labels}}}\n  annotations: {{{annotations}}}\nspec:\n  hosts: [{name}.example]\n  http:\n  \
         - route:\n    - destination: {{host: {name}}}\n---\n"
    )
}

/// What is meant for all, for a revision, for a cluster, and for both.
fn write_mesh(folder: &Path, cluster: &str) {
    let selector = format!("CLUSTER_ID in ({cluster}, north)");
    let all = [
        service("all", "", ""),
        service("rev", "istio.io/rev: canary", ""),
        service("cluster", "", &selector),
        service("both", "istio.io/rev: canary", &selector),
    ];
    replace(folder, "mesh.yaml", &all.concat());
}

fn node_of(said: &[(&str, &str)]) -> Node {
    let text = |text: &str| Value { kind: Some(ValueKind::StringValue(text.into())) };
    let fields = said.iter().map(|(key, value)| (key.to_string(), text(value))).collect();
    Node { metadata: Some(Struct { fields }), ..node("test-1") }
}

#[tokio::test]
async fn sinks_are_sent_what_is_meant_for_them_and_what_becomes_so() {
    let folder = tempfile::tempdir().unwrap();
    write_mesh(folder.path(), "east");
    let (running, tasks) = start(&settings(&[folder.path().to_owned()])).await.unwrap();
    ready(&running).await;
    let canary_of = |cluster| node_of(&[("ISTIO_REVISION", "canary"), ("CLUSTER_ID", cluster)]);
    for (node, wanted) in [
        (node("bare"), &["shop/all", "shop/rev"][..]),
        (canary_of("east"), &["shop/all", "shop/both", "shop/cluster", "shop/rev"]),
        (canary_of("west"), &["shop/all", "shop/rev"]),
        (node_of(&[("ISTIO_REVISION", "stable"), ("CLUSTER_ID", "north")]), &["shop/all", "shop/cluster"]),
    ] {
        let mut stream = Sotw::sotw(running.grpc_addr()).await;
        let type_url = VIRTUAL_SERVICE.to_owned();
        stream.send(DiscoveryRequest { node: Some(node), type_url, ..Default::default() }).await;
        let mut told = names(&stream.response().await);
        told.sort();
        assert_eq!(told, wanted);
    }
    let mut streams = Vec::new();
    for cluster in ["east", "west"] {
        let mut stream = Delta::delta(running.grpc_addr()).await;
        let (node, type_url) = (Some(canary_of(cluster)), VIRTUAL_SERVICE.to_owned());
        stream.send(DeltaDiscoveryRequest { node, type_url, ..Default::default() }).await;
        let first = stream.response().await;
        stream.ack(&first).await;
        streams.push(stream);
    }
    write_mesh(folder.path(), "west");
    let (mut gone, mut come) = (streams[0].response().await.removed_resources, Vec::new());
    gone.sort();
    assert_eq!(gone, ["shop/both", "shop/cluster"]);
    come.extend(streams[1].response().await.resources.into_iter().map(|resource| resource.name));
    come.sort();
    assert_eq!(come, ["shop/both", "shop/cluster"]);
    end((running, tasks)).await.unwrap();
}

#[tokio::test]
async fn selector_that_is_none_is_refused_and_the_last_good_one_holds() {
    let folder = tempfile::tempdir().unwrap();
    write_mesh(folder.path(), "east");
    let (running, tasks) = start(&settings(&[folder.path().to_owned()])).await.unwrap();
    ready(&running).await;
    replace(folder.path(), "mesh.yaml", &service("cluster", "", "CLUSTER_ID in east"));
    until("the refusal", || {
        let rejected = running.intake().verdicts.rejected();
        rejected.iter().any(|one| one.findings.iter().any(|finding| finding.code == "sink-selector"))
    })
    .await;
    let mut stream = Sotw::sotw(running.grpc_addr()).await;
    let type_url = VIRTUAL_SERVICE.to_owned();
    let node = Some(node_of(&[("CLUSTER_ID", "east")]));
    stream.send(DiscoveryRequest { node, type_url, ..Default::default() }).await;
    assert_eq!(names(&stream.response().await), ["shop/cluster"]);
    end((running, tasks)).await.unwrap();
}
