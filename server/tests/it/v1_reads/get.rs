use mainsheet_api::kind::Kind;
use mainsheet_server::readiness::Readiness;
use mainsheet_server::stream::StreamOptions;

use super::*;

fn of(kind: &str, namespace: &str, name: &str) -> pb::GetRequest {
    pb::GetRequest { key: resource_key(kind, namespace, name), ..pb::GetRequest::default() }
}

fn cluster(namespace: &str) -> Key {
    Key::new(Kind::CLUSTER, namespace, "x")
}

#[tokio::test]
async fn what_is_served_comes_with_what_it_hides_and_each_source_has_its_own() {
    let mesh = Mesh::start().await;
    let route = || Key::new(Kind::VIRTUAL_SERVICE, "shop", "a");
    mesh.commit(vec![put("files", route(), "\x0a\x01f", &[])]).await;
    let revision = mesh.commit(vec![put("api", route(), "\x0a\x01a", &[])]).await;
    let mut client = mesh.reader();
    let answer = client.get(of("vs", "shop", "a")).await.unwrap().into_inner();
    assert_eq!(answer.revision, revision.0);
    let served = answer.resource.unwrap();
    assert_eq!((written(&served).as_str(), served.source.as_str()), ("VirtualService shop/a", "api"));
    assert_eq!(served.hidden.len(), 1);
    let hidden = &served.hidden[0];
    assert_eq!((hidden.source.as_str(), hidden.revision), ("files", 1));
    assert_ne!(hidden.any, served.any);
    for (source, wanted) in [("files", &hidden.any), ("api", &served.any)] {
        let request = pb::GetRequest { source: source.into(), ..of("virtualservices", "shop", "a") };
        let held = client.get(request).await.unwrap().into_inner().resource.unwrap();
        assert_eq!((held.source.as_str(), &held.any), (source, wanted));
    }
    let refused =
        client.get(pb::GetRequest { source: "kube".into(), ..of("vs", "shop", "a") }).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::NotFound, "NOT_FOUND".into()));
    assert_eq!(refused.message(), "VirtualService shop/a not found in source `kube`");
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn forms_are_bytes_documents_or_neither() {
    let mesh = Mesh::start().await;
    mesh.commit(vec![
        put("files", Key::new(Kind::VIRTUAL_SERVICE, "default", "a"), "\x0a\x05a.com", &[("app", "web")]),
        put("files", Key::new(Kind::VIRTUAL_SERVICE, "default", "broken"), "\x0a\x7f", &[]),
        put("files", cluster("edge"), "\x0a\x01x", &[]),
    ])
    .await;
    let mut client = mesh.reader();
    let mut get = async |kind: &str, namespace: &str, name: &str, form: pb::Form| {
        let request = pb::GetRequest { form: form.into(), ..of(kind, namespace, name) };
        client.get(request).await.unwrap().into_inner().resource.unwrap()
    };
    // No namespace: `default`.
    let yaml = get("vs", "", "a", pb::Form::Yaml).await;
    assert!(yaml.text.contains("kind: VirtualService") && yaml.text.contains("- a.com"), "{}", yaml.text);
    assert!(yaml.any.is_empty());
    assert!(get("vs", "", "a", pb::Form::Json).await.text.starts_with('{'));
    let bytes = get("vs", "", "a", pb::Form::Unspecified).await;
    assert!(bytes.text.is_empty() && !bytes.any.is_empty());
    let none = get("vs", "", "a", pb::Form::None).await;
    assert!(none.text.is_empty() && none.any.is_empty() && none.version == bytes.version);
    let envoys = get("Cluster", "edge", "x", pb::Form::Yaml).await;
    assert!(envoys.text.contains("mainsheet.io/namespace: edge"), "{}", envoys.text);
    // What can't be written as a document is shown as it is, and says why.
    let broken = get("vs", "", "broken", pb::Form::Yaml).await;
    assert!(broken.text.is_empty() && !broken.any.is_empty());
    assert_eq!(broken.warnings[0].code, "unreadable");
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn what_is_not_there_or_not_known_is_refused_with_what_would_be_right() {
    let mesh = Mesh::start().await;
    mesh.commit(vec![put("files", cluster("a"), "\x0a\x01x", &[])]).await;
    let mut client = mesh.reader();
    // Another namespace's resource of this name is not the one that was asked for.
    let refused = client.get(of("Cluster", "b", "x")).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::NotFound, "NOT_FOUND".into()));
    let refused = client.get(of("virtualservce", "b", "x")).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().ends_with("did you mean `VirtualService`?"), "{}", refused.message());
    let fields = refused.get_error_details().bad_request().unwrap().field_violations.clone();
    assert_eq!(fields[0].field, "key.kind");
    let refused = client.get(pb::GetRequest { revision: 9, ..of("Cluster", "a", "x") }).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::OutOfRange, "AHEAD".into()));
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn resource_is_shown_as_it_was_at_a_revision() {
    let mesh = Mesh::start().await;
    let route = || Key::new(Kind::VIRTUAL_SERVICE, "shop", "a");
    mesh.commit(vec![put("files", route(), "1", &[])]).await;
    mesh.commit(vec![put("files", route(), "2", &[])]).await;
    mesh.commit(vec![remove("files", route())]).await;
    let mut client = mesh.reader();
    let mut versions = Vec::new();
    for revision in [1, 2] {
        let request = pb::GetRequest { revision, ..of("vs", "shop", "a") };
        let answer = client.get(request).await.unwrap().into_inner();
        assert_eq!(answer.revision, revision);
        let resource = answer.resource.unwrap();
        assert_eq!(resource.revision, revision);
        versions.push(resource.version);
    }
    assert_ne!(versions[0], versions[1]);
    let refused = client.get(of("vs", "shop", "a")).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn nothing_is_read_before_everything_is_known_but_how_the_server_is() {
    let readiness = Readiness::new();
    let awaited = readiness.guard("source files");
    let mesh = Mesh::with(StreamOptions::default(), readiness).await;
    mesh.commit(vec![put("files", cluster("a"), "\x0a\x01x", &[])]).await;
    let mut client = mesh.reader();
    let refused = client.get(of("Cluster", "a", "x")).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::Unavailable, "NOT_READY".into()));
    assert!(refused.message().contains("source files"), "{}", refused.message());
    let status = client.status(pb::StatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.awaited, ["source files"]);
    awaited.release();
    client.get(of("Cluster", "a", "x")).await.unwrap();
    mesh.stopped().await.unwrap();
}
