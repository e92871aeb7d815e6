//! Files of each format as the versions that had it wrote them: later ones read exactly this from them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use mainsheet_api::{
    change::{Cause, Change, Commit, Committed, Fence},
    key::Key,
    kind::Kind,
    resource::{Lease, Over, Provenance, Record, SourceName, Terms},
    time::Timestamp,
    verdict::{Finding, Position, Severity},
    version::{ResourceVersion, Revision},
    view::Audience,
    wire::Entry,
};

use tempfile::TempDir;

use super::{super::Store, FORMAT, RedbStore, open};
use crate::{
    error::CommitError,
    store::{Follow, HistoryQuery, Recorded, StoreOptions, Stored},
};

pub(super) fn fixture(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/format-{format}.redb"))
}

const LEASE: Fence = Fence(2);

/// Two commits of the four are kept.
const OPTIONS: StoreOptions = StoreOptions {
    commits_kept_max: 2,
    commits_bytes_max: 1 << 20,
    commits_age_max: None,
    status_bytes_max: 1 << 20,
};

/// Spelled out: bytes that other code makes may change without the format changing.
fn record(format: u32, source: &str, key: Key, any: &'static [u8]) -> Change {
    let name = format!("{}/{}", key.namespace, key.name);
    let warning = Finding {
        code: "vs-no-route".into(),
        severity: Severity::Warning,
        path: "spec.http[0]".into(),
        position: Position { line: 9, column: 3 },
        reason: "has no route".into(),
        remedy: "add one".into(),
    };
    Change::Put(Arc::new(Record {
        source: SourceName(source.into()),
        key,
        entry: Entry {
            name: name.into(),
            version: ResourceVersion::new("v-1"),
            any: Bytes::from_static(any),
            ttl: None,
        },
        audience: Audience::from_text("revision=canary"),
        created: Timestamp(1_700_000_000_123),
        provenance: Provenance { origin: "shop/reviews.yaml".into(), line: 7 },
        warnings: vec![warning],
        terms: if format < 2 { Terms::default() } else { terms() },
    }))
}

fn terms() -> Terms {
    Terms {
        lease: Some(Lease { ttl: Duration::from_secs(90), deadline: Timestamp(1_700_000_090_000) }),
        set: Some("shop".into()),
        over: Some(Over { version: Some(ResourceVersion::new("v-0")) }),
    }
}

fn cause(format: u32, revision: u64) -> Cause {
    let what = format!("source {revision}");
    if format < 2 {
        return Cause { what, ..Cause::default() };
    }
    Cause { what, author: "ada".into(), message: "why not".into() }
}

fn commits(format: u32) -> Vec<Committed> {
    let record = |source, key, any| record(format, source, key, any);
    let reviews = Key::new(Kind::VIRTUAL_SERVICE, "shop", "reviews");
    let east = Key { scope: "east".into(), ..Key::new(Kind::CLUSTER, "shop", "ratings") };
    let gone = Key::new(Kind::DESTINATION_RULE, "shop", "gone");
    let remove = |key: &Key| Change::Remove { source: SourceName("files".into()), key: key.clone() };
    let changes = [
        vec![record("files", reviews.clone(), b"first"), record("files", gone.clone(), b"gone")],
        vec![record("api", reviews.clone(), b"override")],
        vec![record("kube", east, b"\x00\xff"), remove(&gone)],
        vec![record("files", reviews, b"second")],
    ];
    changes
        .into_iter()
        .zip(1..)
        .map(|(changes, revision)| Committed {
            revision: Revision(revision),
            cause: cause(format, revision),
            at: Timestamp(1_700_000_000_000 + revision),
            changes,
        })
        .collect()
}

fn status() -> Vec<(String, Bytes)> {
    vec![("rejected/a".into(), Bytes::from_static(b"1")), ("sink/a".into(), Bytes::from_static(b"\xfe"))]
}

/// With `UPDATE=1`, and only where there is none: what was once released is never written anew.
async fn write() {
    let dir = tempfile::tempdir().unwrap();
    let store = RedbStore::open(dir.path(), OPTIONS).await.unwrap();
    store.take_lease().await.unwrap();
    assert_eq!(store.take_lease().await.unwrap(), LEASE);
    for Committed { revision, cause, at, changes } in commits(FORMAT) {
        let base = Revision(revision.0 - 1);
        store.commit(Commit { base, fence: LEASE, cause, at, changes }).await.unwrap();
    }
    store.set_status(status().into_iter().map(|(key, value)| (key, Some(value))).collect()).await.unwrap();
    drop(store);
    let mut database = redb::Database::open(open::file_in(dir.path())).unwrap();
    while database.compact().unwrap() {}
    drop(database);
    fs::copy(open::file_in(dir.path()), fixture(FORMAT)).unwrap();
}

/// A copy of a fixture, to be opened.
fn copy(format: u32) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(fixture(format), open::file_in(dir.path())).unwrap();
    dir
}

/// What every format holds.
async fn check(store: &RedbStore, format: u32) {
    let commits = commits(format);
    assert_eq!(store.follow(Revision(2), usize::MAX).await.unwrap(), Follow::Commits(commits[2..].to_vec()));
    assert_eq!(store.follow(Revision(1), usize::MAX).await.unwrap(), Follow::Compacted);
    assert_eq!(store.status("").await.unwrap(), status());
    let state = store.load().await.unwrap();
    let records: Vec<_> = state.records.into_iter().map(|stored| Change::Put(stored.record)).collect();
    let expected = [&commits[1].changes[0], &commits[3].changes[0], &commits[2].changes[0]];
    assert_eq!((state.revision, records.iter().collect::<Vec<_>>()), (Revision(4), expected.to_vec()));

    // What was removed is remembered, and so is the lease.
    let gone = commits[0].changes[1].clone();
    let refused = store.commit(on(Revision(2), vec![gone])).await;
    assert!(matches!(refused, Err(CommitError::Conflict { .. })), "{refused:?}");
}

fn on(base: Revision, changes: Vec<Change>) -> Commit {
    Commit { base, fence: LEASE, cause: Cause::default(), at: Timestamp(1), changes }
}

const EVERYTHING: HistoryQuery = HistoryQuery { before: None, len_max: usize::MAX, bytes_max: usize::MAX };

#[tokio::test]
async fn file_of_format_1_is_read_exactly_and_migrated() {
    let dir = copy(1);
    let store = RedbStore::open(dir.path(), OPTIONS).await.unwrap();
    check(&store, 1).await;
    // It did not keep what commits replaced.
    assert_eq!(store.oldest(), Revision(4));
    assert_eq!(store.state_at(Revision(3)).await.unwrap(), None);
    assert_eq!(store.history(EVERYTHING).await.unwrap(), []);
    let state = store.load().await.unwrap();
    assert_eq!(store.state_at(Revision(4)).await.unwrap().as_ref(), Some(&state));
    drop(store);

    let store = RedbStore::open(dir.path(), OPTIONS).await.unwrap();
    check(&store, 1).await;
    let first = commits(1)[0].changes[0].clone();
    assert_eq!(store.commit(on(Revision(4), vec![first])).await.unwrap(), Revision(5));
    assert_eq!(store.state_at(Revision(4)).await.unwrap(), Some(state));
    let history = store.history(EVERYTHING).await.unwrap();
    assert_eq!(history.iter().map(|recorded| recorded.committed.revision.0).collect::<Vec<_>>(), [5]);
    assert_eq!(store.take_lease().await.unwrap(), Fence(3));
}

#[tokio::test]
async fn file_of_format_2_is_read_exactly() {
    if std::env::var_os("UPDATE").is_some() && !fixture(FORMAT).exists() {
        write().await;
    }
    let dir = copy(2);
    let store = RedbStore::open(dir.path(), OPTIONS).await.unwrap();
    check(&store, 2).await;
    assert_eq!(store.oldest(), Revision(2));
    let commits = commits(2);
    let put = |revision: usize, change: usize| {
        let Change::Put(record) = commits[revision - 1].changes[change].clone() else { panic!("no put") };
        Some(Stored { changed: Revision(revision as u64), record })
    };
    let expected = [(3, vec![None, put(1, 1)]), (4, vec![put(1, 0)])]
        .map(|(revision, before): (usize, _)| Recorded { committed: commits[revision - 1].clone(), before });
    let mut history = store.history(EVERYTHING).await.unwrap();
    history.reverse();
    assert_eq!(history, expected);
    let state = store.state_at(Revision(2)).await.unwrap().unwrap();
    assert_eq!(state.records.into_iter().map(Some).collect::<Vec<_>>(), [put(1, 1), put(2, 0), put(1, 0)]);
    assert_eq!(store.take_lease().await.unwrap(), Fence(3));
}
