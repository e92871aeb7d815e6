//! Questions about the server itself on a discovery stream, as istioctl asks them.

use mainsheet_api::{
    generated::envoy::service::status::v3::{ClientConfig, ConfigStatus},
    limits::INSPECTIONS_WAITING_MAX,
    wire::{
        DeltaDiscoveryRequest, DiscoveryRequest, DiscoveryResponse, Node,
        google::protobuf::{Struct, Value, value::Kind},
    },
};
use prost::Message;
use tonic::Code;

use crate::{
    client::{Delta, Sotw, names, node},
    mesh::{Mesh, VIRTUAL_SERVICE},
};

const SYNCZ: &str = "istio.io/debug/syncz";
const PAGES: &str = "istio.io/debug";

/// As istioctl asks: with a nonce of its own.
async fn ask(client: &Sotw, type_url: &str, name: &[&str]) {
    let request = DiscoveryRequest {
        node: Some(node("sidecar~192.0.2.2~test-1.default~default.svc.cluster.local")),
        type_url: type_url.into(),
        resource_names: name.iter().map(|name| (*name).to_owned()).collect(),
        response_nonce: "2026-11-21 08:00:00".into(),
        ..Default::default()
    };
    client.send(request).await;
}

fn configs(response: &DiscoveryResponse) -> Vec<ClientConfig> {
    response.resources.iter().map(|any| ClientConfig::decode(any.value.clone()).unwrap()).collect()
}

fn page(response: &DiscoveryResponse) -> serde_json::Value {
    serde_json::from_slice(&response.resources[0].value).unwrap()
}

#[tokio::test]
async fn syncz_over_a_stream_shows_sinks_and_not_who_asks() {
    let mesh = Mesh::start().await;
    mesh.put([("shop/reviews", 10)]).await;
    let mut sink = Sotw::sotw(mesh.grpc).await;
    sink.subscribe(VIRTUAL_SERVICE).await;
    let first = sink.response().await;
    let mut istioctl = Sotw::sotw(mesh.grpc).await;
    let mut stands = async |wanted: ConfigStatus| loop {
        ask(&istioctl, SYNCZ, &[]).await;
        let answer = istioctl.response().await;
        let configs = configs(&answer);
        assert_eq!(configs.len(), 1, "{configs:?}");
        let [config] = &configs[0].generic_xds_configs[..] else { panic!("{configs:?}") };
        if config.config_status() == wanted {
            return (answer.clone(), configs[0].clone());
        }
    };
    stands(ConfigStatus::Stale).await;
    sink.ack(&first).await;
    let (answer, synced) = stands(ConfigStatus::Synced).await;
    assert_eq!(answer.type_url, SYNCZ);
    assert_eq!(answer.resources[0].type_url, "type.googleapis.com/envoy.service.status.v3.ClientConfig");
    let identity: serde_json::Value =
        serde_json::from_str(&answer.control_plane.unwrap().identifier).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let expected =
        serde_json::json!({"Component": "mainsheet", "ID": "mainsheet-0", "Info": {"version": version}});
    assert_eq!(identity, expected);
    assert_eq!(synced.node.unwrap().id, "test-1");
    assert_eq!(synced.generic_xds_configs[0].type_url, VIRTUAL_SERVICE);
    assert_eq!(synced.generic_xds_configs[0].version_info, first.version_info);
    assert!(synced.generic_xds_configs[0].last_updated.is_some());

    mesh.put([("shop/reviews", 20)]).await;
    let second = sink.response().await;
    sink.nack(&second, "no such host").await;
    let (_, refused) = stands(ConfigStatus::Error).await;
    let error = refused.generic_xds_configs[0].error_state.clone().unwrap();
    assert!(error.details.ends_with("no such host"), "{}", error.details);
    assert_eq!(error.version_info, second.version_info);
}

#[tokio::test]
async fn pages_are_those_of_the_debug_port() {
    let mesh = Mesh::start().await;
    mesh.put([("shop/reviews", 3), ("bank/ledger", 3)]).await;
    let mut istioctl = Sotw::sotw(mesh.grpc).await;
    ask(&istioctl, PAGES, &["list"]).await;
    let listed = page(&istioctl.response().await);
    assert!(listed.as_array().unwrap().iter().any(|page| page["path"] == "/debug/syncz"), "{listed}");
    ask(&istioctl, PAGES, &["configz?namespace=shop"]).await;
    let configz = page(&istioctl.response().await);
    assert_eq!(configz[0]["metadata"]["name"], "reviews");
    assert_eq!(configz.as_array().unwrap().len(), 1);
    ask(&istioctl, PAGES, &["nothing"]).await;
    assert_eq!(istioctl.response().await.resources[0].value, "404 page not found");
}

#[tokio::test]
async fn question_that_has_no_answer_ends_the_stream_with_the_reason() {
    let mesh = Mesh::start().await;
    for (type_url, name, code) in [
        ("istio.io/debug/config_dump", "reviews-1.shop", Code::Unimplemented),
        ("istio.io/debug/anything", "", Code::Unimplemented),
        (PAGES, "a b", Code::InvalidArgument),
    ] {
        let mut istioctl = Sotw::sotw(mesh.grpc).await;
        ask(&istioctl, type_url, &[name]).await;
        let refused = istioctl.end().await.unwrap_err();
        assert_eq!(refused.code(), code, "{type_url} {name}: {refused}");
    }
}

#[tokio::test]
async fn acknowledged_answer_is_not_given_again() {
    let mesh = Mesh::start().await;
    mesh.put([("shop/reviews", 10)]).await;
    let mut client = Sotw::sotw(mesh.grpc).await;
    ask(&client, PAGES, &["list"]).await;
    let answer = client.response().await;
    client.ack(&answer).await;
    // The stream goes on, and its node is that of the question (rule 4).
    let subscribe = DiscoveryRequest { type_url: VIRTUAL_SERVICE.into(), ..Default::default() };
    client.send(subscribe).await;
    assert_eq!(names(&client.response().await), ["shop/reviews"]);
    assert!(mesh.sinks.all()[0].node().unwrap().id.starts_with("sidecar~192.0.2.2"));
}

#[tokio::test]
async fn delta_streams_are_answered_too() {
    let mesh = Mesh::start().await;
    let mut client = Delta::delta(mesh.grpc).await;
    let request = DeltaDiscoveryRequest {
        node: Some(node("test-1")),
        type_url: PAGES.into(),
        resource_names_subscribe: vec!["list".into()],
        ..Default::default()
    };
    client.send(request).await;
    let answer = client.response().await;
    let page = &answer.resources[0].resource.as_ref().unwrap().value;
    assert!(serde_json::from_slice::<serde_json::Value>(page).unwrap().is_array());
}

#[tokio::test]
async fn answer_is_given_although_the_client_has_closed_its_half() {
    // rule 12
    let mesh = Mesh::start().await;
    let mut client = Sotw::sotw(mesh.grpc).await;
    ask(&client, PAGES, &["list"]).await;
    drop(std::mem::replace(&mut client.requests, tokio::sync::mpsc::channel(1).0));
    assert!(page(&client.response().await).is_array());
    client.end().await.unwrap();
}

#[tokio::test]
async fn only_metadata_that_istioctl_shows_is_passed_on() {
    let mesh = Mesh::start().await;
    let text = |text: &str| Value { kind: Some(Kind::StringValue(text.into())) };
    let fields = [("NAMESPACE", "shop"), ("LABELS", "istioctl wants a map here")];
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect();
    let mut sink = Sotw::sotw(mesh.grpc).await;
    let node = Node { metadata: Some(Struct { fields }), ..node("test-1") };
    let subscribe =
        DiscoveryRequest { node: Some(node), type_url: VIRTUAL_SERVICE.into(), ..Default::default() };
    sink.send(subscribe).await;
    sink.response().await;
    let mut istioctl = Sotw::sotw(mesh.grpc).await;
    ask(&istioctl, SYNCZ, &[]).await;
    let config = configs(&istioctl.response().await).remove(0);
    let shown = config.node.unwrap().metadata.unwrap();
    assert_eq!(shown.fields.keys().collect::<Vec<_>>(), ["NAMESPACE"]);
}

#[tokio::test]
async fn answers_that_nobody_reads_do_not_pile_up() {
    let mesh = Mesh::start().await;
    mesh.put([("shop/reviews", 1 << 20)]).await;
    let mut client = Sotw::sotw(mesh.grpc).await;
    for _ in 0..INSPECTIONS_WAITING_MAX + 2 {
        ask(&client, PAGES, &["configz"]).await;
    }
    assert_eq!(client.end().await.unwrap_err().code(), Code::ResourceExhausted);
}
