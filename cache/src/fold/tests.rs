//! The fold and what comes out of it, without a store.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use mainsheet_api::{
    change::Change,
    kind::Kind,
    limits::CHUNK_BYTES_TARGET,
    node::Node,
    version::{ResourceVersion, VersionSum},
    view::{Audience, Grant, Kinds, Names, Namespaces, View},
    wire::{DiscoveryResponse, Entry},
    xds::catalog::{Catalog, Difference},
};
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::{
    chunk::{CHUNK_BYTES_MIN, Chunk},
    partition::Partition,
    snapshot::SnapshotCatalog,
    testing::*,
};

fn catalog(snapshot: Snapshot) -> SnapshotCatalog {
    SnapshotCatalog(Arc::new(snapshot))
}

/// All snapshots of a row of commits, the empty one first, each with what a store would hold.
fn steps(commits: Vec<Vec<Change>>) -> Vec<(SnapshotCatalog, Model)> {
    let mut model = Model::default();
    let mut steps = vec![(catalog(empty()), model.clone())];
    for changes in commits {
        let (revision, changes) = model.commit(changes);
        let before = &steps.last().unwrap().0.0;
        let next = fold(before, revision, changes);
        steps.push((catalog(next), model.clone()));
    }
    steps
}

fn versions_of(entries: &[Entry]) -> BTreeMap<Arc<str>, ResourceVersion> {
    entries.iter().map(|entry| (entry.name.clone(), entry.version.clone())).collect()
}

fn applied(to: &mut BTreeMap<Arc<str>, ResourceVersion>, difference: &Difference) {
    for name in &difference.removed {
        assert!(to.remove(name).is_some(), "removed what was not there");
    }
    for entry in &difference.changed {
        let before = to.insert(entry.name.clone(), entry.version.clone());
        assert_ne!(before.as_ref(), Some(&entry.version), "sent what was there");
    }
}

fn partitions(catalog: &SnapshotCatalog) -> impl Iterator<Item = (Kind, &PartitionKey, &Arc<Partition>)> {
    (*KINDS).into_iter().flat_map(|kind| {
        catalog.0.of_kind(kind).partitions.iter().map(move |(place, partition)| (kind, place, partition))
    })
}

fn assert_same(one: &SnapshotCatalog, other: &SnapshotCatalog, view: &View) {
    for kind in *KINDS {
        assert_eq!(one.version(kind, view), other.version(kind, view));
        assert_eq!(shown(one, kind, view), shown(other, kind, view));
        assert_eq!(full_bytes(one, kind, view), full_bytes(other, kind, view));
        assert_eq!(one.0.count(kind), other.0.count(kind));
    }
    assert_eq!(one.0.clashes(), other.0.clashes());
    assert!(one.0.sources().eq(other.0.sources()));
    for source in one.0.sources() {
        assert!(one.0.layer(source) == other.0.layer(source));
    }
}

/// One snapshot after another, from changes.
fn after(before: &SnapshotCatalog, changes: Vec<Change>) -> SnapshotCatalog {
    catalog(fold(&before.0, before.revision().next(), changes))
}

fn served_by(catalog: &SnapshotCatalog, kind: Kind, wire_name: &str) -> Option<SourceName> {
    catalog.0.served(kind, wire_name).map(|held| held.source.clone())
}

#[test]
fn stronger_source_hides_a_weaker_one_until_it_lets_go() {
    let vs = || key(Kind::VIRTUAL_SERVICE, "a", "x");
    let name = "a/x";
    let files = after(&catalog(empty()), vec![put("files", vs(), 1, 10), put("kube", vs(), 2, 10)]);
    assert_eq!(served_by(&files, vs().kind, name), Some(source("files")));
    let held = after(&files, vec![put("hold", vs(), 3, 10)]);
    assert_eq!(served_by(&held, vs().kind, name), Some(source("hold")));
    assert_eq!(held.0.clashes(), [(vs(), vec![source("hold"), source("files"), source("kube")])]);
    assert_eq!(held.0.layer(&source("kube")).len(), 1, "hidden, but there");
    let elsewhere = after(&held, vec![put("files", key(vs().kind, "b", "y"), 1, 10)]);
    assert!(elsewhere.0.shares_contests_with(&held.0) && !held.0.shares_contests_with(&files.0));
    let losers = &held.0.state(vs().kind).contests.get(name).unwrap().losers;
    let was_served = files.get(vs().kind, &View::everything(), name).unwrap();
    assert_ne!(losers[0].item.any.as_ptr(), was_served.any.as_ptr(), "a hidden record keeps no chunk alive");
    let released = after(&held, vec![remove("hold", vs())]);
    let everything = View::everything();
    assert_eq!(released.version(vs().kind, &everything), files.version(vs().kind, &everything));
    assert!(released.0.sources().eq(&[source("files"), source("kube")]));
    let kube = after(&released, vec![remove("files", vs())]);
    assert_eq!(served_by(&kube, vs().kind, name), Some(source("kube")));
    assert_eq!(kube.0.clashes(), []);
}

fn absence(source_name: &str, key: Key) -> Change {
    let record = record(source_name, key, 1, 1);
    let entry = Entry::absence(record.entry.name.clone());
    Change::Put(Arc::new(Record { entry, ..record }))
}

#[test]
fn absence_that_wins_hides_what_weaker_sources_say_until_it_is_gone() {
    let vs = || key(Kind::VIRTUAL_SERVICE, "a", "x");
    let files = after(&catalog(empty()), vec![put("files", vs(), 1, 10), put("kube", vs(), 2, 10)]);
    let hidden = after(&files, vec![absence("hold", vs())]);
    assert_eq!((hidden.0.count(vs().kind), hidden.0.served(vs().kind, "a/x")), (0, None));
    assert_eq!(hidden.0.clashes(), [(vs(), vec![source("hold"), source("files"), source("kube")])]);
    assert_eq!(hidden.0.hidden(vs().kind, "a/x").len(), 2);
    let step = hidden.difference(vs().kind, &View::everything(), Some((&files, &View::everything())));
    assert_eq!((step.changed.len(), &step.removed[..]), (0, &["a/x".into()][..]));
    // What changes below it shows once it is gone.
    let below = after(&hidden, vec![put("files", vs(), 3, 10), remove("kube", vs())]);
    assert_eq!(below.0.count(vs().kind), 0);
    let alone = after(&below, vec![remove("files", vs())]);
    assert_eq!((alone.0.contests().count(), alone.0.layer(&source("hold")).len()), (0, 1));
    assert_eq!(alone.0.contestants(vs().kind, "a/x").len(), 1);
    let released = after(&below, vec![remove("hold", vs())]);
    assert_eq!(served_by(&released, vs().kind, "a/x"), Some(source("files")));
    assert_eq!(released.0.clashes(), []);
    let nothing = after(&alone, vec![remove("hold", vs())]);
    assert!(nothing.0.state(vs().kind).contests.is_empty());
}

#[test]
fn absence_that_loses_hides_nothing() {
    let vs = || key(Kind::VIRTUAL_SERVICE, "a", "x");
    let files = after(&catalog(empty()), vec![put("files", vs(), 1, 10), absence("kube", vs())]);
    assert_eq!(served_by(&files, vs().kind, "a/x"), Some(source("files")));
    let gone = after(&files, vec![remove("files", vs())]);
    assert_eq!(gone.0.served(vs().kind, "a/x"), None);
}

/// What is served, by wire name.
fn all_served(snapshot: &Snapshot) -> BTreeMap<(Kind, Arc<str>), HeldEntry> {
    let all =
        (*KINDS).into_iter().flat_map(|kind| snapshot.served_after(kind, None).map(move |it| (kind, it)));
    all.map(|(kind, found)| ((kind, found.entry.name.clone()), found)).collect()
}

#[test]
fn change_that_loses_its_contest_changes_nothing_that_is_served() {
    let vs = || key(Kind::VIRTUAL_SERVICE, "a", "x");
    let before = after(&catalog(empty()), vec![put("files", vs(), 1, 10)]);
    let next = after(&before, vec![put("kube", vs(), 2, 10)]);
    assert!(Arc::ptr_eq(before.0.of_kind(vs().kind), next.0.of_kind(vs().kind)));
    assert_eq!(next.revision(), before.revision().next());
}

#[test]
fn envoy_name_is_served_of_one_namespace_only() {
    let cluster = |namespace| key(Kind::CLUSTER, namespace, "x");
    let both =
        after(&catalog(empty()), vec![put("files", cluster("b"), 1, 10), put("files", cluster("a"), 2, 10)]);
    assert_eq!(both.0.count(Kind::CLUSTER), 1);
    assert!(both.get(Kind::CLUSTER, &View::of_namespaces(["a"]), "x").is_some());
    assert!(both.get(Kind::CLUSTER, &View::of_namespaces(["b"]), "x").is_none());
    let contests: Vec<Vec<Key>> =
        both.0.contests().map(|all| all.iter().map(|held| held.key.clone()).collect()).collect();
    assert_eq!(contests, [[cluster("a"), cluster("b")]]);
}

#[test]
fn envoy_name_that_moves_to_another_namespace_is_changed_and_not_removed() {
    let cluster = |namespace| key(Kind::CLUSTER, namespace, "x");
    let before = after(&catalog(empty()), vec![put("files", cluster("b"), 1, 10)]);
    let moved = after(&before, vec![remove("files", cluster("b")), put("files", cluster("a"), 1, 10)]);
    let step = |view: &View| moved.difference(Kind::CLUSTER, view, Some((&before, view)));
    let names = |step: &Difference| (step.changed.len(), step.removed.len());
    assert_eq!(names(&step(&View::everything())), (1, 0));
    assert_eq!(names(&step(&View::of_namespaces(["b"]))), (0, 1));
    assert_eq!(names(&step(&View::of_namespaces(["a"]))), (1, 0));
}

#[test]
fn one_change_makes_one_chunk_anew() {
    let vs = |name: u32| key(Kind::VIRTUAL_SERVICE, "a", &format!("n{name:04}"));
    let before = after(&catalog(empty()), (0..1000).map(|name| put("files", vs(name), 1, 1000)).collect());
    let next = after(
        &before,
        vec![put("files", vs(500), 2, 1000), put("files", key(Kind::CLUSTER, "a", "x"), 1, 1)],
    );
    let chunks = |of: &SnapshotCatalog| -> Vec<_> {
        partitions(of).filter(|it| it.0 == Kind::VIRTUAL_SERVICE).flat_map(|it| it.2.chunks.clone()).collect()
    };
    let (before, next) = (chunks(&before), chunks(&next));
    assert!(before.len() > 10);
    let shared = before.iter().filter(|chunk| next.iter().any(|other| Arc::ptr_eq(chunk, other))).count();
    assert_eq!((shared, next.len()), (before.len() - 1, before.len()));
}

#[test]
fn view_of_one_namespace_is_never_sent_a_byte_of_another() {
    let secret = |seed| put("files", key(Kind::VIRTUAL_SERVICE, "secret", "hidden"), seed, 100);
    let before = after(
        &catalog(empty()),
        vec![secret(b'!'), put("files", key(Kind::VIRTUAL_SERVICE, "a", "x"), 1, 10)],
    );
    let next = after(&before, vec![secret(b'?')]);
    let view = View::of_namespaces(["a"]);
    let kind = Kind::VIRTUAL_SERVICE;
    let full = full_bytes(&next, kind, &view);
    assert!(!full.windows(6).any(|window| window == b"secret" || window == b"hidden" || window == b"??????"));
    assert!(next.difference(kind, &view, Some((&before, &view))).is_empty());
    assert_eq!(before.version(kind, &view), next.version(kind, &view));
    let shrunk = next.difference(kind, &view, Some((&before, &View::everything())));
    assert_eq!((shrunk.changed.len(), &shrunk.removed[..]), (0, &["secret/hidden".into()][..]));
}

#[test]
fn answers_and_steps_are_worked_out_once_and_shared() {
    let names = |range: std::ops::Range<u32>| {
        range
            .map(|name| put("files", key(Kind::VIRTUAL_SERVICE, &format!("ns{name:03}"), "x"), 1, 1000))
            .collect()
    };
    let before = after(&catalog(empty()), names(0..100));
    let next = after(&before, names(100..101));
    let (kind, view) = (Kind::VIRTUAL_SERVICE, View::everything());
    let (one, other) = (next.full(kind, &view), next.clone().full(kind, &view));
    assert!(one.pieces.len() < 5, "100 partitions of 1 KB are not 100 pieces");
    assert!(one.pieces.iter().zip(&other.pieces).all(|(one, other)| one.as_ptr() == other.as_ptr()));
    let step = || next.difference(kind, &view, Some((&before, &view)));
    assert!(Arc::ptr_eq(&step(), &step()));
}

/// A record for these sinks.
fn put_for(audience: &str, name: &str) -> Change {
    let key = key(Kind::VIRTUAL_SERVICE, "a", name);
    let record = record("files", key, 1, 100);
    Change::Put(Arc::new(Record { audience: Audience::from_text(audience), ..record }))
}

fn said(pairs: &[(&str, &str)]) -> Arc<Node> {
    let metadata = pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    Arc::new(Node { id: "me".into(), metadata, ..Node::default() })
}

#[test]
fn nodes_that_say_the_same_of_what_is_asked_share_bytes_and_steps() {
    let kind = Kind::VIRTUAL_SERVICE;
    let before = after(&catalog(empty()), vec![put_for("", "x"), put_for("sinks=REGION=east", "y")]);
    let next = after(&before, vec![put_for("", "x"), put_for("", "z")]);
    let of = |pairs| View::everything().for_node(said(pairs));
    let (one, other) = (of(&[("REGION", "east"), ("POD", "1")]), of(&[("REGION", "east"), ("POD", "2")]));
    assert_ne!(one, other);
    let pieces = |view| next.full(kind, view).pieces.iter().map(|it| it.as_ptr()).collect::<Vec<_>>();
    assert_eq!(pieces(&one), pieces(&other));
    let step = |view| next.difference(kind, view, Some((&before, view)));
    assert!(Arc::ptr_eq(&step(&one), &step(&other)));
    let west = of(&[("REGION", "west")]);
    assert_eq!((next.full(kind, &one).count, next.full(kind, &west).count), (3, 2));
    // What the last resource that asked for it took with it, nobody is told apart by any more.
    let none = after(&next, vec![remove("files", key(kind, "a", "y"))]);
    assert!(Arc::ptr_eq(&none.difference(kind, &one, None), &none.difference(kind, &west, None)));
}

#[test]
fn entries_that_are_granted_by_name_are_sent_out_of_shared_bytes() {
    let (kind, names) = (Kind::VIRTUAL_SERVICE, ["n0003", "n0500", "n0999", "gone"]);
    let put = |name: u32| put("files", key(kind, "a", &format!("n{name:04}")), 1, 1000);
    let all = after(&catalog(empty()), (0..1000).map(put).collect());
    let names = Names::Only(names.map(Arc::from).into());
    let view = View::of([Grant { kinds: Kinds::All, namespaces: Namespaces::All, names }]);
    let full = all.full(kind, &view);
    assert_eq!(full.count, 3);
    let held: Vec<_> = partitions(&all).flat_map(|(_, _, partition)| partition.chunks.clone()).collect();
    for entry in shown(&all, kind, &view) {
        let is_in = |chunk: &Arc<Chunk>| chunk.bytes.as_ptr_range().contains(&entry.any.as_ptr());
        assert!(held.iter().any(is_in), "{} is a copy", entry.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_a_fold_tells_leads_from_one_served_state_to_the_next(commits in any_commits()) {
        let mut model = Model::default();
        let mut snapshot = empty();
        for changes in commits {
            let (revision, changes) = model.commit(changes);
            let mut served = all_served(&snapshot);
            let (next, told) = fold_telling(&snapshot, revision, changes);
            for ServedChange { before, after } in told {
                let side = before.as_ref().or(after.as_ref()).expect("a side");
                let name = (side.held.key.kind, side.entry.name.clone());
                prop_assert_ne!(&before, &after);
                prop_assert_eq!(served.get(&name), before.as_ref());
                match after {
                    Some(after) => served.insert(name, after),
                    None => served.remove(&name),
                };
            }
            prop_assert_eq!(served, all_served(&next));
            snapshot = next;
        }
    }

    #[test]
    fn any_row_of_commits_shows_what_its_records_say(commits in any_commits(), view in any_view()) {
        for (catalog, model) in steps(commits) {
            for kind in *KINDS {
                let expected = model.visible(kind, &view);
                prop_assert_eq!(&shown(&catalog, kind, &view), &expected);
                let sum = expected.iter().map(|it| VersionSum::of_entry(&it.name, &it.version));
                prop_assert_eq!(catalog.version(kind, &view), sum.fold(VersionSum::EMPTY, VersionSum::plus));
                for entry in &expected {
                    let got = catalog.get(kind, &view, &entry.name);
                    prop_assert_eq!(got.as_ref(), Some(entry));
                }
                let names: HashSet<_> = expected.iter().map(|entry| &entry.name).collect();
                prop_assert_eq!(names.len(), expected.len());
                for hidden in shown(&catalog, kind, &View::everything()) {
                    prop_assert_eq!(catalog.get(kind, &view, &hidden.name).is_some(), names.contains(&hidden.name));
                }
            }
        }
    }

    #[test]
    fn fold_step_by_step_equals_the_fold_of_the_whole(commits in any_commits(), view in any_view()) {
        let steps = steps(commits);
        let (stepwise, model) = steps.last().unwrap();
        assert_same(stepwise, &catalog(fold_whole(&empty(), model.state())), &view);
        // A follower that missed some commits reaches it from wherever it is.
        for (behind, _) in &steps {
            assert_same(stepwise, &catalog(fold_whole(&behind.0, model.state())), &view);
        }
    }

    #[test]
    fn loading_what_is_there_shares_everything(commits in any_commits()) {
        let steps = steps(commits);
        let (newest, model) = steps.last().unwrap();
        let loaded = catalog(fold_whole(&newest.0, model.state()));
        for kind in *KINDS {
            prop_assert!(Arc::ptr_eq(newest.0.of_kind(kind), loaded.0.of_kind(kind)));
        }
        for source in newest.0.sources() {
            let (newest, loaded) = (newest.0.layer(source), loaded.0.layer(source));
            prop_assert!(newest.iter().zip(loaded.iter()).all(|(one, other)| Arc::ptr_eq(one, other)));
        }
    }

    #[test]
    fn what_did_not_change_is_shared(commits in any_commits()) {
        for pair in steps(commits).windows(2) {
            let [(before, _), (after, _)] = pair else { unreachable!() };
            let everything = View::everything();
            for kind in *KINDS {
                if shown(before, kind, &everything) == shown(after, kind, &everything) {
                    prop_assert_eq!(before.version(kind, &everything), after.version(kind, &everything));
                }
            }
            for (kind, place, partition) in partitions(after) {
                let Some(old) = before.0.of_kind(kind).partitions.get(place) else { continue };
                let held = |of: &Partition| -> Vec<_> {
                    let items = of.chunks.iter().flat_map(|chunk| &chunk.items);
                    items.map(|item| (item.held.clone(), item.any.clone())).collect()
                };
                prop_assert_eq!(held(old) == held(partition), Arc::ptr_eq(old, partition));
            }
        }
    }

    #[test]
    fn chunks_keep_to_their_sizes(commits in any_commits()) {
        for (catalog, _) in steps(commits) {
            for (_, _, partition) in partitions(&catalog) {
                prop_assert!(partition.len > 0);
                for chunk in &partition.chunks {
                    let largest = chunk.items.iter().map(|item| item.any.len() + 8).max().unwrap();
                    prop_assert!(chunk.bytes.len() <= CHUNK_BYTES_TARGET * 3 / 2 + largest);
                    prop_assert!(chunk.bytes.len() >= CHUNK_BYTES_MIN || partition.chunks.len() == 1);
                }
            }
        }
    }

    #[test]
    fn difference_leads_from_what_was_seen_to_what_is_seen(
        commits in any_commits(),
        views in (any_view(), any_view()),
        skip in 0..4usize,
    ) {
        let steps = steps(commits);
        for (index, (from, _)) in steps.iter().enumerate() {
            let (to, _) = &steps[(index + skip).min(steps.len() - 1)];
            for kind in *KINDS {
                for seen in [&views.0, &views.1, &View::everything()] {
                    let mut held = versions_of(&shown(from, kind, seen));
                    applied(&mut held, &to.difference(kind, &views.1, Some((from, seen))));
                    prop_assert_eq!(held, versions_of(&shown(to, kind, &views.1)));
                }
                let mut held = BTreeMap::new();
                applied(&mut held, &to.difference(kind, &views.1, None));
                prop_assert_eq!(held, versions_of(&shown(to, kind, &views.1)));
            }
        }
    }

    #[test]
    fn version_changes_exactly_when_what_is_seen_changes(commits in any_commits(), view in any_view()) {
        for pair in steps(commits).windows(2) {
            let [(before, _), (after, _)] = pair else { unreachable!() };
            for kind in *KINDS {
                let seen = |catalog| versions_of(&shown(catalog, kind, &view));
                prop_assert_eq!(
                    seen(before) == seen(after),
                    before.version(kind, &view) == after.version(kind, &view)
                );
            }
        }
    }

    #[test]
    fn full_answer_decodes_to_what_is_seen(commits in any_commits(), view in any_view()) {
        let steps = steps(commits);
        let (newest, _) = steps.last().unwrap();
        for kind in *KINDS {
            let full = newest.full(kind, &view);
            let response = DiscoveryResponse::decode(full_bytes(newest, kind, &view)).unwrap();
            let seen = shown(newest, kind, &view);
            prop_assert_eq!(full.count, seen.len());
            let encoded: Vec<_> = response.resources.iter().map(Message::encode_to_vec).collect();
            prop_assert!(encoded.iter().map(Vec::as_slice).eq(seen.iter().map(|entry| &entry.any[..])));
        }
    }
}
