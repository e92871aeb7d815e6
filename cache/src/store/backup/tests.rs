use std::sync::Arc;

use mainsheet_api::{
    change::{Cause, Change, Commit},
    kind::Kind,
    time::Timestamp,
};

use super::*;
use crate::{
    store::{MemoryStore, RedbStore, Store, StoreOptions},
    testing::{key, put, record, remove},
};

const OPTIONS: StoreOptions = StoreOptions {
    commits_kept_max: 5,
    commits_bytes_max: 1 << 30,
    commits_age_max: None,
    status_bytes_max: 1 << 20,
};

/// More than fits into one piece, removals, hidden records, status.
async fn fill(store: &dyn Store) {
    let vs = |name: &str| key(Kind::VIRTUAL_SERVICE, "shop", name);
    let large = (0..40).map(|number| put("files", vs(&format!("large-{number}")), 1, 30_000)).collect();
    let rounds: Vec<Vec<Change>> = vec![
        vec![put("files", vs("a"), 1, 10), put("api", vs("a"), 2, 10)],
        large,
        vec![remove("files", vs("a")), put("files", vs("b"), 3, 10)],
        vec![remove("files", vs("b")), remove("files", vs("never"))],
        vec![put("files", vs("b"), 4, 10), Change::Put(Arc::new(record("hold", vs("c"), 1, 0)))],
        (0..20).map(|number| remove("files", vs(&format!("large-{number}")))).collect(),
        vec![put("files", vs("large-1"), 5, 10)],
    ];
    for changes in rounds {
        let base = *store.head().borrow();
        let cause = Cause { what: format!("round {base}"), author: "ada".into(), message: "why not".into() };
        let at = Timestamp(1000 + base.0);
        store.commit(Commit { base, fence: Fence(1), cause, at, changes }).await.unwrap();
    }
    let status = (0..30).map(|number| (format!("sink/{number:02}"), Some(vec![7; 20_000].into()))).collect();
    store.set_status(status).await.unwrap();
}

async fn filled() -> Backup {
    let store = MemoryStore::new(OPTIONS);
    store.take_lease().await.unwrap();
    fill(&store).await;
    store.export().await.unwrap()
}

fn bytes_of(backup: &Backup) -> Bytes {
    backup.encode().collect::<Vec<_>>().concat().into()
}

#[tokio::test]
async fn backup_is_read_as_it_was_written_in_bounded_pieces() {
    let backup = filled().await;
    assert_eq!(backup.commits.len(), 5);
    assert!(backup.encode().all(|piece| piece.len() < 512 << 10) && backup.encode().count() > 8);
    assert!(Backup::decode(&bytes_of(&backup)).unwrap() == backup);
    let empty = MemoryStore::default().export().await.unwrap();
    assert_eq!(Backup::decode(&bytes_of(&empty)).unwrap(), empty);
}

#[tokio::test]
async fn restored_store_is_the_one_that_was_backed_up() {
    let dir = tempfile::tempdir().unwrap();
    let (original, copy) = (dir.path().join("original"), dir.path().join("copy"));
    let store = RedbStore::open(&original, OPTIONS).await.unwrap();
    store.take_lease().await.unwrap();
    fill(&store).await;
    let backup = store.export().await.unwrap();
    assert!(backup == filled().await, "every backend exports the same");
    RedbStore::restore(&copy, Backup::decode(&bytes_of(&backup)).unwrap()).await.unwrap();

    let restored = RedbStore::open(&copy, OPTIONS).await.unwrap();
    assert!(restored.export().await.unwrap() == backup);
    assert_eq!((*restored.head().borrow(), restored.oldest()), (*store.head().borrow(), store.oldest()));
    for revision in 0..=8 {
        let (one, other) = (
            restored.state_at(Revision(revision)).await.unwrap(),
            store.state_at(Revision(revision)).await.unwrap(),
        );
        assert!(one == other, "state at {revision}");
    }
    // They also go on as the same: what was removed is remembered, and forgotten, alike.
    for (number, base) in [(7, 6), (3, 7), (1, 8), (3, 3), (2, 9), (4, 10), (5, 4)] {
        let change = put("files", key(Kind::VIRTUAL_SERVICE, "shop", &format!("large-{number}")), 9, 10);
        let commit = Commit {
            base: Revision(base),
            fence: Fence(1),
            cause: Cause::default(),
            at: Timestamp(9000),
            changes: vec![change],
        };
        let (one, other) = (restored.commit(commit.clone()).await, store.commit(commit).await);
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
        assert!(restored.export().await.unwrap() == store.export().await.unwrap());
    }
    assert_eq!(restored.take_lease().await.unwrap(), Fence(2));
    drop(restored);
    RedbStore::open(&copy, OPTIONS).await.unwrap();
}

#[tokio::test]
async fn store_is_restored_only_where_there_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let backup = filled().await;
    RedbStore::restore(dir.path(), backup.clone()).await.unwrap();
    let refused = RedbStore::restore(dir.path(), backup).await.expect_err("it is there");
    assert!(matches!(refused, crate::StoreError::Exists { .. }), "{refused}");
}

#[tokio::test]
async fn damaged_cut_off_and_newer_backups_are_refused() {
    let store = MemoryStore::new(OPTIONS);
    let vs = key(Kind::VIRTUAL_SERVICE, "shop", "a");
    let commit = Commit {
        base: Revision::ZERO,
        fence: Fence(0),
        cause: "test".into(),
        at: Timestamp(1),
        changes: vec![put("files", vs, 1, 50)],
    };
    store.commit(commit).await.unwrap();
    store.set_status(vec![("a".into(), Some(Bytes::from_static(b"1")))]).await.unwrap();
    let whole = bytes_of(&store.export().await.unwrap());
    for len in 1..whole.len() {
        assert_eq!(Backup::decode(&whole.slice(..len)), Err(BackupError::CutOff { len }));
    }
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut changed = whole.to_vec();
            changed[at] ^= 1 << bit;
            assert!(Backup::decode(&changed.into()).is_err(), "bit {bit} of byte {at}");
        }
    }
    let longer = [&whole[..], b"x"].concat().into();
    assert!(matches!(Backup::decode(&longer), Err(BackupError::Damaged { .. })));
    let mut newer = whole.to_vec();
    newer[HEADER_LEN - 1] = 2;
    assert_eq!(Backup::decode(&newer.into()), Err(BackupError::Newer { found: 2, known: 1 }));
    for other in ["", "kind: VirtualService"] {
        assert_eq!(Backup::decode(&Bytes::from_static(other.as_bytes())), Err(BackupError::NoBackup));
    }
}

/// Whoever writes such a file gives it the right checksum, too.
#[tokio::test]
async fn backup_whose_numbers_leave_no_next_one_is_refused() {
    let empty = MemoryStore::default().export().await.unwrap();
    let with = |head, compacted, lease| Backup {
        state: State { revision: Revision(head), records: Vec::new() },
        compacted: Revision(compacted),
        lease: Fence(lease),
        ..empty.clone()
    };
    let backup = with(7, 7, 1);
    assert_eq!(Backup::decode(&bytes_of(&backup)), Ok(backup));
    for (head, compacted, lease) in [(u64::MAX, u64::MAX, 1), (7, u64::MAX, 1), (7, 8, 1), (7, 7, u64::MAX)] {
        let decoded = Backup::decode(&bytes_of(&with(head, compacted, lease)));
        assert!(
            matches!(decoded, Err(BackupError::Damaged { .. })),
            "{head} {compacted} {lease}: {decoded:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_that_is_taken_while_writes_go_on_is_of_one_revision() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(RedbStore::open(dir.path(), StoreOptions::default()).await.unwrap());
    store.take_lease().await.unwrap();
    let (writer, reader) = (Arc::clone(&store), Arc::clone(&store));
    let exports = async move {
        let mut exports = Vec::new();
        while exports.len() < 20 {
            exports.push(reader.export().await.unwrap());
        }
        exports
    };
    let (exports, ()) = tokio::join!(exports, async { fill(&*writer).await });
    let last = store.export().await.unwrap();
    for backup in exports {
        let revision = backup.state.revision;
        assert!(store.state_at(revision).await.unwrap() == Some(backup.state));
        assert!(last.commits.starts_with(&backup.commits));
    }
}
