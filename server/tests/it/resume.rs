//! Many clients that come back to a server that was restarted.

use std::collections::BTreeMap;

use mainsheet_api::wire::DeltaDiscoveryRequest;
use mainsheet_server::config::{Settings, StoreKind};
use prost::Message;

use crate::{
    app::{end, ready, settings, start_again},
    client::{Delta, node},
    mesh::VIRTUAL_SERVICE,
    rig::{replace, route, write},
};

const CLIENTS: usize = 50;
const ROUTES: usize = 200;

fn routes(host: &str) -> String {
    (0..ROUTES).map(|number| route(&format!("r{number}"), host)).collect::<Vec<_>>().join("---\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_come_back_to_a_restarted_server_are_sent_nothing_that_they_hold() {
    // rules 18, 51 and 60
    let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(folder.path(), "all.yaml", &routes("before"));
    write(folder.path(), "one.yaml", &route("one", "before"));
    let mut settings = Settings {
        store: StoreKind::Redb,
        data_dir: data.path().into(),
        ..settings(&[folder.path().into()])
    };
    let server = start_again(&settings).await;
    ready(&server.0).await;
    settings.grpc_addr = server.0.grpc_addr();
    let mut connected = Vec::new();
    let mut held: BTreeMap<String, String> = BTreeMap::new();
    for _ in 0..CLIENTS {
        let mut client = Delta::delta(settings.grpc_addr).await;
        client.subscribe(VIRTUAL_SERVICE).await;
        let first = client.response().await;
        assert_eq!(first.resources.len(), ROUTES + 1);
        held = first.resources.into_iter().map(|resource| (resource.name, resource.version)).collect();
        connected.push(client);
    }
    end(server).await.unwrap();
    for mut client in connected {
        client.end().await.unwrap_err();
    }

    let server = start_again(&settings).await;
    ready(&server.0).await;
    let mut back = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = Delta::delta(settings.grpc_addr).await;
        client
            .send(DeltaDiscoveryRequest {
                node: Some(node("back")),
                type_url: VIRTUAL_SERVICE.into(),
                initial_resource_versions: held.clone().into_iter().collect(),
                ..Default::default()
            })
            .await;
        let answer = client.response().await;
        assert_eq!((answer.resources.len(), answer.removed_resources.len()), (0, 0));
        assert!(answer.encoded_len() < 200, "{answer:?}");
        client.ack(&answer).await;
        back.push(client);
    }
    replace(folder.path(), "one.yaml", &route("one", "after"));
    for client in &mut back {
        let next = client.response().await;
        let names: Vec<_> = next.resources.iter().map(|resource| resource.name.as_str()).collect();
        assert_eq!((names, next.removed_resources.len()), (vec!["shop/one"], 0));
    }
    end(server).await.unwrap();
}
