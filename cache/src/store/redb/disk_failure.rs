//! A disk that fails for a while: what was not acknowledged is an error, and the store goes on once it works again.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use mainsheet_api::{
    change::{Change, Commit, Fence},
    key::Key,
    kind::Kind,
    resource::{Provenance, Record, SourceName, Terms},
    time::Timestamp,
    version::{ResourceVersion, Revision},
    view::Audience,
    wire::Entry,
};
use redb::ReadableDatabase;

use super::{
    Opened, RedbStore, Refusal,
    disk::{Disk, Unflushed, database_on, new_store, open_on},
    fault::Fault,
    open,
    read::Tables,
    reopen::{Reopening, write_again},
    write,
};
use crate::{
    error::{CommitError, StoreError},
    store::{Follow, State, Store, StoreOptions},
};

/// Sets two keys at once, so that half a commit shows.
fn commit(revision: u64, len: usize) -> Commit {
    let put = |name: &str| {
        Change::Put(Arc::new(Record {
            source: SourceName("files".into()),
            key: Key::new(Kind::CLUSTER, "shop", name),
            entry: Entry {
                name: name.into(),
                version: ResourceVersion::new(revision.to_string()),
                any: vec![b'x'; len].into(),
                ttl: None,
            },
            audience: Audience::everyone(),
            created: Timestamp(1),
            provenance: Provenance::default(),
            warnings: Vec::new(),
            terms: Terms::default(),
        }))
    };
    Commit {
        base: Revision(revision - 1),
        fence: Fence(0),
        cause: "test".into(),
        at: Timestamp(revision),
        changes: vec![put("a"), put("b")],
    }
}

fn commit_on(opened: &Opened, revision: u64, len: usize) -> Result<Revision, Refusal> {
    let (mut answers, _) = write::commit_all(opened, &[commit(revision, len)])?;
    answers.remove(0).map_err(|refused| Refusal::Rule(Box::new(refused)))
}

fn state(opened: &Opened) -> State {
    Tables::open(&opened.database.begin_read().unwrap()).unwrap().load().unwrap()
}

#[test]
fn commit_that_could_not_be_flushed_is_an_error() {
    let disk = Disk::holding(Vec::new());
    let opened = new_store(&disk);
    assert!(commit_on(&opened, 1, 10).is_ok());
    disk.breaks_after(0);
    assert!(matches!(commit_on(&opened, 2, 10), Err(Refusal::Fault(_))));
    // Whether the disk keeps it is not known, so nothing more is built upon it until it is opened again.
    disk.is_well_again();
    assert!(matches!(commit_on(&opened, 3, 10), Err(Refusal::Fault(_) | Refusal::Rule(_))));
    drop(opened);
    let again = open_on(&Disk::holding(disk.content()), StoreOptions::default());
    assert_eq!(state(&again).revision, Revision(1));
    assert!(commit_on(&again, 2, 10).is_ok());
}

/// A store that opens this disk again when it failed.
pub(in crate::store) fn store_on(disk: &Disk) -> RedbStore {
    drop(new_store(disk));
    let again = disk.clone();
    let open_again = move || database_on(&again);
    let (path, lock) = (PathBuf::from("disk"), tempfile::tempfile().unwrap());
    let file =
        Reopening::new(open_again().unwrap(), Box::new(open_again), path, StoreOptions::default(), lock);
    RedbStore { file: Arc::new(file.unwrap()) }
}

/// Commits the revision after `newest`, as a writer that has seen it; `None` where the store fails.
async fn commit_next(store: &RedbStore, newest: Revision) -> Option<Revision> {
    match store.commit(commit(newest.next().0, 5_000)).await {
        Ok(made) => Some(made),
        Err(CommitError::Store(StoreError::Io { .. })) => None,
        Err(other) => panic!("{other}"),
    }
}

async fn followed(store: &RedbStore) -> Vec<Revision> {
    let Follow::Commits(commits) = store.follow(Revision::ZERO, usize::MAX).await.unwrap() else {
        panic!("all are kept");
    };
    commits.iter().map(|committed| committed.revision).collect()
}

#[tokio::test]
async fn store_goes_on_once_the_disk_works_again_wherever_it_failed() {
    let mut failed = 0;
    for steps in 0.. {
        let disk = Disk::holding(Vec::new());
        let store = store_on(&disk);
        let mut head = store.head();
        assert_eq!(commit_next(&store, Revision::ZERO).await, Some(Revision(1)));
        head.mark_unchanged();
        disk.breaks_after(steps);
        if commit_next(&store, Revision(1)).await.is_some() {
            break;
        }
        failed += 1;
        assert!(!head.has_changed().unwrap(), "what failed is no news");
        disk.breaks_after(steps / 2);
        let _ = store.load().await;
        disk.is_well_again();

        let state = store.load().await.unwrap();
        assert!(state.revision == Revision(1) || state.revision == Revision(2), "{}", state.revision);
        assert_eq!(*head.borrow_and_update(), state.revision, "a commit that was made after all is news");
        let made = commit_next(&store, state.revision).await.expect("the disk works");
        assert_eq!(made, state.revision.next());
        assert_eq!(*head.borrow_and_update(), made);
        assert_eq!(followed(&store).await, (1..=made.0).map(Revision).collect::<Vec<_>>());
        let acknowledged = store.load().await.unwrap();
        drop(store);
        let later = Disk::holding(disk.after_power_loss(disk.steps(), Unflushed::Nothing));
        assert_eq!(self::state(&open_on(&later, StoreOptions::default())), acknowledged);
    }
    assert!(failed > 3, "only {failed} steps of a commit can fail");
}

/// For news that is there already, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn writer_of_a_commit_that_was_made_after_all_gets_a_conflict_and_the_news() {
    let disk = Disk::holding(Vec::new());
    let store = store_on(&disk);
    let mut head = store.head();
    let mut was_made = false;
    // Breaks later and later, until the last step of a commit is what fails.
    for steps in 0.. {
        let base = *head.borrow_and_update();
        disk.breaks_after(steps);
        let answer = commit_next(&store, base).await;
        disk.is_well_again();
        if answer.is_some() {
            break;
        }
        match store.commit(commit(base.next().0, 5_000)).await {
            Ok(made) => assert_eq!(made, base.next()),
            Err(CommitError::Conflict { .. }) => was_made = true,
            Err(other) => panic!("{other}"),
        }
        let news = tokio::time::timeout(PATIENCE, head.wait_for(|head| *head > base)).await;
        assert_eq!(*news.expect("a commit is news").unwrap(), base.next());
    }
    assert!(was_made);
}

#[tokio::test]
async fn store_that_lost_what_it_acknowledged_is_damaged() {
    let disk = Disk::holding(Vec::new());
    let store = store_on(&disk);
    let before = disk.content();
    assert_eq!(commit_next(&store, Revision::ZERO).await, Some(Revision(1)));
    disk.breaks_after(0);
    assert_eq!(commit_next(&store, Revision(1)).await, None);
    disk.is_well_again();
    disk.replace(before);
    for _ in 0..2 {
        let refused = store.load().await.expect_err("revision 1 is gone");
        assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
    }
    assert_eq!(*store.head().borrow(), Revision(1));
}

#[cfg(unix)]
#[test]
fn file_that_is_written_again_takes_no_more_room() {
    use std::os::unix::fs::MetadataExt;
    let file = tempfile::tempfile().unwrap();
    file.set_len(16 << 20).unwrap();
    std::os::unix::fs::FileExt::write_at(&file, b"end", (16 << 20) - 3).unwrap();
    file.sync_all().unwrap();
    let before = file.metadata().unwrap().blocks();
    write_again(&file).unwrap();
    let after = file.metadata().unwrap();
    assert_eq!(after.len(), 16 << 20);
    assert!(after.blocks() <= before.max(64), "{before} blocks became {}", after.blocks());
}

#[test]
fn file_that_is_written_again_is_the_same() {
    let content: Vec<u8> = (0..5 << 19).map(|at: u32| (at % 251) as u8).collect();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    io::Write::write_all(&mut file, &content).unwrap();
    write_again(file.as_file()).unwrap();
    assert!(std::fs::read(file.path()).unwrap() == content);
}

#[tokio::test]
async fn file_is_opened_again_after_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let store = RedbStore::open(dir.path(), StoreOptions::default()).await.unwrap();
    assert_eq!(commit_next(&store, Revision::ZERO).await, Some(Revision(1)));
    let before = store.load().await.unwrap();
    let failure = store.file.with(|_| Err::<(), Fault>(io::Error::from(io::ErrorKind::StorageFull).into()));
    assert!(matches!(failure, Err(Fault::Io(_))));
    let (file, elsewhere) = (open::file_in(dir.path()), dir.path().join("elsewhere"));
    std::fs::rename(&file, &elsewhere).unwrap();
    let refused = store.load().await.expect_err("it can't be opened");
    assert!(matches!(refused, StoreError::Io { .. }), "{refused}");
    std::fs::rename(&elsewhere, &file).unwrap();
    assert_eq!(store.load().await.unwrap(), before);
    assert_eq!(commit_next(&store, Revision(1)).await, Some(Revision(2)));
    let in_use = RedbStore::open(dir.path(), StoreOptions::default()).await;
    assert!(matches!(in_use, Err(StoreError::InUse { .. })), "its lock is held throughout");
}
