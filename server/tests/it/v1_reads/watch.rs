use std::collections::BTreeMap;

use mainsheet_api::{kind::Kind, limits::WATCHES_MAX};
use mainsheet_cache::store::{MemoryStore, StoreOptions};
use mainsheet_server::{readiness::Readiness, stream::StreamOptions};
use tonic::Streaming;

use super::*;
use crate::mesh::in_time;

type Watch = Streaming<pb::WatchResponse>;

/// Versions by key: what somebody knows who lists, then watches.
type Known = BTreeMap<String, String>;

async fn watch(mesh: &Mesh, after_revision: u64, selection: pb::Selection) -> Result<Watch, Status> {
    watch_by(&mut mesh.reader(), after_revision, selection).await
}

async fn watch_by(
    client: &mut MainsheetClient<Channel>,
    after_revision: u64,
    selection: pb::Selection,
) -> Result<Watch, Status> {
    let request = pb::WatchRequest { after_revision, selection: Some(selection), ..Default::default() };
    let mut watch = client.watch(request).await?.into_inner();
    let begun = next(&mut watch).await?;
    assert!(begun.changes.is_empty(), "begins with where it begins: {begun:?}");
    assert!(after_revision == 0 || begun.revision == after_revision);
    Ok(watch)
}

async fn next(watch: &mut Watch) -> Result<pb::WatchResponse, Status> {
    Ok(in_time("what a watch is told", watch.message()).await?.expect("a watch goes on"))
}

async fn known(mesh: &Mesh, selection: pb::Selection) -> (u64, Known) {
    let request = pb::ListRequest { selection: Some(selection), page_size: 1000, ..Default::default() };
    let list = mesh.reader().list(request).await.unwrap().into_inner();
    assert!(list.next_page_token.is_empty());
    let known = list.resources.iter().map(|resource| (written(resource), resource.version.clone()));
    (list.revision, known.collect())
}

/// Takes a change in; everything that it says was there must have been known.
fn apply(known: &mut Known, change: &pb::Change) {
    let side = |side: &Option<pb::Resource>| side.as_ref().map(|one| (written(one), one.version.clone()));
    let (before, after) = (side(&change.before), side(&change.after));
    let wanted = match (&before, &after) {
        (None, Some(_)) => pb::ChangeType::Added,
        (Some(_), Some(_)) => pb::ChangeType::Changed,
        (Some(_), None) => pb::ChangeType::Removed,
        (None, None) => panic!("nothing changed"),
    };
    assert_eq!(change.r#type(), wanted);
    if let Some((key, version)) = before {
        assert_eq!(known.remove(&key), Some(version), "{key}");
    }
    if let Some((key, version)) = after {
        assert_eq!(known.insert(key.clone(), version), None, "{key}");
    }
}

/// What some commits do, the same in each run: put, relabelled, hidden by a stronger source, taken away.
fn random_changes(random: &mut u64) -> Vec<Change> {
    let mut draw = |below: u64| {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*random >> 33) % below
    };
    let mut changes = BTreeMap::new();
    for _ in 0..=draw(4) {
        let kind = if draw(4) == 0 { Kind::CLUSTER } else { Kind::VIRTUAL_SERVICE };
        let key = Key::new(kind, ["a", "b"][draw(2) as usize], format!("r{}", draw(6)));
        let source = if draw(3) == 0 { "api" } else { "files" };
        let change = if draw(3) == 0 {
            super::remove(source, key.clone())
        } else {
            let labels = [("app", ["web", "db"][draw(2) as usize])];
            put(source, key.clone(), &format!("\x0a\x01{}", draw(5)), &labels)
        };
        changes.insert((source, key), change);
    }
    changes.into_values().collect()
}

#[tokio::test]
async fn watch_from_an_older_revision_is_the_difference_of_two_lists() {
    let selections = || {
        [
            pb::Selection::default(),
            pb::Selection { namespaces: vec!["a".into()], ..Default::default() },
            pb::Selection {
                kinds: vec!["vs".into()],
                label_selector: "app=web".into(),
                ..Default::default()
            },
            pb::Selection { name: "r3".into(), ..Default::default() },
        ]
    };
    let mesh = Mesh::start().await;
    let mut random = 7;
    let mut lists = Vec::new();
    for round in 0..60 {
        mesh.commit(random_changes(&mut random)).await;
        if round % 20 == 5 {
            for selection in selections() {
                lists.push((selection.clone(), known(&mesh, selection).await));
            }
        }
    }
    let end = mesh.cache.snapshot().0.revision().0;
    for (selection, (revision, mut then)) in lists {
        let mut watch = watch(&mesh, revision, selection.clone()).await.unwrap();
        let mut told = revision;
        while told < end {
            let response = next(&mut watch).await.unwrap();
            assert!(response.revision > told, "each revision once, in order");
            told = response.revision;
            response.changes.iter().for_each(|change| apply(&mut then, change));
        }
        assert_eq!(then, known(&mesh, selection.clone()).await.1, "{selection:?} after {revision}");
    }
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn no_change_is_skipped_under_a_storm_of_commits() {
    const COMMITS: u64 = 400;
    let mesh = Mesh::start().await;
    let first = mesh.put([("shop/a", 1)]).await.0;
    let mut watches = Vec::new();
    for _ in 0..3 {
        watches.push(watch(&mesh, first, pb::Selection::default()).await.unwrap());
    }
    let storm = async {
        for len in 0..COMMITS {
            mesh.put([("shop/a", 2 + usize::try_from(len).unwrap())]).await;
        }
    };
    let watched = async {
        for watch in &mut watches {
            for revision in first + 1..=first + COMMITS {
                assert_eq!(next(watch).await.unwrap().revision, revision);
            }
        }
    };
    tokio::join!(storm, watched);
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn revision_that_is_no_longer_kept_is_refused_with_the_oldest_that_is() {
    let options = StoreOptions { commits_kept_max: 4, ..StoreOptions::default() };
    let store = Arc::new(MemoryStore::new(options));
    let before = Mesh::on(store.clone(), StreamOptions::default(), Readiness::new()).await;
    for len in 1..=20 {
        before.put([("shop/a", len)]).await;
    }
    before.stopped().await.unwrap();
    // One that has not seen it happen knows what the store does.
    let mesh = Mesh::on(store, StreamOptions::default(), Readiness::new()).await;
    let refused = watch(&mesh, 1, pb::Selection::default()).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::OutOfRange, "COMPACTED".into()));
    let oldest = mesh.cache.store().oldest();
    let metadata = refused.get_error_details().error_info().unwrap().metadata.clone();
    assert_eq!(metadata["oldest"], oldest.to_string());
    // From the oldest on it goes.
    let mut watch_on = watch(&mesh, oldest.0, pb::Selection::default()).await.unwrap();
    assert_eq!(next(&mut watch_on).await.unwrap().revision, oldest.0 + 1);
    let ahead = watch(&mesh, 1000, pb::Selection::default()).await.unwrap_err();
    assert_eq!(reason(&ahead), (Code::OutOfRange, "AHEAD".into()));
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn what_is_not_selected_moves_a_watch_on() {
    let mesh = Mesh::start().await;
    mesh.put([("shop/a", 1)]).await;
    let selection = pb::Selection { namespaces: vec!["edge".into()], ..Default::default() };
    let mut watch = watch(&mesh, 0, selection).await.unwrap();
    let revision = mesh.put([("shop/a", 2)]).await;
    let progress = next(&mut watch).await.unwrap();
    assert_eq!((progress.revision, progress.changes.len()), (revision.0, 0));
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn large_revision_is_told_in_parts() {
    let mesh = Mesh::start().await;
    let names: Vec<String> = (0..9).map(|number| format!("shop/r{number}")).collect();
    let mut watch = watch(&mesh, 0, pb::Selection::default()).await.unwrap();
    let revision = mesh.put(names.iter().map(|name| (&**name, 100_000))).await;
    let (mut known, mut parts) = (Known::new(), 0);
    loop {
        let part = next(&mut watch).await.unwrap();
        assert_eq!(part.revision, revision.0);
        part.changes.iter().for_each(|change| apply(&mut known, change));
        parts += 1;
        if !part.is_partial {
            break;
        }
    }
    assert_eq!(known.len(), names.len());
    assert!(parts > 2, "{parts}");
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn watches_are_bounded_and_end_with_the_server() {
    let mesh = Mesh::start().await;
    let (mut watches, mut client) = (Vec::new(), mesh.reader());
    for number in 1..=WATCHES_MAX {
        // A connection has room for a hundred.
        if number % 64 == 0 {
            client = mesh.reader();
        }
        watches.push(watch_by(&mut client, 0, pb::Selection::default()).await.unwrap());
    }
    let refused = watch(&mesh, 0, pb::Selection::default()).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::ResourceExhausted, "WATCHES".into()));
    // Whoever leaves makes room.
    drop(watches.pop());
    let mut last = loop {
        match watch(&mesh, 0, pb::Selection::default()).await {
            Ok(watch) => break watch,
            Err(refused) => assert_eq!(refused.code(), Code::ResourceExhausted),
        }
    };
    mesh.stop.cancel();
    let ended = loop {
        match next(&mut last).await {
            Ok(progress) => assert!(progress.changes.is_empty()),
            Err(ended) => break ended,
        }
    };
    assert_eq!(reason(&ended), (Code::Unavailable, "STOPPING".into()));
    mesh.stopped().await.unwrap();
}

#[tokio::test]
async fn one_sources_layer_is_not_watched() {
    let mesh = Mesh::start().await;
    let selection = pb::Selection { source: "api".into(), ..Default::default() };
    let refused = watch(&mesh, 0, selection).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    mesh.stopped().await.unwrap();
}
