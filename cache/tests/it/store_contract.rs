//! What [`mainsheet_cache::store::Store`] promises, on every backend: each test is a sentence of the trait's docs.

use std::time::Duration;

use bytes::Bytes;
use mainsheet_api::{
    change::{Change, Commit, Committed, Fence},
    key::Key,
    kind::Kind,
    time::Timestamp,
    version::Revision,
};
use mainsheet_cache::{
    CommitError, StoreError,
    store::{Follow, HistoryQuery, State, StoreOptions, Stored},
};

use crate::stores::{Backend, TestStore, commit, key, names, put, record, remove, source};

/// Runs each claim on each backend.
macro_rules! contract {
    ($($claim:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $claim() {
                super::$claim(super::Backend::Memory).await;
            })*
        }
        mod redb {
            $(#[tokio::test]
            async fn $claim() {
                super::$claim(super::Backend::Redb).await;
            })*
        }
        mod watched {
            $(#[tokio::test]
            async fn $claim() {
                super::$claim(super::Backend::Watched).await;
            })*
        }
    };
}

contract! {
    empty_store_is_revision_zero_and_holds_nothing,
    commit_makes_the_next_revision_and_all_of_its_changes,
    records_are_given_back_exactly,
    refused_commit_changes_nothing,
    commit_conflicts_on_a_key_that_changed_since_its_base,
    commit_on_an_old_base_passes_where_its_keys_did_not_change,
    layers_do_not_conflict_with_each_other,
    removal_conflicts_with_whoever_has_not_seen_it,
    removal_that_is_forgotten_still_conflicts_with_older_bases,
    removal_of_what_was_removed_is_remembered_anew,
    record_that_is_back_outlives_the_memory_of_its_removal,
    removal_of_nothing_changes_no_state_but_counts_as_a_change,
    commit_ahead_of_the_store_is_refused,
    empty_commit_is_refused,
    commit_with_a_key_twice_is_refused,
    writer_with_an_older_lease_is_refused,
    leases_only_grow,
    state_is_in_order_of_key_then_source,
    kinds_that_share_a_name_are_kept_apart,
    follow_gives_commits_as_they_were_made,
    follow_of_the_newest_is_empty,
    follow_is_bounded_but_gives_at_least_one_commit,
    follow_past_what_is_kept_is_compacted,
    follow_ahead_of_the_store_is_compacted,
    commits_are_kept_up_to_their_bytes_but_the_newest_always,
    commits_folded_add_up_to_the_state,
    head_wakes_whoever_waits_and_shows_what_can_be_loaded,
    large_commit_is_whole,
    concurrent_commits_to_one_key_let_one_through,
    commits_made_together_are_a_revision_each,
    what_is_planned_on_a_refused_commit_is_not_made,
    commit_sees_those_of_its_group_and_nothing_else_past_its_base,
    group_is_no_conflict_for_itself_however_little_is_kept,
    group_sees_no_removal_that_its_base_did_not,
    commits_that_are_all_refused_are_no_news,
    history_says_what_each_change_replaced,
    time_of_a_commit_is_known_as_long_as_it_is_kept,
    history_is_bounded_but_gives_at_least_one_commit,
    history_begins_after_the_oldest_state,
    state_at_a_revision_is_what_was_loaded_then,
    state_that_is_compacted_or_ahead_is_none,
    commits_are_kept_up_to_their_age_but_the_newest_always,
    clock_that_is_set_far_ahead_and_back_takes_little_history_and_keeps_none_for_ever,
    what_commits_replaced_counts_against_their_bytes,
    status_entries_are_found_by_prefix_in_order,
    status_makes_no_revision,
    status_removal_and_replacement_take_effect,
    status_last_entry_for_a_key_counts,
    full_status_area_refuses_all_and_takes_what_shrinks_it,
}

const ZERO: Revision = Revision::ZERO;

async fn empty_store_is_revision_zero_and_holds_nothing(backend: Backend) {
    let store = backend.open().await;
    assert_eq!(store.state().await, State::default());
    assert_eq!(*store.head().borrow(), ZERO);
    assert_eq!(store.commits_after(ZERO).await, []);
    assert_eq!(store.status("").await.unwrap(), []);
}

async fn commit_makes_the_next_revision_and_all_of_its_changes(backend: Backend) {
    let store = backend.open().await;
    assert_eq!(store.commit(commit(ZERO, vec![put("a", "1"), put("b", "1")])).await.unwrap(), Revision(1));
    assert_eq!(
        store.commit(commit(Revision(1), vec![remove("a"), put("c", "1")])).await.unwrap(),
        Revision(2)
    );
    let state = store.state().await;
    assert_eq!((state.revision, names(&state)), (Revision(2), vec!["b".into(), "c".into()]));
}

async fn records_are_given_back_exactly(backend: Backend) {
    let store = backend.open().await;
    let scoped = Key { scope: "east".into(), ..key("scoped") };
    let bare = Key::new(Kind::CLUSTER, "shop", "");
    let records =
        [record("files", key("a"), "body"), record("kube", bare, ""), record("kube", scoped, "ü\0")];
    store.put_all(records.iter().cloned().map(Change::Put).collect()).await;
    let mut expected = records.to_vec();
    expected.sort_by(|a, b| (&a.key, &a.source).cmp(&(&b.key, &b.source)));
    let stored = expected.into_iter().map(|record| Stored { changed: Revision(1), record });
    assert_eq!(store.state().await.records, stored.collect::<Vec<_>>());
}

async fn refused_commit_changes_nothing(backend: Backend) {
    let store = backend.open().await;
    store.put_all(vec![put("a", "1")]).await;
    let before = store.state().await;
    let refused = store.commit(commit(ZERO, vec![put("new", "1"), put("a", "2"), remove("b")])).await;
    assert!(matches!(refused, Err(CommitError::Conflict { .. })), "{refused:?}");
    assert_eq!(store.state().await, before);
    assert_eq!(*store.head().borrow(), Revision(1));
    assert_eq!(store.commits_after(Revision(1)).await, []);
}

/// Which keys a commit conflicts on; none where it was made.
async fn conflicts(store: &TestStore, base: Revision, changes: Vec<Change>) -> Vec<String> {
    match store.commit(commit(base, changes)).await {
        Ok(_) => Vec::new(),
        Err(CommitError::Conflict { base: named, keys }) => {
            assert_eq!(named, base);
            keys.iter().map(|key| key.name.to_string()).collect()
        }
        Err(other) => panic!("{other}"),
    }
}

async fn commit_conflicts_on_a_key_that_changed_since_its_base(backend: Backend) {
    let store = backend.open().await;
    store.put_all(vec![put("a", "1"), put("b", "1"), put("c", "1")]).await;
    store.put_all(vec![put("a", "2"), put("b", "1")]).await;
    let changes = vec![put("b", "3"), put("c", "3"), put("a", "3")];
    assert_eq!(conflicts(&store, Revision(1), changes).await, ["b", "a"]);
}

async fn commit_on_an_old_base_passes_where_its_keys_did_not_change(backend: Backend) {
    let store = backend.open().await;
    for name in ["a", "b", "c"] {
        store.put_all(vec![put(name, "1")]).await;
    }
    assert_eq!(conflicts(&store, Revision(1), vec![put("a", "2"), put("new", "1")]).await, [""; 0]);
    assert_eq!(*store.head().borrow(), Revision(4));
}

async fn layers_do_not_conflict_with_each_other(backend: Backend) {
    let store = backend.open().await;
    store.put_all(vec![Change::Put(record("api", key("a"), "1"))]).await;
    assert_eq!(conflicts(&store, ZERO, vec![put("a", "2")]).await, [""; 0]);
    assert_eq!(conflicts(&store, Revision(1), vec![remove("a")]).await, ["a"]);
    assert_eq!(names(&store.state().await), ["a", "a"]);
}

async fn removal_conflicts_with_whoever_has_not_seen_it(backend: Backend) {
    let store = backend.open().await;
    store.put_all(vec![put("a", "1")]).await;
    store.put_all(vec![remove("a")]).await;
    assert_eq!(conflicts(&store, Revision(1), vec![put("a", "2")]).await, ["a"]);
    assert_eq!(conflicts(&store, Revision(2), vec![put("a", "2")]).await, [""; 0]);
}

async fn removal_that_is_forgotten_still_conflicts_with_older_bases(backend: Backend) {
    let store = backend.open_with(StoreOptions { commits_kept_max: 2, ..StoreOptions::default() }).await;
    store.put_all(vec![put("a", "1"), put("kept", "1")]).await;
    store.put_all(vec![remove("a")]).await;
    for body in ["1", "2", "3"] {
        store.put_all(vec![put("other", body)]).await;
    }
    // Of revisions 1 to 5, 4 and 5 are kept one by one.
    assert_eq!(conflicts(&store, Revision(2), vec![put("a", "2"), put("kept", "2")]).await, ["a"]);
    assert_eq!(conflicts(&store, Revision(3), vec![put("a", "2"), put("kept", "2")]).await, [""; 0]);
}

async fn removal_of_what_was_removed_is_remembered_anew(backend: Backend) {
    let store = backend.open_with(StoreOptions { commits_kept_max: 2, ..StoreOptions::default() }).await;
    for changes in [vec![put("a", "1")], vec![remove("a")], vec![remove("a")], vec![put("other", "1")]] {
        store.put_all(changes).await;
    }
    // Revision 2 is forgotten, 3 is not.
    assert_eq!(conflicts(&store, Revision(2), vec![put("a", "2")]).await, ["a"]);
}

async fn record_that_is_back_outlives_the_memory_of_its_removal(backend: Backend) {
    let store =
        backend.open_with(StoreOptions { commits_bytes_max: 10_000, ..StoreOptions::default() }).await;
    for changes in [vec![remove("a")], vec![put("a", "1")], vec![put("large", &"x".repeat(10_000))]] {
        store.put_all(changes).await;
    }
    // The last one pushed out both others.
    assert_eq!(store.follow(Revision(1), usize::MAX).await.unwrap(), Follow::Compacted);
    assert_eq!(names(&store.state().await), ["a", "large"]);
}

async fn removal_of_nothing_changes_no_state_but_counts_as_a_change(backend: Backend) {
    let store = backend.open().await;
    store.put_all(vec![put("a", "1")]).await;
    let revision = store.put_all(vec![remove("never-there")]).await;
    assert_eq!(names(&store.state().await), ["a"]);
    assert_eq!(store.commits_after(Revision(1)).await[0].changes, [remove("never-there")]);
    assert_eq!(conflicts(&store, Revision(1), vec![put("never-there", "1")]).await, ["never-there"]);
    assert_eq!(conflicts(&store, revision, vec![put("never-there", "1")]).await, [""; 0]);
}

async fn commit_ahead_of_the_store_is_refused(backend: Backend) {
    let store = backend.open().await;
    store.put_all(vec![put("a", "1")]).await;
    let refused = store.commit(commit(Revision(2), vec![put("b", "1")])).await;
    assert!(
        matches!(refused, Err(CommitError::Ahead { base: Revision(2), newest: Revision(1) })),
        "{refused:?}"
    );
}

async fn empty_commit_is_refused(backend: Backend) {
    let store = backend.open().await;
    assert!(matches!(store.commit(commit(ZERO, Vec::new())).await, Err(CommitError::Empty)));
    assert_eq!(*store.head().borrow(), ZERO);
}

async fn commit_with_a_key_twice_is_refused(backend: Backend) {
    let store = backend.open().await;
    let refused = store.commit(commit(ZERO, vec![put("a", "1"), put("b", "1"), remove("a")])).await;
    let Err(CommitError::Repeated { layer, key: repeated }) = refused else { panic!("{refused:?}") };
    assert_eq!((layer, repeated), (source("files"), key("a")));
    // The same key in two layers is two things.
    store.put_all(vec![put("a", "1"), Change::Put(record("api", key("a"), "1"))]).await;
}

async fn writer_with_an_older_lease_is_refused(backend: Backend) {
    let store = backend.open().await;
    let first = store.take_lease().await.unwrap();
    let second = store.take_lease().await.unwrap();
    for given in [Fence(0), first, Fence(second.0 + 1)] {
        let refused = store.commit(Commit { fence: given, ..commit(ZERO, vec![put("a", "1")]) }).await;
        let Err(CommitError::Fenced { given: named, newest }) = refused else { panic!("{refused:?}") };
        assert_eq!((named, newest), (given, second));
    }
    let made = store.commit(Commit { fence: second, ..commit(ZERO, vec![put("a", "1")]) }).await;
    assert_eq!(made.unwrap(), Revision(1));
}

async fn leases_only_grow(backend: Backend) {
    let store = backend.open().await;
    for epoch in 1..=3 {
        assert_eq!(store.take_lease().await.unwrap(), Fence(epoch));
    }
    assert_eq!(*store.head().borrow(), ZERO, "a lease is no revision");
}

async fn state_is_in_order_of_key_then_source(backend: Backend) {
    let store = backend.open().await;
    let places = [
        ("files", Key::new(Kind::CLUSTER, "a", "x")),
        ("kube", Key::new(Kind::VIRTUAL_SERVICE, "b", "a")),
        ("files", Key::new(Kind::VIRTUAL_SERVICE, "a", "b")),
        ("files", Key::new(Kind::VIRTUAL_SERVICE, "b", "a")),
        ("api", Key::new(Kind::DESTINATION_RULE, "z", "z")),
        ("files", Key::new(Kind::VIRTUAL_SERVICE, "a", "a")),
    ];
    store.put_all(places.into_iter().map(|(layer, key)| Change::Put(record(layer, key, ""))).collect()).await;
    let state = store.state().await;
    assert_eq!(state.records.len(), 6);
    assert!(state.records.is_sorted_by(|Stored { record: a, .. }, Stored { record: b, .. }| (
        &a.key, &a.source
    ) < (
        &b.key, &b.source
    )));
}

/// Places whose texts run together would be the same.
async fn kinds_that_share_a_name_are_kept_apart(backend: Backend) {
    let store = backend.open().await;
    let places = [
        ("s", Key::new(Kind::VIRTUAL_SERVICE, "ab", "c")),
        ("s", Key::new(Kind::VIRTUAL_SERVICE, "a", "bc")),
        ("s", Key::new(Kind::DESTINATION_RULE, "a", "bc")),
        ("s", Key { scope: "c".into(), ..Key::new(Kind::VIRTUAL_SERVICE, "a", "b") }),
        ("s\0", Key::new(Kind::VIRTUAL_SERVICE, "a", "b")),
        ("s", Key::new(Kind::VIRTUAL_SERVICE, "\0a", "b")),
    ];
    store
        .put_all(places.iter().map(|(layer, key)| Change::Put(record(layer, key.clone(), ""))).collect())
        .await;
    assert_eq!(store.state().await.records.len(), places.len());
    let (layer, key) = &places[1];
    store.put_all(vec![Change::Remove { source: source(layer), key: key.clone() }]).await;
    let state = store.state().await;
    assert_eq!(state.records.len(), places.len() - 1);
    assert!(state.records.iter().all(|stored| stored.record.key != *key));
}

async fn follow_gives_commits_as_they_were_made(backend: Backend) {
    let store = backend.open().await;
    let first = commit(ZERO, vec![put("b", "1"), put("a", "1")]);
    let second = commit(Revision(1), vec![remove("b"), put("a", "2"), remove("nothing")]);
    let expected: Vec<Committed> = [first, second]
        .into_iter()
        .zip(1..)
        .map(|(commit, revision)| Committed {
            revision: Revision(revision),
            cause: commit.cause,
            at: commit.at,
            changes: commit.changes,
        })
        .collect();
    for (commit_made, base) in expected.iter().zip(0..) {
        store.commit(commit(Revision(base), commit_made.changes.clone())).await.unwrap();
    }
    assert_eq!(store.commits_after(ZERO).await, expected);
    assert_eq!(store.commits_after(Revision(1)).await, expected[1..]);
}

async fn follow_of_the_newest_is_empty(backend: Backend) {
    let store = backend.open().await;
    let newest = store.put_all(vec![put("a", "1")]).await;
    assert_eq!(store.follow(newest, usize::MAX).await.unwrap(), Follow::Commits(Vec::new()));
}

async fn follow_is_bounded_but_gives_at_least_one_commit(backend: Backend) {
    let store = backend.open().await;
    let body = "x".repeat(1000);
    for name in ["a", "b", "c", "d", "e"] {
        store.put_all(vec![put(name, &body)]).await;
    }
    for (bytes_max, count) in [(0, 1), (1, 1), (1000, 1), (3500, 2), (usize::MAX, 5)] {
        let Follow::Commits(commits) = store.follow(ZERO, bytes_max).await.unwrap() else {
            panic!("compacted")
        };
        assert_eq!(commits.len(), count, "at most {bytes_max} bytes");
        assert_eq!(commits[0].revision, Revision(1));
    }
}

async fn follow_past_what_is_kept_is_compacted(backend: Backend) {
    let store = backend.open_with(StoreOptions { commits_kept_max: 3, ..StoreOptions::default() }).await;
    for name in ["a", "b", "c", "d", "e"] {
        store.put_all(vec![put(name, "1")]).await;
    }
    assert_eq!(store.follow(ZERO, usize::MAX).await.unwrap(), Follow::Compacted);
    assert_eq!(store.follow(Revision(1), usize::MAX).await.unwrap(), Follow::Compacted);
    let revisions: Vec<_> =
        store.commits_after(Revision(2)).await.iter().map(|made| made.revision.0).collect();
    assert_eq!(revisions, [3, 4, 5]);
    assert_eq!(names(&store.state().await), ["a", "b", "c", "d", "e"]);
}

async fn follow_ahead_of_the_store_is_compacted(backend: Backend) {
    let store = backend.open().await;
    store.put_all(vec![put("a", "1")]).await;
    assert_eq!(store.follow(Revision(2), usize::MAX).await.unwrap(), Follow::Compacted);
}

async fn commits_are_kept_up_to_their_bytes_but_the_newest_always(backend: Backend) {
    let store =
        backend.open_with(StoreOptions { commits_bytes_max: 10_000, ..StoreOptions::default() }).await;
    for name in ["a", "b", "c", "d"] {
        store.put_all(vec![put(name, &"x".repeat(4000))]).await;
    }
    assert_eq!(store.follow(Revision(1), usize::MAX).await.unwrap(), Follow::Compacted);
    assert_eq!(store.commits_after(Revision(2)).await.len(), 2);
    store.put_all(vec![put("large", &"x".repeat(40_000))]).await;
    assert_eq!(store.follow(Revision(3), usize::MAX).await.unwrap(), Follow::Compacted);
    assert_eq!(store.commits_after(Revision(4)).await.len(), 1);
}

async fn commits_folded_add_up_to_the_state(backend: Backend) {
    let store = backend.open().await;
    store.put_all(vec![put("a", "1"), put("b", "1")]).await;
    store.put_all(vec![remove("a"), put("c", "1")]).await;
    store.put_all(vec![put("a", "2"), remove("b")]).await;
    let mut folded = std::collections::BTreeMap::new();
    for Committed { revision: changed, changes, .. } in store.commits_after(ZERO).await {
        for change in changes {
            let place = (change.key().clone(), change.source().clone());
            match change {
                Change::Put(record) => folded.insert(place, Stored { changed, record }),
                Change::Remove { .. } => folded.remove(&place),
            };
        }
    }
    assert_eq!(store.state().await.records, folded.into_values().collect::<Vec<_>>());
}

async fn head_wakes_whoever_waits_and_shows_what_can_be_loaded(backend: Backend) {
    let store = backend.open().await;
    let mut head = store.head();
    let shared = store.store.clone();
    let waiter = async move {
        head.wait_for(|&revision| revision == Revision(2)).await.unwrap();
        shared.load().await.unwrap().revision
    };
    let writer = async {
        store.put_all(vec![put("a", "1")]).await;
        store.put_all(vec![put("b", "1")]).await;
    };
    let (seen, ()) = tokio::join!(waiter, writer);
    assert_eq!(seen, Revision(2));
    assert_eq!(*store.head().borrow(), Revision(2), "a receiver taken later knows it at once");
}

async fn large_commit_is_whole(backend: Backend) {
    let store = backend.open().await;
    let body = "x".repeat(2000);
    let changes: Vec<_> = (0..1500).map(|number| put(&format!("large-{number:04}"), &body)).collect();
    store.put_all(changes.clone()).await;
    let commits = store.commits_after(ZERO).await;
    assert_eq!(commits.len(), 1);
    assert!(commits[0].changes == changes);
    assert_eq!(store.state().await.records.len(), 1500);
}

async fn concurrent_commits_to_one_key_let_one_through(backend: Backend) {
    let store = backend.open().await;
    let attempt = |body: &'static str| store.commit(commit(ZERO, vec![put("a", body)]));
    let (one, two, three) = tokio::join!(attempt("1"), attempt("2"), attempt("3"));
    let outcomes = [one, two, three];
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!(
        outcomes.iter().filter(|outcome| matches!(outcome, Err(CommitError::Conflict { .. }))).count(),
        2
    );
}

async fn commits_made_together_are_a_revision_each(backend: Backend) {
    let store = backend.open().await;
    let commits = ["a", "b", "c"].map(|name| commit(ZERO, vec![put(name, "1")]));
    let made = store.commit_all(commits.to_vec()).await.into_iter().map(Result::unwrap);
    assert_eq!(made.collect::<Vec<_>>(), [Revision(1), Revision(2), Revision(3)]);
    assert_eq!(*store.head().borrow(), Revision(3));
    let followed: Vec<_> = store.commits_after(ZERO).await.into_iter().map(|made| made.changes).collect();
    assert_eq!(followed, commits.map(|commit| commit.changes));
    assert_eq!(store.commit_all(Vec::new()).await.len(), 0);
}

async fn what_is_planned_on_a_refused_commit_is_not_made(backend: Backend) {
    let refused = [
        commit(ZERO, vec![put("never", "1"), put("taken", "2")]),
        commit(ZERO, Vec::new()),
        commit(Revision(1), vec![put("never", "1"), put("never", "2")]),
        commit(Revision(9), vec![put("never", "1")]),
        Commit { fence: Fence(9), ..commit(Revision(1), vec![put("never", "1")]) },
    ];
    for refused in refused {
        let store = backend.open().await;
        store.put_all(vec![put("taken", "1")]).await;
        let before = store.state().await;
        let behind = ["b", "c"].map(|name| commit(Revision(1), vec![put(name, "1")]));
        let commits = [commit(Revision(1), vec![put("a", "1")]), refused].into_iter().chain(behind);
        let answers = store.commit_all(commits.collect()).await;
        let orphaned = &answers[2..];
        assert!(matches!(orphaned, [Err(CommitError::Orphaned), Err(CommitError::Orphaned)]), "{answers:?}");
        assert!(matches!(answers[..2], [Ok(Revision(2)), Err(_)]), "{answers:?}");
        assert!(!matches!(answers[1], Err(CommitError::Orphaned)), "{answers:?}");
        assert_eq!(names(&store.state().await), ["a", "taken"]);
        assert_eq!(store.commits_after(Revision(1)).await.len(), 1);
        assert_eq!(store.state_at(Revision(1)).await.unwrap(), Some(before));
    }
}

async fn commit_sees_those_of_its_group_and_nothing_else_past_its_base(backend: Backend) {
    let store = backend.open().await;
    let on = |base, name, body| commit(base, vec![put(name, body)]);
    let answers = store.commit_all(vec![on(ZERO, "a", "1"), on(ZERO, "a", "2"), on(ZERO, "b", "1")]).await;
    assert!(matches!(answers[..], [Ok(Revision(1)), Ok(Revision(2)), Ok(Revision(3))]), "{answers:?}");
    let answers = store.commit_all(vec![on(ZERO, "c", "1"), on(Revision(1), "a", "3")]).await;
    assert!(matches!(answers[..], [Ok(Revision(4)), Err(CommitError::Conflict { .. })]), "{answers:?}");
    let answers = store.commit_all(vec![on(ZERO, "d", "1"), on(Revision(5), "d", "2")]).await;
    assert!(matches!(answers[..], [Ok(Revision(5)), Err(CommitError::Ahead { .. })]), "{answers:?}");
}

async fn group_is_no_conflict_for_itself_however_little_is_kept(backend: Backend) {
    let store = backend.open_with(StoreOptions { commits_kept_max: 1, ..StoreOptions::default() }).await;
    store.put_all(vec![put("a", "1")]).await;
    let base = Revision(1);
    let group = vec![
        commit(base, vec![put("b", "1")]),
        commit(base, vec![remove("a")]),
        commit(base, vec![put("never seen", "1")]),
        commit(base, vec![put("a", "2")]),
    ];
    let answers = store.commit_all(group).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(names(&store.state().await), ["a", "b", "never seen"]);
    assert_eq!(store.oldest(), Revision(4));
}

async fn group_sees_no_removal_that_its_base_did_not(backend: Backend) {
    let store = backend.open_with(StoreOptions { commits_kept_max: 2, ..StoreOptions::default() }).await;
    store.put_all(vec![put("a", "1"), put("b", "1")]).await;
    store.put_all(vec![remove("a")]).await;
    // The first ones would make the store forget the removal, were they made by themselves.
    let many = ["b", "b", "b"].map(|name| commit(Revision(2), vec![put(name, "2")]));
    let late = commit(Revision(1), vec![put("a", "2")]);
    let answers = store.commit_all(many.into_iter().chain([late]).collect()).await;
    assert!(matches!(answers[3], Err(CommitError::Conflict { .. })), "{answers:?}");
}

async fn commits_that_are_all_refused_are_no_news(backend: Backend) {
    let store = backend.open().await;
    let head = store.head();
    let answers =
        store.commit_all(vec![commit(ZERO, Vec::new()), commit(Revision(9), vec![remove("a")])]).await;
    assert!(matches!(answers[..], [Err(CommitError::Empty), Err(CommitError::Orphaned)]), "{answers:?}");
    assert!(!head.has_changed().unwrap());
}

const EVERYTHING: HistoryQuery = HistoryQuery { before: None, len_max: usize::MAX, bytes_max: usize::MAX };

async fn history_says_what_each_change_replaced(backend: Backend) {
    let store = backend.open().await;
    store.put_all(vec![put("a", "1"), put("b", "1")]).await;
    store.put_all(vec![put("b", "2"), put("c", "2"), remove("a"), remove("never")]).await;
    store.put_all(vec![put("a", "3")]).await;
    let stored = |revision, name, body| {
        Some(Stored { changed: Revision(revision), record: record("files", key(name), body) })
    };
    let history = store.history(EVERYTHING).await.unwrap();
    let before: Vec<_> = history.iter().map(|recorded| recorded.before.clone()).collect();
    let expected = [vec![None], vec![stored(1, "b", "1"), None, stored(1, "a", "1"), None], vec![None, None]];
    assert_eq!(before, expected);
    let mut commits: Vec<_> = history.into_iter().map(|recorded| recorded.committed).collect();
    commits.reverse();
    assert_eq!(commits, store.commits_after(ZERO).await);
}

async fn time_of_a_commit_is_known_as_long_as_it_is_kept(backend: Backend) {
    let store = backend.open_with(StoreOptions { commits_kept_max: 2, ..StoreOptions::default() }).await;
    for (base, at) in [(0, 30), (1, 10), (2, 20)] {
        let made = commit(Revision(base), vec![put("a", &base.to_string())]);
        store.commit(Commit { at: Timestamp(at), ..made }).await.unwrap();
    }
    let asked = [3, 1, 2, 4, 0, 2].map(Revision);
    let told = store.committed_at(asked.to_vec()).await.unwrap();
    assert_eq!(told, [Some(20), None, Some(10), None, None, Some(10)].map(|at| at.map(Timestamp)));
}

async fn history_is_bounded_but_gives_at_least_one_commit(backend: Backend) {
    let store = backend.open().await;
    for body in ["1", "2", "3", "4"] {
        store.put_all(vec![put("a", &body.repeat(1000))]).await;
    }
    // Each but the first replaced as much as it put.
    let bounds =
        [(None, 9, 0, vec![4]), (None, 2, usize::MAX, vec![4, 3]), (Some(Revision(4)), 9, 7000, vec![3, 2])];
    for (before, len_max, bytes_max, expected) in bounds {
        let history = store.history(HistoryQuery { before, len_max, bytes_max }).await.unwrap();
        let revisions: Vec<_> = history.iter().map(|recorded| recorded.committed.revision.0).collect();
        assert_eq!(revisions, expected);
    }
    assert_eq!(store.history(HistoryQuery { len_max: 0, ..EVERYTHING }).await.unwrap(), []);
    assert_eq!(store.history(HistoryQuery { before: Some(ZERO), ..EVERYTHING }).await.unwrap(), []);
}

async fn history_begins_after_the_oldest_state(backend: Backend) {
    let store = backend.open_with(StoreOptions { commits_kept_max: 2, ..StoreOptions::default() }).await;
    assert_eq!(store.oldest(), ZERO);
    for body in ["1", "2", "3", "4", "5"] {
        store.put_all(vec![put("a", body)]).await;
    }
    assert_eq!(store.oldest(), Revision(3));
    let history = store.history(EVERYTHING).await.unwrap();
    let revisions: Vec<_> = history.iter().map(|recorded| recorded.committed.revision.0).collect();
    assert_eq!(revisions, [5, 4]);
}

async fn state_at_a_revision_is_what_was_loaded_then(backend: Backend) {
    let store = backend.open().await;
    let mut states = vec![store.state().await];
    let large: Vec<_> = (0..600).map(|number| put(&format!("large-{number}"), &"x".repeat(2000))).collect();
    let gone =
        large.iter().map(|change| Change::Remove { source: source("files"), key: change.key().clone() });
    let gone = gone.collect();
    for changes in [
        vec![put("a", "1"), put("b", "1")],
        vec![put("a", "2"), remove("b"), Change::Put(record("api", key("a"), "1"))],
        large,
        vec![remove("never"), put("b", "1")],
        gone,
    ] {
        store.put_all(changes).await;
        states.push(store.state().await);
    }
    for expected in states {
        assert!(store.state_at(expected.revision).await.unwrap() == Some(expected));
    }
}

async fn state_that_is_compacted_or_ahead_is_none(backend: Backend) {
    let store = backend.open_with(StoreOptions { commits_kept_max: 2, ..StoreOptions::default() }).await;
    for name in ["a", "b", "c", "d"] {
        store.put_all(vec![put(name, "1")]).await;
    }
    let mut found = Vec::new();
    for revision in 0..6 {
        found.extend(store.state_at(Revision(revision)).await.unwrap().map(|state| names(&state).concat()));
    }
    assert_eq!(found, ["ab", "abc", "abcd"]);
}

async fn commits_are_kept_up_to_their_age_but_the_newest_always(backend: Backend) {
    let age_max = Duration::from_secs(60);
    let options = StoreOptions { commits_age_max: Some(age_max), ..StoreOptions::default() };
    let store = backend.open_with(options).await;
    let mut compacted = Vec::new();
    // The fifth is of a clock that went back. Each drops two at most.
    for (second, base) in [0, 30, 60, 61, 10, 300, 301].into_iter().zip(0..) {
        let changes = vec![put("a", &second.to_string()), put(&format!("n{second}"), "1")];
        let made = Commit { at: Timestamp(second * 1000), ..commit(Revision(base), changes) };
        store.commit(made).await.unwrap();
        compacted.push(store.oldest().0);
    }
    assert_eq!(compacted, [0, 0, 0, 1, 1, 3, 5]);
    assert_eq!(store.state().await.records.len(), 8, "the state stays");
}

async fn clock_that_is_set_far_ahead_and_back_takes_little_history_and_keeps_none_for_ever(backend: Backend) {
    const HOUR: u64 = 3_600_000;
    let options =
        StoreOptions { commits_age_max: Some(Duration::from_millis(HOUR)), ..StoreOptions::default() };
    let store = backend.open_with(options).await;
    let mut oldest = Vec::new();
    // Ten of one minute, two of next year, and then one every ten minutes.
    let minute = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|second| second * 1000);
    let after = [1, 2, 3, 4, 5, 6, 7].map(|step| step * HOUR / 6);
    for (at, base) in minute.into_iter().chain([9_000 * HOUR; 2]).chain(after).zip(0..) {
        let made = Commit { at: Timestamp(at), ..commit(Revision(base), vec![put("a", &base.to_string())]) };
        store.commit(made).await.unwrap();
        oldest.push(store.oldest().0);
    }
    assert_eq!(oldest[9..12], [0, 2, 4], "two a commit");
    // What is left of the first minute goes when an hour is over; what is dated next year, with what was made after it.
    assert_eq!(oldest[12..], [4, 4, 4, 4, 4, 4, 6]);
    for (minutes, base) in [80, 90, 100, 110].into_iter().zip(19..) {
        let changes = vec![put("a", &base.to_string())];
        let made = Commit { at: Timestamp(minutes * 60_000), ..commit(Revision(base), changes) };
        store.commit(made).await.unwrap();
    }
    assert_eq!(store.oldest(), Revision(14), "nothing is kept for ever");
}

async fn what_commits_replaced_counts_against_their_bytes(backend: Backend) {
    let store =
        backend.open_with(StoreOptions { commits_bytes_max: 10_000, ..StoreOptions::default() }).await;
    for number in 0..4 {
        store.put_all(vec![put("a", &"x".repeat(2000 + number))]).await;
    }
    // Two that put 2,000 and replaced as many are within; with a third they are not.
    assert_eq!(store.oldest(), Revision(2));
}

fn entry(key: &str, value: &'static str) -> (String, Option<Bytes>) {
    (key.into(), Some(Bytes::from_static(value.as_bytes())))
}

async fn keys_below(store: &TestStore, prefix: &str) -> Vec<String> {
    store.status(prefix).await.unwrap().into_iter().map(|(key, _)| key).collect()
}

async fn status_entries_are_found_by_prefix_in_order(backend: Backend) {
    let store = backend.open().await;
    let keys = ["sink/b", "sink/a", "sink", "sinks", "sink/ü", "rejected/x", "\u{10ffff}"];
    store.set_status(keys.iter().map(|key| entry(key, "v")).collect()).await.unwrap();
    assert_eq!(keys_below(&store, "sink/").await, ["sink/a", "sink/b", "sink/ü"]);
    assert_eq!(keys_below(&store, "sink").await, ["sink", "sink/a", "sink/b", "sink/ü", "sinks"]);
    assert_eq!(keys_below(&store, "sink/a/none").await, [""; 0]);
    assert_eq!(keys_below(&store, "\u{10ffff}").await, ["\u{10ffff}"]);
    assert_eq!(keys_below(&store, "").await.len(), keys.len());
}

async fn status_makes_no_revision(backend: Backend) {
    let store = backend.open().await;
    let head = store.head();
    store.set_status(vec![entry("a", "1")]).await.unwrap();
    assert!(!head.has_changed().unwrap());
    assert_eq!(store.state().await, State::default());
}

async fn status_removal_and_replacement_take_effect(backend: Backend) {
    let store = backend.open().await;
    store.set_status(vec![entry("a", "1"), entry("b", "1"), entry("empty", "")]).await.unwrap();
    store.set_status(vec![("a".into(), None), entry("b", "2"), ("never".into(), None)]).await.unwrap();
    let expected = [("b".to_owned(), Bytes::from_static(b"2")), ("empty".to_owned(), Bytes::new())];
    assert_eq!(store.status("").await.unwrap(), expected);
}

async fn status_last_entry_for_a_key_counts(backend: Backend) {
    let store = backend.open().await;
    store
        .set_status(vec![entry("a", "1"), ("b".into(), None), ("a".into(), None), entry("b", "2")])
        .await
        .unwrap();
    assert_eq!(store.status("").await.unwrap(), [("b".to_owned(), Bytes::from_static(b"2"))]);
}

async fn full_status_area_refuses_all_and_takes_what_shrinks_it(backend: Backend) {
    let store = backend.open_with(StoreOptions { status_bytes_max: 10, ..StoreOptions::default() }).await;
    store.set_status(vec![entry("a", "1234"), entry("b", "1234")]).await.unwrap();
    let refused = store.set_status(vec![("a".into(), None), entry("c", "12345")]).await;
    assert!(matches!(refused, Err(StoreError::StatusFull { bytes: 11, bytes_max: 10 })), "{refused:?}");
    assert_eq!(keys_below(&store, "").await, ["a", "b"]);
    store.set_status(vec![("a".into(), None), entry("c", "1234")]).await.unwrap();
    assert_eq!(keys_below(&store, "").await, ["b", "c"]);
}
