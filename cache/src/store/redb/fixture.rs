//! A file of format 1 as the first version wrote it: later ones read exactly this from it.

use std::{fs, path::Path, sync::Arc};

use bytes::Bytes;
use mainsheet_api::{
    change::{Cause, Change, Commit, Committed, Fence},
    key::Key,
    kind::Kind,
    resource::{Provenance, Record, SourceName, Terms},
    time::Timestamp,
    verdict::{Finding, Position, Severity},
    version::{ResourceVersion, Revision},
    view::Audience,
    wire::Entry,
};

use super::{super::Store, RedbStore, open};
use crate::{
    error::CommitError,
    store::{Follow, StoreOptions},
};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/format-1.redb");
const LEASE: Fence = Fence(2);

/// Two commits of the four are kept.
const OPTIONS: StoreOptions =
    StoreOptions { commits_kept_max: 2, commits_bytes_max: 1 << 20, status_bytes_max: 1 << 20 };

/// Spelled out: bytes that other code makes may change without the format changing.
fn record(source: &str, key: Key, any: &'static [u8]) -> Change {
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
        terms: Terms::default(),
    }))
}

fn commits() -> Vec<Committed> {
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
            cause: Cause { what: format!("source {revision}"), ..Cause::default() },
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
    for Committed { revision, cause, at, changes } in commits() {
        let base = Revision(revision.0 - 1);
        store.commit(Commit { base, fence: LEASE, cause, at, changes }).await.unwrap();
    }
    store.set_status(status().into_iter().map(|(key, value)| (key, Some(value))).collect()).await.unwrap();
    drop(store);
    let mut database = redb::Database::open(open::file_in(dir.path())).unwrap();
    while database.compact().unwrap() {}
    drop(database);
    fs::copy(open::file_in(dir.path()), FIXTURE).unwrap();
}

#[tokio::test]
async fn file_of_format_1_is_read_exactly() {
    if std::env::var_os("UPDATE").is_some() && !Path::new(FIXTURE).exists() {
        write().await;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::copy(FIXTURE, open::file_in(dir.path())).unwrap();
    let store = RedbStore::open(dir.path(), OPTIONS).await.unwrap();
    let commits = commits();
    assert_eq!(store.follow(Revision(2), usize::MAX).await.unwrap(), Follow::Commits(commits[2..].to_vec()));
    assert_eq!(store.follow(Revision(1), usize::MAX).await.unwrap(), Follow::Compacted);
    assert_eq!(store.status("").await.unwrap(), status());
    let state = store.load().await.unwrap();
    let records: Vec<_> = state.records.into_iter().map(|stored| Change::Put(stored.record)).collect();
    let expected = [&commits[1].changes[0], &commits[3].changes[0], &commits[2].changes[0]];
    assert_eq!((state.revision, records.iter().collect::<Vec<_>>()), (Revision(4), expected.to_vec()));

    // What was removed is remembered, and so is the lease.
    let gone = commits[0].changes[1].clone();
    let commit = Commit {
        base: Revision(2),
        fence: LEASE,
        cause: Cause::default(),
        at: Timestamp(1),
        changes: vec![gone],
    };
    let refused = store.commit(commit).await;
    assert!(matches!(refused, Err(CommitError::Conflict { .. })), "{refused:?}");
    assert_eq!(store.take_lease().await.unwrap(), Fence(3));
}
