//! What a disk may hold after the power went: everything up to the last flush, and any part of what was written since.
//! And a disk that fails for a while.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

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
use proptest::{collection::vec, prelude::*};
use redb::{Database, ReadableDatabase, StorageBackend};

use super::{
    FORMAT, Opened, RedbStore, Refusal,
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

#[derive(Clone, Debug)]
enum Step {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Flush,
}

/// A disk that remembers every step.
#[derive(Clone, Debug)]
struct Disk(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    content: Mutex<Vec<u8>>,
    steps: Mutex<Vec<Step>>,
    /// It does this many steps more.
    steps_left: AtomicUsize,
}

impl Disk {
    fn holding(content: Vec<u8>) -> Self {
        Self(Arc::new(Shared {
            content: Mutex::new(content),
            steps: Mutex::default(),
            steps_left: AtomicUsize::new(usize::MAX),
        }))
    }

    fn step(&self, step: Step) -> io::Result<()> {
        let left = |left: usize| left.checked_sub(1);
        let is_broken = self.0.steps_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_err();
        if is_broken {
            return Err(io::ErrorKind::StorageFull.into());
        }
        apply(&mut self.0.content.lock().unwrap(), &step);
        self.0.steps.lock().unwrap().push(step);
        Ok(())
    }

    fn breaks_after(&self, steps: usize) {
        self.0.steps_left.store(steps, Ordering::SeqCst);
    }

    fn is_well_again(&self) {
        self.breaks_after(usize::MAX);
    }

    fn steps(&self) -> Vec<Step> {
        self.0.steps.lock().unwrap().clone()
    }
}

fn apply(content: &mut Vec<u8>, step: &Step) {
    match step {
        Step::Flush => {}
        Step::SetLen(len) => content.resize(usize::try_from(*len).unwrap(), 0),
        Step::Write(offset, bytes) => {
            let start = usize::try_from(*offset).unwrap();
            content.resize(content.len().max(start + bytes.len()), 0);
            content[start..start + bytes.len()].copy_from_slice(bytes);
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.content.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        let content = self.0.content.lock().unwrap();
        let bytes = content.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.step(Step::SetLen(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.step(Step::Flush)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.step(Step::Write(offset, data.to_vec()))
    }
}

fn open_on(disk: Disk) -> Opened {
    let database = Database::builder().set_cache_size(1 << 20).create_with_backend(disk).unwrap();
    let trusted = open::trust(database, PathBuf::from("disk"), StoreOptions::default());
    trusted.unwrap_or_else(|fault| panic!("{fault}")).0
}

fn new_store(disk: &Disk) -> Opened {
    write::initialise(&Database::builder().create_with_backend(disk.clone()).unwrap(), FORMAT).unwrap();
    open_on(disk.clone())
}

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

/// The disk when the power goes after `crash` steps: of those since the last flush, the ones that `kept` says, each
/// whole or its first half.
fn after_power_loss(steps: &[Step], kept: &[u8]) -> Vec<u8> {
    let flushed = steps.iter().rposition(|step| matches!(step, Step::Flush)).map_or(0, |last| last + 1);
    let mut content = Vec::new();
    steps[..flushed].iter().for_each(|step| apply(&mut content, step));
    for (step, fate) in steps[flushed..].iter().zip(kept.iter().cycle()) {
        match (fate % 3, step) {
            (0, _) => {}
            (1, Step::Write(offset, bytes)) => {
                apply(&mut content, &Step::Write(*offset, bytes[..bytes.len() / 2].to_vec()));
            }
            (_, step) => apply(&mut content, step),
        }
    }
    content
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn power_loss_takes_nothing_back_and_leaves_no_half(
        lens in vec(prop_oneof![Just(10_usize), Just(5_000), Just(40_000)], 1..6),
        losses in vec((any::<prop::sample::Index>(), vec(any::<u8>(), 1..40)), 8),
    ) {
        let disk = Disk::holding(Vec::new());
        let opened = new_store(&disk);
        let begin = disk.steps().len();
        // How many steps there were when a revision was acknowledged.
        let mut acknowledged = vec![begin];
        let mut states = vec![state(&opened)];
        for (revision, len) in (1..).zip(lens) {
            prop_assert!(matches!(commit_on(&opened, revision, len), Ok(made) if made.0 == revision));
            acknowledged.push(disk.steps().len());
            states.push(state(&opened));
        }
        drop(opened);
        let steps = disk.steps();
        for (crash, kept) in losses {
            let crash = begin + crash.index(steps.len() - begin + 1);
            let opened_again = open_on(Disk::holding(after_power_loss(&steps[..crash], &kept)));
            let found = state(&opened_again);
            let newest = acknowledged.iter().rposition(|&then| then <= crash).unwrap();
            prop_assert!(found.revision.0 as usize >= newest, "{newest} was acknowledged, {} is there", found.revision);
            prop_assert_eq!(&found, &states[found.revision.0 as usize]);
            for earlier in &states[..=found.revision.0 as usize] {
                let tables = Tables::open(&opened_again.database.begin_read().unwrap()).unwrap();
                let rewound = tables.state_at(earlier.revision).unwrap();
                prop_assert_eq!(rewound.as_ref(), Some(earlier));
            }
        }
    }
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
    let again = open_on(Disk::holding(after_power_loss(&disk.steps(), &[2])));
    assert_eq!(state(&again).revision, Revision(1));
    assert!(commit_on(&again, 2, 10).is_ok());
}

/// A store that opens this disk again when it failed.
fn store_on(disk: &Disk) -> RedbStore {
    drop(new_store(disk));
    let again = disk.clone();
    let open_again = move || Ok(Database::builder().create_with_backend(again.clone())?);
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
        let later = Disk::holding(after_power_loss(&disk.steps(), &[0]));
        assert_eq!(self::state(&open_on(later)), acknowledged);
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
    let before = disk.0.content.lock().unwrap().clone();
    assert_eq!(commit_next(&store, Revision::ZERO).await, Some(Revision(1)));
    disk.breaks_after(0);
    assert_eq!(commit_next(&store, Revision(1)).await, None);
    disk.is_well_again();
    *disk.0.content.lock().unwrap() = before;
    for _ in 0..2 {
        let refused = store.load().await.expect_err("revision 1 is gone");
        assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
    }
    assert_eq!(*store.head().borrow(), Revision(1));
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
