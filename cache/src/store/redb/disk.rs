//! A disk for tests. It remembers every step, so that it can lose power after any of them, and it can fail for a while.

use std::{
    collections::BTreeSet,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use redb::{Database, StorageBackend};

use super::{FORMAT, Opened, fault::Fault, open, write};
use crate::store::StoreOptions;

/// What is asked of a disk.
#[derive(Clone, Debug)]
enum Step {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Flush,
}

/// A disk. Cloning shares it.
#[derive(Clone, Debug)]
pub(in crate::store) struct Disk(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Before the first step.
    first: Vec<u8>,
    content: Mutex<Vec<u8>>,
    steps: Mutex<Vec<Step>>,
    /// It does this many steps more.
    steps_left: AtomicUsize,
}

impl Disk {
    pub(in crate::store) fn holding(content: Vec<u8>) -> Self {
        Self(Arc::new(Shared {
            first: content.clone(),
            content: Mutex::new(content),
            steps: Mutex::default(),
            steps_left: AtomicUsize::new(usize::MAX),
        }))
    }

    pub(in crate::store) fn breaks_after(&self, steps: usize) {
        self.0.steps_left.store(steps, Ordering::SeqCst);
    }

    pub(in crate::store) fn is_well_again(&self) {
        self.breaks_after(usize::MAX);
    }

    /// How many steps it has made.
    pub(in crate::store) fn steps(&self) -> usize {
        self.0.steps.lock().unwrap().len()
    }

    /// After how many steps a flush is asked for.
    pub(super) fn flushes(&self) -> Vec<usize> {
        let steps = self.0.steps.lock().unwrap();
        (0..).zip(&*steps).filter(|(_, step)| matches!(step, Step::Flush)).map(|(at, _)| at).collect()
    }

    /// What it reads as.
    pub(super) fn content(&self) -> Vec<u8> {
        self.0.content.lock().unwrap().clone()
    }

    /// What it reads as from now on.
    pub(super) fn replace(&self, content: Vec<u8>) {
        *self.0.content.lock().unwrap() = content;
    }

    /// What it holds when the power goes after so many steps: everything up to the last flush, and what `unflushed`
    /// leaves of the steps since.
    pub(super) fn after_power_loss(&self, steps: usize, unflushed: Unflushed<'_>) -> Vec<u8> {
        let all = self.0.steps.lock().unwrap();
        let steps = &all[..steps];
        let flushed = steps.iter().rposition(|step| matches!(step, Step::Flush)).map_or(0, |last| last + 1);
        let mut content = self.0.first.clone();
        steps[..flushed].iter().for_each(|step| apply(&mut content, step));
        unflushed.leave(&steps[flushed..]).iter().for_each(|step| apply(&mut content, step));
        content
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

pub(super) fn database_on(disk: &Disk) -> Result<Database, Fault> {
    Ok(Database::builder().set_cache_size(1 << 20).create_with_backend(disk.clone())?)
}

/// What a start makes of a disk.
pub(super) fn open_on(disk: &Disk, options: StoreOptions) -> Opened {
    let trusted =
        database_on(disk).and_then(|database| open::trust(database, PathBuf::from("disk"), options));
    trusted.unwrap_or_else(|fault| panic!("{fault}")).0
}

pub(super) fn new_store(disk: &Disk) -> Opened {
    write::initialise(&database_on(disk).unwrap(), FORMAT).unwrap();
    open_on(disk, StoreOptions::default())
}

/// What a power loss leaves of what was not flushed.
pub(super) enum Unflushed<'a> {
    Nothing,
    /// Any of it in any order, whole or torn between sectors.
    Some(&'a mut StdRng),
}

/// Disks write these whole: old ones, and new ones.
const SECTORS: [u64; 2] = [512, 4096];

impl Unflushed<'_> {
    fn leave(self, steps: &[Step]) -> Vec<Step> {
        let random = match self {
            Self::Nothing => return Vec::new(),
            Self::Some(random) => random,
        };
        let (kept, torn) = (random.random_range(0..5) * 25, random.random_range(0..3) * 40);
        let sector = SECTORS[random.random_range(0..SECTORS.len())];
        let mut left = steps.to_vec();
        left.shuffle(random);
        left.retain(|_| random.random_ratio(kept, 100));
        let tear = |step| match step {
            Step::Write(offset, bytes) if random.random_ratio(torn, 100) => {
                torn_write(offset, &bytes, sector, random)
            }
            whole => vec![whole],
        };
        left.into_iter().flat_map(tear).collect()
    }
}

/// Each sector of it, or not.
fn torn_write(offset: u64, bytes: &[u8], sector: u64, random: &mut StdRng) -> Vec<Step> {
    let end = offset + bytes.len() as u64;
    let mut left = Vec::new();
    let mut at = offset;
    while at < end {
        let next = ((at / sector + 1) * sector).min(end);
        let place = |at: u64| usize::try_from(at - offset).unwrap();
        if random.random() {
            left.push(Step::Write(at, bytes[place(at)..place(next)].to_vec()));
        }
        at = next;
    }
    left
}

#[test]
fn what_was_flushed_is_kept_and_the_rest_lost_in_any_part_and_order() {
    let disk = Disk::holding(Vec::new());
    let write = |from: u64, byte: u8| disk.write(from, &[byte; 1024]).unwrap();
    write(0, b'a');
    disk.sync_data().unwrap();
    write(0, b'b');
    write(512, b'c');
    assert_eq!(disk.flushes(), [1]);
    let left = |seed| disk.after_power_loss(disk.steps(), Unflushed::Some(&mut StdRng::seed_from_u64(seed)));
    let sectors = |left: Vec<u8>| left.chunks(512).map(|sector| char::from(sector[0])).collect::<String>();
    let found: BTreeSet<String> = (0..2_000).map(left).map(sectors).collect();
    let possible = "aa aac ab abc ac acc ba bac bb bbc bc bcc";
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>().join(" "), possible);
}
