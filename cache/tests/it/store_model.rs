//! Every store answers as a simple model does, whatever it is asked in whatever order, and whenever it is reopened.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use mainsheet_api::{
    change::{Change, Commit, Committed, Fence},
    key::Key,
    resource::{Record, SourceName},
    version::Revision,
};
use mainsheet_cache::{
    CommitError,
    store::{Follow, MemoryStore, RedbStore, State, Store, StoreOptions, Stored},
};
use proptest::{collection::vec, prelude::*};

use crate::stores::{commit, key, quick_dir, record, reopen, source};

const OPTIONS: StoreOptions =
    StoreOptions { commits_kept_max: 4, commits_bytes_max: usize::MAX, status_bytes_max: 1 << 20 };

#[derive(Clone, Debug)]
enum Ask {
    /// Base and fence as seen from the newest: 0 is the newest, 1 the one before, -1 one ahead.
    Commit {
        base_age: i64,
        fence_age: i64,
        changes: Vec<(usize, usize, Option<u8>)>,
    },
    TakeLease,
    SetStatus(Vec<(u8, Option<u8>)>),
    Reopen,
}

fn ask() -> impl Strategy<Value = Ask> {
    let change = (0..2_usize, 0..4_usize, proptest::option::weighted(0.6, 0..3_u8));
    let age = prop_oneof![6 => Just(0), 4 => 1..8_i64, 1 => Just(-1)];
    let fence_age = prop_oneof![12 => Just(0), 1 => Just(1), 1 => Just(-1)];
    prop_oneof![
        12 => (age, fence_age, vec(change, 0..4)).prop_map(|(base_age, fence_age, changes)| Ask::Commit { base_age, fence_age, changes }),
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
            Err(CommitError::Store(error)) => panic!("{error}"),
        }
    }
}

type Place = (Key, SourceName);

/// All commits that were ever made; everything else is worked out from them each time.
#[derive(Default)]
struct Model {
    commits: Vec<Committed>,
    lease: u64,
    status: BTreeMap<String, Bytes>,
}

impl Model {
    fn head(&self) -> u64 {
        self.commits.len() as u64
    }

    fn compacted(&self) -> u64 {
        self.head().saturating_sub(OPTIONS.commits_kept_max as u64)
    }

    fn places(&self) -> BTreeMap<Place, (u64, Option<Arc<Record>>)> {
        let mut places = BTreeMap::new();
        for made in &self.commits {
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

    fn commit(&mut self, commit: Commit) -> Answer {
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
        if commit.base.0 > self.head() {
            return Answer::Ahead(commit.base, Revision(self.head()));
        }
        let places = self.places();
        let changed = |change: &Change| match places.get(&(change.key().clone(), change.source().clone())) {
            Some((revision, Some(_))) => *revision,
            Some((revision, None)) => self.compacted().max(*revision),
            None => self.compacted(),
        };
        let keys: Vec<_> = commit
            .changes
            .iter()
            .filter(|change| changed(change) > commit.base.0)
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

    fn state(&self) -> State {
        let stored =
            |(changed, said): (u64, Option<_>)| Some(Stored { changed: Revision(changed), record: said? });
        let records = self.places().into_values().filter_map(stored).collect();
        State { revision: Revision(self.head()), records }
    }

    fn follow(&self, after: u64) -> Follow {
        if after < self.compacted() || after > self.head() {
            return Follow::Compacted;
        }
        Follow::Commits(self.commits[usize::try_from(after).unwrap()..].to_vec())
    }
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
    assert_eq!(store.load().await.unwrap(), model.state());
    assert_eq!(store.head().borrow().0, model.head());
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

/// Asks both, and compares both with the model, and with each other where the model does not say.
async fn run(asks: Vec<Ask>) {
    let dir = quick_dir();
    let memory = MemoryStore::new(OPTIONS);
    let mut redb = RedbStore::open(dir.path(), OPTIONS).await.unwrap();
    let mut model = Model::default();
    for ask in asks {
        match ask {
            Ask::Commit { base_age, fence_age, changes } => {
                let base = Revision(aged(model.head(), base_age));
                let fence = Fence(aged(model.lease, fence_age));
                let commit = Commit { fence, ..commit(base, changes.into_iter().map(change).collect()) };
                let expected = model.commit(commit.clone());
                assert_eq!(Answer::from(memory.commit(commit.clone()).await), expected);
                assert_eq!(Answer::from(redb.commit(commit).await), expected);
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
            let after = Revision(model.compacted());
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
