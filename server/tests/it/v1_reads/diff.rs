use mainsheet_api::{kind::Kind, limits::PAGE_BYTES_MAX};
use prost::Message as _;

use super::*;

async fn diff(mesh: &Mesh, request: pb::DiffRequest) -> Vec<pb::DiffResponse> {
    let mut answers = mesh.reader().diff(request).await.unwrap().into_inner();
    let mut all = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        all.push(answer);
    }
    all
}

fn between(from_revision: u64, to_revision: u64) -> pb::DiffRequest {
    let to = Some(pb::diff_request::To::ToRevision(to_revision));
    pb::DiffRequest { from_revision, to, ..Default::default() }
}

/// `+ VirtualService shop/a`, and so on.
fn lines(answers: &[pb::DiffResponse]) -> Vec<String> {
    let line = |change: &pb::Change| {
        let sign = match change.r#type() {
            pb::ChangeType::Added => '+',
            pb::ChangeType::Removed => '-',
            _ => '~',
        };
        format!("{sign} {}", written(change.after.as_ref().or(change.before.as_ref()).unwrap()))
    };
    answers.iter().flat_map(|answer| answer.changes.iter().map(line)).collect()
}

fn route(namespace: &str, name: &str) -> Key {
    Key::new(Kind::VIRTUAL_SERVICE, namespace, name)
}

/// Three revisions: the second changes one of each sort, the third takes that back.
async fn mesh() -> Mesh {
    let mesh = Mesh::start().await;
    let cluster = || Key::new(Kind::CLUSTER, "shop", "c");
    mesh.commit(vec![
        put("files", route("shop", "stays"), "1", &[]),
        put("files", route("shop", "changes"), "1", &[]),
        put("files", route("edge", "goes"), "1", &[("app", "web")]),
        put("files", cluster(), "1", &[]),
    ])
    .await;
    mesh.commit(vec![
        put("api", route("shop", "changes"), "2", &[]),
        put("files", route("edge", "comes"), "1", &[]),
        put("files", route("edge", "goes"), "1", &[]),
        remove("files", cluster()),
    ])
    .await;
    mesh.commit(vec![
        remove("api", route("shop", "changes")),
        remove("files", route("edge", "comes")),
        put("files", route("edge", "goes"), "1", &[("app", "web")]),
        put("files", cluster(), "1", &[]),
    ])
    .await;
    mesh
}

#[tokio::test]
async fn difference_is_by_kind_namespace_and_name_in_either_direction() {
    let mesh = mesh().await;
    let there = [
        "+ VirtualService edge/comes",
        "~ VirtualService edge/goes",
        "~ VirtualService shop/changes",
        "- Cluster shop/c",
    ];
    let back = [
        "- VirtualService edge/comes",
        "~ VirtualService edge/goes",
        "~ VirtualService shop/changes",
        "+ Cluster shop/c",
    ];
    for (from, to, wanted) in
        [(1, 2, &there[..]), (2, 1, &back), (2, 3, &back), (1, 3, &[]), (2, 0, &back), (0, 0, &[])]
    {
        let answers = diff(&mesh, between(from, to)).await;
        assert_eq!(lines(&answers), wanted, "{from} to {to}");
        let newest = |revision| if revision == 0 { 3 } else { revision };
        assert_eq!((answers[0].from_revision, answers[0].to_revision), (newest(from), newest(to)));
    }
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn difference_is_of_what_is_selected() {
    let mesh = mesh().await;
    let selection = pb::Selection::default;
    for (selection, wanted) in [
        (
            pb::Selection { namespaces: vec!["shop".into()], ..selection() },
            &["~ VirtualService shop/changes", "- Cluster shop/c"][..],
        ),
        // What loses its label is gone from what is selected by it.
        (pb::Selection { label_selector: "app=web".into(), ..selection() }, &["- VirtualService edge/goes"]),
        (pb::Selection { source: "api".into(), ..selection() }, &["+ VirtualService shop/changes"]),
        (
            pb::Selection { source: "files".into(), ..selection() },
            &["+ VirtualService edge/comes", "~ VirtualService edge/goes", "- Cluster shop/c"],
        ),
    ] {
        let request = pb::DiffRequest { selection: Some(selection.clone()), ..between(1, 2) };
        assert_eq!(lines(&diff(&mesh, request).await), wanted, "{selection:?}");
    }
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn large_difference_comes_in_bounded_answers() {
    let mesh = Mesh::start().await;
    mesh.put([("shop/a", 1)]).await;
    let names: Vec<String> = (0..10).map(|number| format!("shop/r{number}")).collect();
    mesh.put(names.iter().map(|name| (&**name, 600_000))).await;
    let answers = diff(&mesh, between(1, 2)).await;
    assert_eq!(
        lines(&answers),
        names.iter().map(|name| format!("+ VirtualService {name}")).collect::<Vec<_>>()
    );
    assert!(answers.len() > 2);
    assert!(answers.iter().all(|answer| answer.encoded_len() < PAGE_BYTES_MAX + 1024));
    assert!(answers[1..].iter().all(|answer| answer.from_revision == 0), "said once");
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn revisions_that_are_not_there_are_refused() {
    let mesh = mesh().await;
    let refused = mesh.reader().diff(between(1, 9)).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::OutOfRange, "AHEAD".into()));
    mesh.stopped().await.unwrap();
}
