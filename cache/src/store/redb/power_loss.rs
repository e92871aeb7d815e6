//! What is there after the power went at any moment: everything that was acknowledged, and of what was under way all or
//! nothing.

use std::{collections::BTreeMap, fs, sync::Arc};

use bytes::Bytes;
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
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use redb::ReadableDatabase;

use super::{
    Opened,
    disk::{Disk, Unflushed, database_on, new_store, open_on},
    fixture::fixture,
    read::Tables,
    restore, write,
};
use crate::store::{Backup, KeptCommit, State, StoreOptions, Stored};

/// Small, so that commits are dropped and removals forgotten all the time.
const OPTIONS: StoreOptions = StoreOptions {
    commits_kept_max: 3,
    commits_bytes_max: 200_000,
    commits_age_max: None,
    status_bytes_max: 1 << 20,
};

/// What a schedule begins with.
#[derive(Clone, Copy, Debug)]
enum Start {
    New,
    OfFormat1,
    Restored,
}

/// What is asked of a store.
#[derive(Clone, Debug)]
enum Ask {
    /// With one flush. Each sets, or removes, the two keys of a pair; two of one pair conflict.
    Commits(Vec<(usize, Option<usize>)>),
    SetStatus(Vec<(u8, Option<usize>)>),
    TakeLease,
    Reopen,
}

fn ask() -> impl Strategy<Value = Ask> {
    let len = || prop::option::weighted(0.8, prop_oneof![Just(10_usize), Just(5_000), Just(70_000)]);
    prop_oneof![
        6 => vec((0..4_usize, len()), 1..4).prop_map(Ask::Commits),
        3 => vec((0..4_u8, len()), 1..3).prop_map(Ask::SetStatus),
        1 => Just(Ask::TakeLease),
        1 => Just(Ask::Reopen),
    ]
}

fn changes(pair: usize, len: Option<usize>, revision: u64) -> Vec<Change> {
    let source = SourceName("files".into());
    ["a", "b"]
        .map(|end| {
            let key = Key::new(Kind::CLUSTER, "shop", format!("{pair}-{end}"));
            let Some(len) = len else { return Change::Remove { source: source.clone(), key } };
            Change::Put(Arc::new(Record {
                source: source.clone(),
                entry: Entry {
                    name: key.name.to_string().into(),
                    version: ResourceVersion::new(revision.to_string()),
                    any: vec![b'x'; len].into(),
                    ttl: None,
                },
                key,
                audience: Audience::everyone(),
                created: Timestamp(1),
                provenance: Provenance::default(),
                warnings: Vec::new(),
                terms: Terms::default(),
            }))
        })
        .into()
}

/// A store on a disk, and everything that it held when each answer was given.
struct Recording {
    disk: Disk,
    opened: Option<Opened>,
    answered: Vec<Answered>,
}

struct Answered {
    /// Of the disk, so far.
    steps: usize,
    holds: Backup,
}

impl Recording {
    fn begin(start: Start) -> Self {
        let disk = Disk::holding(match start {
            Start::OfFormat1 => fs::read(fixture(1)).unwrap(),
            Start::New | Start::Restored => Vec::new(),
        });
        let mut recording = Self { opened: None, answered: Vec::new(), disk };
        match start {
            // Before its first step the file holds what it holds afterwards, in the older format.
            Start::OfFormat1 => recording.open_from(0),
            Start::New => {
                drop(new_store(&recording.disk));
                recording.open_from(recording.disk.steps());
            }
            Start::Restored => {
                drop(new_store(&recording.disk));
                restore::fill(&database_on(&recording.disk).unwrap(), &backup()).unwrap();
                recording.open_from(recording.disk.steps());
            }
        }
        recording
    }

    fn open_from(&mut self, steps: usize) {
        self.opened = None;
        let opened = self.opened.insert(open_on(&self.disk, OPTIONS));
        self.answered.push(Answered { steps, holds: holds(opened) });
    }

    fn ask(&mut self, ask: Ask) {
        let opened = self.opened.as_ref().unwrap();
        let holds = &self.answered.last().unwrap().holds;
        match ask {
            Ask::Commits(pairs) => {
                let commits = commits(pairs, (holds.state.revision, holds.lease));
                write::commit_all(opened, &commits).unwrap_or_else(|_| panic!("the disk works"));
            }
            Ask::SetStatus(entries) => {
                let value = |len: Option<usize>| len.map(|len| Bytes::from(vec![b'y'; len]));
                let entries = entries.into_iter().map(|(key, len)| (format!("status/{key}"), value(len)));
                write::set_status(opened, entries.collect()).unwrap_or_else(|_| panic!("the disk works"));
            }
            Ask::TakeLease => {
                write::take_lease(opened).unwrap_or_else(|_| panic!("the disk works"));
            }
            Ask::Reopen => return self.open_from(self.disk.steps()),
        }
        self.answered.push(Answered { steps: self.disk.steps(), holds: self::holds(opened) });
    }

    /// Moments at which the power may go: before and after each flush, and any others.
    fn crash(&self, random: &mut StdRng) -> usize {
        let (begin, end) = (self.answered[0].steps, self.disk.steps());
        let flushes: Vec<usize> = self.disk.flushes().into_iter().filter(|flush| *flush >= begin).collect();
        match flushes.is_empty() || random.random() {
            true => random.random_range(begin..=end),
            false => flushes[random.random_range(0..flushes.len())] + random.random_range(0..2),
        }
    }

    /// What may be found when the power goes then: what was last answered, or what was under way, too.
    fn possible(&self, crash: usize) -> &[Answered] {
        let last = self.answered.iter().rposition(|answered| answered.steps <= crash).unwrap();
        &self.answered[last..self.answered.len().min(last + 2)]
    }
}

fn commits(pairs: Vec<(usize, Option<usize>)>, (base, fence): (Revision, Fence)) -> Vec<Commit> {
    let commit = |((pair, len), revision)| Commit {
        base,
        fence,
        cause: "test".into(),
        at: Timestamp(revision),
        changes: changes(pair, len, revision),
    };
    pairs.into_iter().zip(base.0 + 1..).map(commit).collect()
}

/// Of a store with a bit of everything.
fn backup() -> Backup {
    let mut recording = Recording::begin(Start::New);
    for pair in 0..5 {
        recording.ask(Ask::Commits(vec![(pair % 4, (pair < 3).then_some(5_000))]));
    }
    recording.ask(Ask::SetStatus(vec![(0, Some(10)), (1, Some(5_000))]));
    recording.ask(Ask::TakeLease);
    recording.answered.pop().unwrap().holds
}

fn tables(opened: &Opened) -> Tables {
    Tables::open(&opened.database.begin_read().unwrap()).unwrap()
}

fn holds(opened: &Opened) -> Backup {
    tables(opened).export().unwrap()
}

/// The state that commits lead to.
fn folded(from: State, commits: &[KeptCommit]) -> State {
    let place = |key: &Key, source: &SourceName| (key.clone(), source.clone());
    let mut revision = from.revision;
    let mut rows: BTreeMap<_, _> = from
        .records
        .into_iter()
        .map(|stored| (place(&stored.record.key, &stored.record.source), stored))
        .collect();
    for kept in commits.iter().filter(|kept| kept.committed.revision > from.revision) {
        revision = kept.committed.revision;
        for change in &kept.committed.changes {
            match change {
                Change::Put(record) => rows.insert(
                    place(&record.key, &record.source),
                    Stored { changed: revision, record: Arc::clone(record) },
                ),
                Change::Remove { source, key } => rows.remove(&place(key, source)),
            };
        }
    }
    State { revision, records: rows.into_values().collect() }
}

/// Opens what was left, finds one of what is possible whole, and can go on with it.
fn check(disk: &Disk, possible: &[Answered]) -> Result<(), TestCaseError> {
    let opened = open_on(disk, OPTIONS);
    let found = holds(&opened);
    let is_possible = possible.iter().any(|answered| answered.holds == found);
    let expected: Vec<_> = possible.iter().map(|answered| answered.holds.state.revision).collect();
    prop_assert!(is_possible, "{expected:?} or what was asked then, but found {found:?}");
    let oldest = found.commits.iter().rev().find(|kept| kept.before.is_none());
    let oldest = oldest.map_or(found.compacted, |kept| kept.committed.revision);
    let from = tables(&opened).state_at(oldest).unwrap().expect("it is kept");
    prop_assert_eq!(&folded(from, &found.commits), &found.state);
    let next = commits(vec![(0, Some(10))], (found.state.revision, found.lease));
    let (answers, _) = write::commit_all(&opened, &next).unwrap_or_else(|_| panic!("the disk works"));
    prop_assert_eq!(answers[0].as_ref().ok(), Some(&found.state.revision.next()));
    Ok(())
}

/// The power goes a few times, and now and then again while the store is opened.
fn check_losses(recording: &Recording, losses: usize, random: &mut StdRng) -> Result<(), TestCaseError> {
    for _ in 0..losses {
        let crash = recording.crash(random);
        let possible = recording.possible(crash);
        let left = Disk::holding(recording.disk.after_power_loss(crash, Unflushed::Some(random)));
        check(&left, possible)?;
        if random.random_ratio(25, 100) {
            let again = Disk::holding(left.after_power_loss(0, Unflushed::Nothing));
            drop(open_on(&again, OPTIONS));
            let crash = random.random_range(0..=again.steps());
            check(&Disk::holding(again.after_power_loss(crash, Unflushed::Some(random))), possible)?;
        }
    }
    Ok(())
}

/// Few, or as many as `PROPTEST_CASES` says.
fn cases(few: u32) -> ProptestConfig {
    let is_set = std::env::var_os("PROPTEST_CASES").is_some();
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if is_set { config } else { ProptestConfig { cases: few, ..config } }
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn power_loss_takes_nothing_back_and_leaves_no_half(
        start in prop_oneof![2 => Just(Start::New), 1 => Just(Start::OfFormat1), 1 => Just(Start::Restored)],
        asks in vec(ask(), 1..8),
        seed in any::<u64>(),
    ) {
        let mut recording = Recording::begin(start);
        asks.into_iter().for_each(|ask| recording.ask(ask));
        check_losses(&recording, 12, &mut StdRng::seed_from_u64(seed))?;
    }
}

#[test]
fn migration_that_loses_power_leaves_the_older_format_or_the_newer_one() {
    let recording = Recording::begin(Start::OfFormat1);
    assert!(recording.disk.flushes().len() > 1, "it is written");
    check_losses(&recording, 40, &mut StdRng::seed_from_u64(1)).unwrap();
}

#[test]
fn disk_that_lies_about_flushes_is_found_out() {
    let mut recording = Recording::begin(Start::New);
    for pair in 0..4 {
        recording.ask(Ask::Commits(vec![(pair, Some(5_000))]));
    }
    // What was flushed last is lost as if it had not been.
    let last = *recording.disk.flushes().last().unwrap();
    let acknowledged = recording.answered.last().unwrap();
    let lost = Disk::holding(recording.disk.after_power_loss(last, Unflushed::Nothing));
    assert!(holds(&open_on(&lost, OPTIONS)) != acknowledged.holds);
}
