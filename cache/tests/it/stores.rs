//! Stores to test, and what to put into them.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use mainsheet_api::{
    change::{Change, Commit, Fence},
    key::Key,
    kind::Kind,
    resource::{Lease, Over, Provenance, Record, Resource, SourceName, Terms},
    time::{Clock, Timestamp, Uptime},
    verdict::{Finding, Position, Severity},
    version::{ResourceVersion, Revision},
    view::Audience,
    wire::{Any, Entry},
};
use mainsheet_cache::{
    StoreError,
    store::{Follow, MemoryStore, RedbStore, SharedStore, State, Store, StoreOptions, WatchedStore},
};
use tempfile::TempDir;

/// A directory for a test that asks nothing of the disk: in memory where the system has such a place, because each
/// flush of a busy disk takes tens of milliseconds.
pub(crate) fn quick_dir() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Opens a store that was open a moment ago. Processes that other tests start hold copies of our descriptors, and with
/// them the lock, until they run their own program; so it may take a moment.
pub(crate) async fn reopen(dir: &Path, options: StoreOptions) -> Result<RedbStore, StoreError> {
    let attempts = async {
        loop {
            match RedbStore::open(dir, options).await {
                Err(StoreError::InUse { .. }) => tokio::task::yield_now().await,
                answer => return answer,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), attempts).await.expect("the lock is released")
}

/// Which store a test of the contract runs on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Backend {
    Memory,
    Redb,
    /// [`WatchedStore`] before one in memory.
    Watched,
}

impl Backend {
    pub(crate) async fn open(self) -> TestStore {
        self.open_with(StoreOptions::default()).await
    }

    pub(crate) async fn open_with(self, options: StoreOptions) -> TestStore {
        match self {
            Self::Memory => TestStore { store: Arc::new(MemoryStore::new(options)), _dir: None },
            Self::Watched => {
                let store = WatchedStore::new(Arc::new(MemoryStore::new(options)), Arc::new(NoTime));
                TestStore { store: Arc::new(store), _dir: None }
            }
            Self::Redb => {
                let dir = quick_dir();
                let store = RedbStore::open(dir.path(), options).await.unwrap();
                TestStore { store: Arc::new(store), _dir: Some(dir) }
            }
        }
    }
}

/// A clock that stands still.
struct NoTime;

impl Clock for NoTime {
    fn uptime(&self) -> Uptime {
        Uptime::default()
    }

    fn wall(&self) -> Timestamp {
        Timestamp::default()
    }
}

/// A store, and where it is kept as long as the test lasts.
pub(crate) struct TestStore {
    pub(crate) store: SharedStore,
    _dir: Option<TempDir>,
}

impl std::ops::Deref for TestStore {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

impl TestStore {
    /// Commits on the newest revision, under lease 0.
    pub(crate) async fn put_all(&self, changes: Vec<Change>) -> Revision {
        let base = *self.head().borrow();
        self.commit(commit(base, changes)).await.expect("a commit on the newest revision")
    }

    pub(crate) async fn state(&self) -> State {
        self.load().await.unwrap()
    }

    /// What follows `after`, of which nothing must have been dropped.
    pub(crate) async fn commits_after(&self, after: Revision) -> Vec<mainsheet_api::change::Committed> {
        match self.follow(after, usize::MAX).await.unwrap() {
            Follow::Commits(commits) => commits,
            Follow::Compacted => panic!("commits after {after} were dropped"),
        }
    }
}

pub(crate) fn key(name: &str) -> Key {
    Key::new(Kind::VIRTUAL_SERVICE, "shop", name)
}

pub(crate) fn source(name: &str) -> SourceName {
    SourceName(name.into())
}

/// A record with a bit of everything in it.
pub(crate) fn record(layer: &str, key: Key, body: &str) -> Arc<Record> {
    let resource = Resource {
        key: key.clone(),
        labels: BTreeMap::from([("app".into(), "shop".into())]),
        annotations: BTreeMap::new(),
        body: Any { type_url: "type.googleapis.com/test".into(), value: Bytes::from(body.to_owned()) },
        upstream_version: None,
    };
    let created = Timestamp(1_700_000_000_123);
    Arc::new(Record {
        source: source(layer),
        key,
        entry: Entry::encode(&resource, created),
        audience: Audience::from_text("revision=canary"),
        created,
        provenance: Provenance { origin: "shop/reviews.yaml".into(), line: 7 },
        warnings: vec![Finding {
            code: "vs-no-route".into(),
            severity: Severity::Warning,
            path: "spec.http[0]".into(),
            position: Position { line: 9, column: 3 },
            reason: "has no route".into(),
            remedy: "add one".into(),
        }],
        terms: Terms {
            lease: Some(Lease { ttl: Duration::from_secs(90), deadline: Timestamp(1_700_000_090_456) }),
            set: Some("shop".into()),
            over: Some(Over { version: Some(ResourceVersion::new("1")) }),
        },
    })
}

pub(crate) fn put(name: &str, body: &str) -> Change {
    Change::Put(record("files", key(name), body))
}

pub(crate) fn remove(name: &str) -> Change {
    Change::Remove { source: source("files"), key: key(name) }
}

pub(crate) fn commit(base: Revision, changes: Vec<Change>) -> Commit {
    Commit { base, fence: Fence(0), cause: "source files".into(), at: Timestamp(1_700_000_000_456), changes }
}

/// The names of a state's keys, in its order.
pub(crate) fn names(state: &State) -> Vec<String> {
    state.records.iter().map(|stored| stored.record.key.name.to_string()).collect()
}
