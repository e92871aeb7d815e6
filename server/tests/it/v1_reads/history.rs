use mainsheet_api::{change::Cause, kind::Kind};

use super::*;

async fn history(mesh: &Mesh, request: pb::HistoryRequest) -> Vec<pb::RevisionInfo> {
    let (mut all, mut before_revision) = (Vec::new(), request.before_revision);
    loop {
        let request = pb::HistoryRequest { before_revision, ..request.clone() };
        let page = mesh.reader().history(request).await.unwrap().into_inner();
        all.extend(page.revisions);
        before_revision = page.next_before_revision;
        if before_revision == 0 {
            return all;
        }
    }
}

fn revisions(history: &[pb::RevisionInfo]) -> Vec<u64> {
    history.iter().map(|revision| revision.revision).collect()
}

fn route(name: &str) -> Key {
    Key::new(Kind::VIRTUAL_SERVICE, "shop", name)
}

/// Seven revisions by two authors.
async fn mesh() -> Mesh {
    let mesh = Mesh::start().await;
    let by =
        |author: &str| Cause { what: "apply".into(), author: author.into(), message: format!("of {author}") };
    mesh.commit_as(by("ann"), vec![put("api", route("a"), "1", &[]), put("api", route("b"), "1", &[])]).await;
    mesh.commit_as(by("bob"), vec![put("api", route("a"), "2", &[("app", "web")])]).await;
    mesh.commit_as(by("ann"), vec![put("files", route("a"), "3", &[]), remove("api", route("b"))]).await;
    mesh.commit_as(by("bob"), vec![remove("api", route("a"))]).await;
    for body in ["4", "5", "6"] {
        mesh.commit_as(by("bob"), vec![put("api", Key::new(Kind::CLUSTER, "edge", "c"), body, &[])]).await;
    }
    mesh
}

#[tokio::test]
async fn revisions_are_newest_first_whatever_the_size_of_pages() {
    let mesh = mesh().await;
    for page_size in [0, 1, 2, 3, 7] {
        let all = history(&mesh, pb::HistoryRequest { page_size, ..Default::default() }).await;
        assert_eq!(revisions(&all), [7, 6, 5, 4, 3, 2, 1], "pages of {page_size}");
    }
    let older = history(&mesh, pb::HistoryRequest { before_revision: 3, ..Default::default() }).await;
    assert_eq!(revisions(&older), [2, 1]);
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn history_is_narrowed_to_what_touched_a_selection_or_to_an_author() {
    let mesh = mesh().await;
    let of =
        |selection: pb::Selection| pb::HistoryRequest { selection: Some(selection), ..Default::default() };
    let selection = pb::Selection::default;
    for (request, wanted) in [
        (of(pb::Selection { name: "a".into(), ..selection() }), &[4, 3, 2, 1][..]),
        (of(pb::Selection { kinds: vec!["Cluster".into()], ..selection() }), &[7, 6, 5]),
        (of(pb::Selection { namespaces: vec!["shop".into()], ..selection() }), &[4, 3, 2, 1]),
        (of(pb::Selection { source: "files".into(), ..selection() }), &[3]),
        // What had the label before counts, too.
        (of(pb::Selection { label_selector: "app=web".into(), ..selection() }), &[4, 2]),
        (pb::HistoryRequest { author: "ann".into(), ..Default::default() }, &[3, 1]),
        (pb::HistoryRequest { author: "nobody".into(), ..Default::default() }, &[]),
    ] {
        for page_size in [0, 1] {
            let request = pb::HistoryRequest { page_size, ..request.clone() };
            assert_eq!(revisions(&history(&mesh, request.clone()).await), wanted, "{request:?}");
        }
    }
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn revision_says_who_why_and_what_changed() {
    let mesh = mesh().await;
    let request =
        pb::HistoryRequest { before_revision: 4, page_size: 1, with_changes: true, ..Default::default() };
    let page = mesh.reader().history(request).await.unwrap().into_inner();
    let revision = &page.revisions[0];
    assert_eq!(
        (revision.cause.as_str(), revision.sources.as_slice()),
        ("apply", &["api".into(), "files".into()][..])
    );
    let authorship = revision.authorship.clone().unwrap();
    assert_eq!((authorship.author.as_str(), authorship.message.as_str()), ("ann", "of ann"));
    assert_eq!((revision.added, revision.changed, revision.removed), (1, 0, 1));
    let change = |change: &pb::LayerChange| {
        let name = change.key.as_ref().unwrap().name.clone();
        (change.r#type(), name, change.source.clone(), change.version.is_empty())
    };
    let mut changes: Vec<_> = revision.changes.iter().map(change).collect();
    changes.sort_by_key(|(_, name, ..)| name.clone());
    assert_eq!(
        changes,
        [
            (pb::ChangeType::Added, "a".into(), "files".into(), false),
            (pb::ChangeType::Removed, "b".into(), "api".into(), true)
        ]
    );
    mesh.stopped().await.unwrap();
}
