//! Subscriptions to very many names.

use std::collections::BTreeSet;

use mainsheet_api::{
    kind::Kind,
    wire::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse},
};

use crate::{
    client::{Delta, Sotw, node},
    mesh::Mesh,
};

const NAMES: usize = 10_000;
/// Of these, so many exist.
const KNOWN: usize = 9_000;
/// So many stay subscribed to in the end: some that exist, and the last ones, that do not.
const KEPT: usize = 20;

fn all() -> Vec<String> {
    (0..NAMES).map(|number| format!("outbound|443||service-{number}.shop.svc.cluster.local")).collect()
}

fn kept(names: &[String]) -> Vec<String> {
    names[..KEPT / 2].iter().chain(&names[NAMES - KEPT / 2..]).cloned().collect()
}

async fn mesh_of(names: &[String]) -> Mesh {
    let mesh = Mesh::start().await;
    mesh.put_envoys(Kind::ENDPOINTS, names[..KNOWN].iter().map(|name| (name.as_str(), name.as_str()))).await;
    mesh
}

#[tokio::test]
async fn delta_client_of_ten_thousand_names_is_told_of_all_then_of_single_changes() {
    // rules 41, 53, 54, 56 and 61
    let names = all();
    let mesh = mesh_of(&names).await;
    let mut client = Delta::delta(mesh.grpc).await;
    let ask = |subscribe: &[String], unsubscribe: &[String]| DeltaDiscoveryRequest {
        node: Some(node("many")),
        type_url: Kind::ENDPOINTS.type_url(),
        resource_names_subscribe: subscribe.to_vec(),
        resource_names_unsubscribe: unsubscribe.to_vec(),
        ..Default::default()
    };
    client.send(ask(&names, &[])).await;
    let (mut found, mut missing) = (BTreeSet::new(), BTreeSet::new());
    while found.len() + missing.len() < NAMES {
        let response = client.response().await;
        client.ack(&response).await;
        found.extend(response.resources.into_iter().map(|resource| resource.name));
        missing.extend(response.removed_resources);
    }
    assert_eq!(found, names[..KNOWN].iter().cloned().collect());
    assert_eq!(missing, names[KNOWN..].iter().cloned().collect());

    let sent = |response: &DeltaDiscoveryResponse| {
        assert_eq!(response.removed_resources, [""; 0]);
        response.resources.iter().map(|resource| resource.name.clone()).collect::<Vec<_>>()
    };
    mesh.put_envoys(Kind::ENDPOINTS, [(names[77].as_str(), "changed")]).await;
    let response = client.response().await;
    client.ack(&response).await;
    assert_eq!(sent(&response), [names[77].clone()]);

    client.send(ask(&[], &names[KEPT / 2..NAMES - KEPT / 2])).await;
    // Answered before anything changes, so that it is known to be read.
    client.send(ask(&names[..1], &[])).await;
    let response = client.response().await;
    client.ack(&response).await;
    assert_eq!(sent(&response), [names[0].clone()]);
    mesh.put_envoys(Kind::ENDPOINTS, names[..KNOWN].iter().map(|name| (name.as_str(), "changed again")))
        .await;
    mesh.put_envoys(Kind::ENDPOINTS, [(names[NAMES - 1].as_str(), "new")]).await;
    let mut told = BTreeSet::new();
    while told.len() < KEPT / 2 + 1 {
        let response = client.response().await;
        client.ack(&response).await;
        told.extend(sent(&response));
    }
    assert_eq!(told, names[..KEPT / 2].iter().chain(names.last()).cloned().collect());
}

#[tokio::test]
async fn sotw_client_of_ten_thousand_names_is_told_of_all_then_of_single_changes() {
    // rules 28, 30, 37, 41, 43 and 82
    let names = all();
    let mesh = mesh_of(&names).await;
    let mut client = Sotw::sotw(mesh.grpc).await;
    let ask = |names: &[String], last: &DiscoveryResponse| DiscoveryRequest {
        node: Some(node("many")),
        type_url: Kind::ENDPOINTS.type_url(),
        resource_names: names.to_vec(),
        version_info: last.version_info.clone(),
        response_nonce: last.nonce.clone(),
        ..Default::default()
    };
    client.send(ask(&names, &DiscoveryResponse::default())).await;
    let bodies = |response: &DiscoveryResponse| {
        let body = |any: &mainsheet_api::wire::Any| String::from_utf8(any.value.to_vec()).unwrap();
        response.resources.iter().map(body).collect::<BTreeSet<_>>()
    };
    let mut found = BTreeSet::new();
    while found.len() < NAMES {
        let response = client.response().await;
        client.send(ask(&names, &response)).await;
        found.extend(bodies(&response));
    }
    // What does not exist is an assignment that says its name and nothing else (rule 82).
    let none = |name: &String| format!("\n{}{name}", char::from(u8::try_from(name.len()).unwrap()));
    let expected = names[..KNOWN].iter().cloned().chain(names[KNOWN..].iter().map(none));
    assert_eq!(found, expected.collect());

    mesh.put_envoys(Kind::ENDPOINTS, [(names[77].as_str(), "changed")]).await;
    let response = client.response().await;
    assert_eq!(bodies(&response), ["changed".to_owned()].into());

    // The names that are left, and one that was not asked for before: its answer says that this was read.
    let left: Vec<_> = kept(&names).into_iter().chain(["one more".to_owned()]).collect();
    mesh.put_envoys(Kind::ENDPOINTS, [("one more", "one more")]).await;
    client.send(ask(&left, &response)).await;
    let response = client.response().await;
    client.send(ask(&left, &response)).await;
    assert_eq!(bodies(&response), ["one more".to_owned()].into());
    let changed: Vec<_> = (0..KNOWN).map(|number| format!("again {number}")).collect();
    let changes = names[..KNOWN].iter().zip(&changed).map(|(name, body)| (name.as_str(), body.as_str()));
    mesh.put_envoys(Kind::ENDPOINTS, changes).await;
    let response = client.response().await;
    client.send(ask(&left, &response)).await;
    assert_eq!(bodies(&response), changed[..KEPT / 2].iter().cloned().collect());
    mesh.put_envoys(Kind::ENDPOINTS, [(names[NAMES - 1].as_str(), "new")]).await;
    assert_eq!(bodies(&client.response().await), ["new".to_owned()].into());
}
