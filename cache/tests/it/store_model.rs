//! Every store answers as a simple model does, whatever it is asked in whatever order, and whenever it is reopened.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use mainsheet_api::{
    change::{Change, Commit, Committed, Fence},
    key::Key,
    resource::{Record, SourceName},
    time::Timestamp,
    version::Revision,
};
use mainsheet_cache::{
    CommitError,
    store::{Follow, HistoryQuery, MemoryStore, Recorded, RedbStore, State, Store, StoreOptions, Stored},
};
use proptest::{collection::vec, prelude::*};

use crate::stores::{commit, key, quick_dir, record, reopen, source};

const OPTIONS: StoreOptions = StoreOptions {
    commits_kept_max: 4,
    commits_bytes_max: usize::MAX,
    commits_age_max: Some(AGE_MAX),
    status_bytes_max: 1 << 20,
};
const AGE_MAX: Duration = Duration::from_millis(20);

#[derive(Clone, Debug)]
enum Ask {
    /// At once; one where there is one.
    Commit(Vec<Attempt>),
    TakeLease,
    SetStatus(Vec<(u8, Option<u8>)>),
    Reopen,
}

#[derive(Clone, Debug)]
struct Attempt {
    /// Base and fence as seen from the newest when all of them are asked for: 0 is the newest, 1 the one before, -1 one
    /// ahead.
    base_age: i64,
    fence_age: i64,
    /// Milliseconds since the one before; clocks may go back.
    later: i64,
    changes: Vec<(usize, usize, Option<u8>)>,
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let change = (0..2_usize, 0..4_usize, proptest::option::weighted(0.6, 0..3_u8));
    let age = prop_oneof![6 => Just(0), 4 => 1..8_i64, 1 => Just(-1)];
    let fence_age = prop_oneof![12 => Just(0), 1 => Just(1), 1 => Just(-1)];
    let later = prop_oneof![6 => 0..8_i64, 1 => -5..0_i64, 1 => 15..40_i64];
    (age, fence_age, later, vec(change, 0..4)).prop_map(|(base_age, fence_age, later, changes)| Attempt {
        base_age,
        fence_age,
        later,
        changes,
    })
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        12 => prop_oneof![vec(attempt(), 1), vec(attempt(), 0..5)].prop_map(Ask::Commit),
        1 => Just(Ask::TakeLease),
        2 => vec((0..4_u8, proptest::option::of(0..9_u8)), 0..3).prop_map(Ask::SetStatus),
        1 => Just(Ask::Reopen),
    ]
}

/// An answer that can be compared.
#[derive(Debug, PartialEq)]
enum Answer {
    Made(Revision),
    Empty,
    Repeated(SourceName, Key),
    Fenced(Fence, Fence),
    Ahead(Revision, Revision),
    Conflict(Revision, Vec<Key>),
    Orphaned,
}

impl From<Result<Revision, CommitError>> for Answer {
    fn from(answer: Result<Revision, CommitError>) -> Self {
        match answer {
            Ok(revision) => Self::Made(revision),
            Err(CommitError::Empty) => Self::Empty,
            Err(CommitError::Repeated { layer, key }) => Self::Repeated(layer, key),
            Err(CommitError::Fenced { given, newest }) => Self::Fenced(given, newest),
            Err(CommitError::Ahead { base, newest }) => Self::Ahead(base, newest),
            Err(CommitError::Conflict { base, keys }) => Self::Conflict(base, keys),
            Err(CommitError::Orphaned) => Self::Orphaned,
            Err(CommitError::Store(error)) => panic!("{error}"),
        }
    }
}

type Place = (Key, SourceName);

/// All commits that were ever made; everything else is worked out from them each time.
#[derive(Default)]
struct Model {
    commits: Vec<Committed>,
    compacted: u64,
    now: u64,
    lease: u64,
    status: BTreeMap<String, Bytes>,
}

impl Model {
    fn head(&self) -> u64 {
        self.commits.len() as u64
    }

    /// After each group.
    fn compact(&mut self, made: u64) {
        let mut aged = 0;
        while self.head() - self.compacted > 1 {
            if self.head() - self.compacted <= OPTIONS.commits_kept_max as u64 {
                if aged == 2 * made || self.age_of_oldest() <= AGE_MAX {
                    return;
                }
                aged += 1;
            }
            self.compacted += 1;
        }
    }

    /// By the first that is not dated after the newest.
    fn age_of_oldest(&self) -> Duration {
        let mut kept = self.commits[self.compacted as usize..].iter();
        let newest = self.commits.last().unwrap().at;
        newest.since(kept.find(|made| made.at <= newest).unwrap().at)
    }

    fn places(&self, revision: u64) -> BTreeMap<Place, (u64, Option<Arc<Record>>)> {
        let mut places = BTreeMap::new();
        for made in &self.commits[..usize::try_from(revision).unwrap()] {
            for change in &made.changes {
                let said = match change {
                    Change::Put(record) => Some(record.clone()),
                    Change::Remove { .. } => None,
                };
                places.insert((change.key().clone(), change.source().clone()), (made.revision.0, said));
            }
        }
        places
    }

    fn commit_all(&mut self, commits: Vec<Commit>) -> Vec<Answer> {
        let before = self.head();
        let mut is_refused = false;
        let answers = commits.into_iter().map(|commit| {
            if is_refused {
                return Answer::Orphaned;
            }
            let answer = self.commit(commit, before);
            is_refused = !matches!(answer, Answer::Made(_));
            answer
        });
        let answers = answers.collect();
        if self.head() > before {
            self.compact(self.head() - before);
        }
        answers
    }

    /// `before`: the newest revision before the commit's group.
    fn commit(&mut self, commit: Commit, before: u64) -> Answer {
        if commit.changes.is_empty() {
            return Answer::Empty;
        }
        for (index, change) in commit.changes.iter().enumerate() {
            if commit.changes[..index]
                .iter()
                .any(|other| (other.key(), other.source()) == (change.key(), change.source()))
            {
                return Answer::Repeated(change.source().clone(), change.key().clone());
            }
        }
        if commit.fence.0 != self.lease {
            return Answer::Fenced(commit.fence, Fence(self.lease));
        }
        if commit.base.0 > before {
            return Answer::Ahead(commit.base, Revision(before));
        }
        let places = self.places(before);
        let made = &self.commits[usize::try_from(before).unwrap()..];
        let is_of_group = |change: &Change| {
            let mut changes = made.iter().flat_map(|made| &made.changes);
            changes.any(|one| (one.key(), one.source()) == (change.key(), change.source()))
        };
        let changed = |change: &Change| match places.get(&(change.key().clone(), change.source().clone())) {
            Some((revision, Some(_))) => *revision,
            Some((revision, None)) => self.compacted.max(*revision),
            None => self.compacted,
        };
        let keys: Vec<_> = commit
            .changes
            .iter()
            .filter(|change| changed(change) > commit.base.0 && !is_of_group(change))
            .map(|change| change.key().clone())
            .collect();
        if !keys.is_empty() {
            return Answer::Conflict(commit.base, keys);
        }
        let revision = Revision(self.head() + 1);
        let Commit { cause, at, changes, .. } = commit;
        self.commits.push(Committed { revision, cause, at, changes });
        Answer::Made(revision)
    }

    fn state_at(&self, revision: u64) -> State {
        let records = self.places(revision).into_values().filter_map(stored).collect();
        State { revision: Revision(revision), records }
    }

    fn recorded(&self, revision: u64) -> Recorded {
        let committed = self.commits[usize::try_from(revision).unwrap() - 1].clone();
        let places = self.places(revision - 1);
        let before =
            |change: &Change| stored(places.get(&(change.key().clone(), change.source().clone()))?.clone());
        Recorded { before: committed.changes.iter().map(before).collect(), committed }
    }

    fn follow(&self, after: u64) -> Follow {
        if after < self.compacted || after > self.head() {
            return Follow::Compacted;
        }
        Follow::Commits(self.commits[usize::try_from(after).unwrap()..].to_vec())
    }
}

fn stored((changed, said): (u64, Option<Arc<Record>>)) -> Option<Stored> {
    Some(Stored { changed: Revision(changed), record: said? })
}

fn change((layer, name, body): (usize, usize, Option<u8>)) -> Change {
    let (layer, key) = (["files", "api"][layer], key(["a", "b", "c", "d"][name]));
    match body {
        Some(body) => Change::Put(record(layer, key, &body.to_string())),
        None => Change::Remove { source: source(layer), key },
    }
}

fn aged(newest: u64, age: i64) -> u64 {
    newest.saturating_add_signed(-age)
}

async fn compare(store: &dyn Store, model: &Model) {
    assert_eq!(store.load().await.unwrap(), model.state_at(model.head()));
    assert_eq!(store.head().borrow().0, model.head());
    assert_eq!(store.oldest().0, model.compacted);
    for revision in 0..=model.head() + 1 {
        let is_kept = (model.compacted..=model.head()).contains(&revision);
        let expected = is_kept.then(|| model.state_at(revision));
        assert_eq!(store.state_at(Revision(revision)).await.unwrap(), expected, "at {revision}");
        let query =
            HistoryQuery { before: Some(Revision(revision)), len_max: usize::MAX, bytes_max: usize::MAX };
        let older: Vec<_> = (model.compacted + 1..revision.min(model.head() + 1)).rev().collect();
        let expected: Vec<_> = older.into_iter().map(|revision| model.recorded(revision)).collect();
        assert_eq!(store.history(query).await.unwrap(), expected, "before {revision}");
    }
    for after in 0..=model.head() + 1 {
        assert_eq!(
            store.follow(Revision(after), usize::MAX).await.unwrap(),
            model.follow(after),
            "after {after}"
        );
    }
    let status: Vec<_> = model.status.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    assert_eq!(store.status("").await.unwrap(), status);
}

fn answers(of_store: Vec<Result<Revision, CommitError>>) -> Vec<Answer> {
    of_store.into_iter().map(Answer::from).collect()
}

/// Asks both, and compares both with the model, and with each other where the model does not say.
async fn run(asks: Vec<Ask>) {
    let dir = quick_dir();
    let memory = MemoryStore::new(OPTIONS);
    let mut redb = RedbStore::open(dir.path(), OPTIONS).await.unwrap();
    let mut model = Model::default();
    for ask in asks {
        match ask {
            Ask::Commit(attempts) => {
                let (head, lease) = (model.head(), model.lease);
                let made = attempts.into_iter().map(|Attempt { base_age, fence_age, later, changes }| {
                    model.now = model.now.saturating_add_signed(later);
                    let base = Revision(aged(head, base_age));
                    let (fence, at) = (Fence(aged(lease, fence_age)), Timestamp(model.now));
                    Commit { fence, at, ..commit(base, changes.into_iter().map(change).collect()) }
                });
                let commits: Vec<_> = made.collect();
                let expected = model.commit_all(commits.clone());
                assert_eq!(answers(memory.commit_all(commits.clone()).await), expected);
                assert_eq!(answers(redb.commit_all(commits).await), expected);
            }
            Ask::TakeLease => {
                model.lease += 1;
                assert_eq!(memory.take_lease().await.unwrap().0, model.lease);
                assert_eq!(redb.take_lease().await.unwrap().0, model.lease);
            }
            Ask::SetStatus(entries) => {
                let entries: Vec<_> = entries
                    .into_iter()
                    .map(|(key, value)| {
                        (format!("k{key}"), value.map(|value| Bytes::from(value.to_string())))
                    })
                    .collect();
                for (key, value) in entries.clone() {
                    match value {
                        Some(value) => model.status.insert(key, value),
                        None => model.status.remove(&key),
                    };
                }
                memory.set_status(entries.clone()).await.unwrap();
                redb.set_status(entries).await.unwrap();
            }
            Ask::Reopen => {
                drop(redb);
                redb = reopen(dir.path(), OPTIONS).await.unwrap();
            }
        }
        for bytes_max in [0, 400, 1500] {
            let after = Revision(model.compacted);
            let query = HistoryQuery { before: None, len_max: 3, bytes_max };
            assert_eq!(memory.history(query).await.unwrap(), redb.history(query).await.unwrap());
            assert_eq!(
                memory.follow(after, bytes_max).await.unwrap(),
                redb.follow(after, bytes_max).await.unwrap()
            );
        }
    }
    compare(&memory, &model).await;
    compare(&redb, &model).await;
    drop(redb);
    compare(&reopen(dir.path(), OPTIONS).await.unwrap(), &model).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn stores_answer_as_the_model_does(asks in vec(ask(), 1..25)) {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(run(asks));
    }
}
