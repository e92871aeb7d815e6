use mainsheet_api::{kind::Kind, limits::PAGE_BYTES_MAX};
use prost::Message as _;

use super::*;

/// All pages, one after the other.
async fn pages(client: &mut MainsheetClient<Channel>, request: pb::ListRequest) -> Vec<pb::ListResponse> {
    let (mut pages, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListRequest { page_token, ..request.clone() };
        let page = client.list(request).await.unwrap().into_inner();
        page_token = page.next_page_token.clone();
        pages.push(page);
        if page_token.is_empty() {
            return pages;
        }
    }
}

async fn listed(client: &mut MainsheetClient<Channel>, selection: pb::Selection) -> Vec<String> {
    let mut by_size = Vec::new();
    for page_size in [0, 1, 3] {
        let request = pb::ListRequest { selection: Some(selection.clone()), page_size, ..Default::default() };
        let pages = pages(client, request).await;
        by_size.push(pages.iter().flat_map(|page| page.resources.iter().map(written)).collect::<Vec<_>>());
    }
    assert!(by_size.iter().all(|all| *all == by_size[0]), "whatever the size of pages: {by_size:?}");
    by_size.swap_remove(0)
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn selections_are_of_kinds_namespaces_names_labels_and_layers() {
    let mesh = Mesh::start().await;
    let key = |kind, namespace: &str, name: &str| Key::new(kind, namespace, name);
    let (vs, dr, cluster) = (Kind::VIRTUAL_SERVICE, Kind::DESTINATION_RULE, Kind::CLUSTER);
    mesh.commit(vec![
        put("files", key(vs, "shop", "a"), "", &[("app", "web")]),
        put("files", key(vs, "shop", "b"), "", &[("app", "db")]),
        put("files", key(vs, "edge", "a"), "", &[]),
        put("files", key(dr, "shop", "a"), "", &[("app", "web")]),
        put("files", key(cluster, "edge", "z"), "", &[]),
        put("files", key(cluster, "shop", "a"), "", &[]),
        put("api", key(vs, "shop", "b"), "\x0a\x01x", &[("app", "web")]),
    ])
    .await;
    let mut client = mesh.reader();
    let all = [
        "DestinationRule shop/a",
        "VirtualService edge/a",
        "VirtualService shop/a",
        "VirtualService shop/b",
        "Cluster edge/z",
        "Cluster shop/a",
    ];
    let selection = pb::Selection::default;
    assert_eq!(listed(&mut client, selection()).await, all);
    for (selection, wanted) in [
        (pb::Selection { kinds: texts(&["vs", "Cluster"]), ..selection() }, &all[1..]),
        (
            pb::Selection { namespaces: texts(&["edge"]), ..selection() },
            &["VirtualService edge/a", "Cluster edge/z"],
        ),
        (pb::Selection { namespaces: texts(&["shop", "edge", "none"]), ..selection() }, &all),
        (
            pb::Selection { name: "a".into(), ..selection() },
            &["DestinationRule shop/a", "VirtualService edge/a", "VirtualService shop/a", "Cluster shop/a"],
        ),
        (
            pb::Selection { name: "a".into(), namespaces: texts(&["shop"]), ..selection() },
            &["DestinationRule shop/a", "VirtualService shop/a", "Cluster shop/a"],
        ),
        (
            pb::Selection { label_selector: "app=web".into(), ..selection() },
            &["DestinationRule shop/a", "VirtualService shop/a", "VirtualService shop/b"],
        ),
        (pb::Selection { source: "api".into(), ..selection() }, &["VirtualService shop/b"]),
        (
            pb::Selection { source: "files".into(), label_selector: "app=db".into(), ..selection() },
            &["VirtualService shop/b"],
        ),
        (pb::Selection { source: "files".into(), ..selection() }, &all),
        (pb::Selection { source: "kube".into(), ..selection() }, &[]),
    ] as [(pb::Selection, &[&str]); 10]
    {
        assert_eq!(listed(&mut client, selection.clone()).await, wanted, "{selection:?}");
    }
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn all_pages_are_of_the_revision_of_the_first_while_writes_go_on() {
    let mesh = Mesh::start().await;
    let names: Vec<String> = (0..100).map(|number| format!("shop/r{number:03}")).collect();
    let revision = mesh.put(names.iter().map(|name| (&**name, 10))).await;
    let mut client = mesh.reader();
    let (mut versions, mut page_token, mut others) = (Vec::new(), String::new(), Vec::new());
    loop {
        let request = pb::ListRequest { page_size: 7, page_token, ..Default::default() };
        let page = client.list(request).await.unwrap().into_inner();
        assert_eq!(page.revision, revision.0);
        versions.extend(page.resources.iter().map(|resource| (written(resource), resource.revision)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
        // Changes what was listed and what was not, takes from both, and adds to both.
        mesh.put([("shop/r003", 20), ("shop/r098", 20), ("shop/aaa", 1), ("shop/zzz", 1)]).await;
        mesh.remove("shop/r001").await;
        mesh.remove("shop/r099").await;
        // Somebody else lists what is newest meanwhile.
        let other = pb::ListRequest { page_size: 1, ..Default::default() };
        others.push(client.list(other).await.unwrap().into_inner().revision);
    }
    let wanted: Vec<_> = names.iter().map(|name| (format!("VirtualService {name}"), revision.0)).collect();
    assert_eq!(versions, wanted);
    assert!(others.is_sorted() && others[0] > revision.0);
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn page_is_bounded_in_bytes_and_holds_one_resource_at_least() {
    let mesh = Mesh::start().await;
    let names: Vec<String> = (0..12).map(|number| format!("shop/r{number:02}")).collect();
    let lens = [700_000, 700_000, 10, 3_000_000, 10, 900_000, 900_000, 900_000, 10, 10, 2_500_000, 10];
    mesh.put(names.iter().zip(lens).map(|(name, len)| (&**name, len))).await;
    let pages = pages(&mut mesh.reader(), pb::ListRequest::default()).await;
    let listed: Vec<_> = pages.iter().flat_map(|page| page.resources.iter().map(written)).collect();
    assert_eq!(listed, names.iter().map(|name| format!("VirtualService {name}")).collect::<Vec<_>>());
    for page in &pages {
        assert!(
            page.resources.len() == 1 || page.encoded_len() < PAGE_BYTES_MAX + 1024,
            "{}",
            page.encoded_len()
        );
    }
    assert!(pages.len() > 4);
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn token_of_another_request_or_of_nobody_is_refused() {
    let mesh = Mesh::start().await;
    mesh.put([("shop/a", 1), ("shop/b", 1)]).await;
    let mut client = mesh.reader();
    let first = pb::ListRequest { page_size: 1, ..Default::default() };
    let page_token = client.list(first.clone()).await.unwrap().into_inner().next_page_token;
    let selection = Some(pb::Selection { kinds: texts(&["dr"]), ..Default::default() });
    for (request, wanted) in [
        (pb::ListRequest { page_token: "nonsense".into(), ..first.clone() }, "not a token"),
        (pb::ListRequest { page_token: page_token.clone(), selection, ..first.clone() }, "another request"),
        (
            pb::ListRequest { page_token: page_token.clone(), revision: 9, ..first.clone() },
            "the page token is of revision 1",
        ),
    ] {
        let refused = client.list(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains(wanted), "{}", refused.message());
    }
    // The size of a page may change, and the revision may be repeated.
    let request = pb::ListRequest { page_token, page_size: 5, revision: 1, ..Default::default() };
    assert_eq!(client.list(request).await.unwrap().into_inner().resources.len(), 1);
    mesh.stopped().await.unwrap();
}
