//! What a disk may hold after the power went: everything up to the last flush, and any part of what was written since.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use mainsheet_api::{
    change::{Change, Commit, Fence},
    key::Key,
    kind::Kind,
    resource::{Provenance, Record, SourceName},
    time::Timestamp,
    version::{ResourceVersion, Revision},
    view::Audience,
    wire::Entry,
};
use proptest::{collection::vec, prelude::*};
use redb::{Database, ReadableDatabase, StorageBackend};

use super::{FORMAT, Opened, Refusal, open, read::Tables, write};
use crate::store::{State, StoreOptions};

#[derive(Clone, Debug)]
enum Step {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Flush,
}

/// A disk that remembers every step.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    content: Mutex<Vec<u8>>,
    steps: Mutex<Vec<Step>>,
    is_broken: AtomicBool,
}

impl Disk {
    fn holding(content: Vec<u8>) -> Self {
        Self(Arc::new(Shared { content: Mutex::new(content), ..Shared::default() }))
    }

    fn step(&self, step: Step) -> io::Result<()> {
        if self.0.is_broken.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is broken"));
        }
        apply(&mut self.0.content.lock().unwrap(), &step);
        self.0.steps.lock().unwrap().push(step);
        Ok(())
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
    let lock = tempfile::tempfile().unwrap();
    let trusted = open::trust(database, PathBuf::from("disk"), StoreOptions::default(), lock);
    trusted.unwrap_or_else(|fault| panic!("{fault}"))
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
            },
            audience: Audience::everyone(),
            created: Timestamp(1),
            provenance: Provenance::default(),
            warnings: Vec::new(),
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
        let disk = Disk::default();
        let opened = new_store(&disk);
        let begin = disk.steps().len();
        // How many steps there were when a revision was acknowledged.
        let mut acknowledged = vec![begin];
        let mut states = vec![state(&opened)];
        for (revision, len) in (1..).zip(lens) {
            prop_assert!(matches!(write::commit(&opened, &commit(revision, len)), Ok(made) if made.0 == revision));
            acknowledged.push(disk.steps().len());
            states.push(state(&opened));
        }
        drop(opened);
        let steps = disk.steps();
        for (crash, kept) in losses {
            let crash = begin + crash.index(steps.len() - begin + 1);
            let found = state(&open_on(Disk::holding(after_power_loss(&steps[..crash], &kept))));
            let newest = acknowledged.iter().rposition(|&then| then <= crash).unwrap();
            prop_assert!(found.revision.0 as usize >= newest, "{newest} was acknowledged, {} is there", found.revision);
            prop_assert_eq!(&found, &states[found.revision.0 as usize]);
        }
    }
}

#[test]
fn commit_that_could_not_be_flushed_is_an_error() {
    let disk = Disk::default();
    let opened = new_store(&disk);
    assert!(write::commit(&opened, &commit(1, 10)).is_ok());
    disk.0.is_broken.store(true, Ordering::SeqCst);
    assert!(matches!(write::commit(&opened, &commit(2, 10)), Err(Refusal::Fault(_))));
    // Whether the disk keeps it is not known, so nothing more is built upon it until it is opened again.
    disk.0.is_broken.store(false, Ordering::SeqCst);
    assert!(matches!(write::commit(&opened, &commit(3, 10)), Err(Refusal::Fault(_) | Refusal::Rule(_))));
    drop(opened);
    let again = open_on(Disk::holding(after_power_loss(&disk.steps(), &[2])));
    assert_eq!(state(&again).revision, Revision(1));
    assert!(write::commit(&again, &commit(2, 10)).is_ok());
}
