//! The cache on a store: what is committed is published, whichever way a follower came by it.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use mainsheet_api::{
    change::{Change, Commit, Fence},
    kind::Kind,
    resource::Record,
    time::Timestamp,
    version::Revision,
    view::{Audience, View},
    wire::Entry,
    xds::catalog::Catalog,
};
use mainsheet_cache::{
    Cache, CacheOptions, CommitError, Follower, HeldEntry, StoreError,
    snapshot::SnapshotCatalog,
    store::{
        Answer, Backup, Follow, HistoryQuery, MemoryStore, Recorded, SharedStore, State, Store, StoreOptions,
    },
};
use tokio::sync::watch;

use crate::stores::{commit, key, record, remove, source};

const KIND: Kind = Kind::VIRTUAL_SERVICE;

fn put(layer: &str, name: &str, body: &str) -> Change {
    let of_canary = record(layer, key(name), body);
    Change::Put(Arc::new(Record { audience: Audience::everyone(), ..Record::clone(&of_canary) }))
}

fn options() -> CacheOptions {
    CacheOptions { precedence: vec![source("hold"), source("files")], history_len_max: 3 }
}

async fn open(store: &SharedStore) -> (Cache, Follower) {
    Cache::open(store.clone(), options()).await.unwrap()
}

fn shown(catalog: &SnapshotCatalog) -> Vec<Entry> {
    let mut entries = Vec::new();
    catalog.for_each(KIND, &View::everything(), &mut |entry| entries.push(entry));
    entries
}

fn names(catalog: &SnapshotCatalog) -> Vec<String> {
    shown(catalog).iter().map(|entry| entry.name.to_string()).collect()
}

async fn put_all(store: &SharedStore, changes: Vec<Change>) -> Revision {
    let base = *store.head().borrow();
    store.commit(commit(base, changes)).await.unwrap()
}

/// Runs a test beside a follower that must not end before it.
async fn beside<T>(follower: Follower, test: impl Future<Output = T>) -> T {
    tokio::select! {
        ended = follower.run() => panic!("the follower ended: {ended:?}"),
        result = tokio::time::timeout(Duration::from_secs(30), test) => result.expect("in time"),
    }
}

async fn reaches(news: &mut watch::Receiver<SnapshotCatalog>, revision: Revision) -> SnapshotCatalog {
    news.wait_for(|catalog| catalog.revision() >= revision).await.unwrap().clone()
}

#[tokio::test]
async fn commit_is_published_and_older_snapshots_stay_as_they_are() {
    let store: SharedStore = Arc::new(MemoryStore::default());
    let (cache, follower) = open(&store).await;
    let mut news = cache.subscribe();
    beside(follower, async {
        let first = cache.commit(commit(Revision::ZERO, vec![put("files", "a", "1")])).await.unwrap();
        let before = reaches(&mut news, first).await;
        assert_eq!(names(&before), ["shop/a"]);
        let second = put_all(&store, vec![put("files", "b", "1"), remove("a")]).await;
        let after = reaches(&mut news, second).await;
        assert_eq!(names(&after), ["shop/b"]);
        assert_eq!(names(&cache.snapshot()), ["shop/b"]);
        assert_eq!(names(&before), ["shop/a"]);
        let step = after.difference(KIND, &View::everything(), Some((&before, &View::everything())));
        assert_eq!((step.changed.len(), step.removed.len()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn every_replica_and_every_restart_serves_the_same() {
    let store: SharedStore = Arc::new(MemoryStore::default());
    let (first, follower) = open(&store).await;
    let mut news = first.subscribe();
    let stepwise = beside(follower, async {
        for round in 0..20 {
            let name = format!("n{}", round % 7);
            let layer = ["files", "kube", "hold"][round % 3];
            put_all(&store, vec![put(layer, &name, &round.to_string())]).await;
            news.changed().await.unwrap();
        }
        let last = put_all(&store, vec![remove("n3")]).await;
        reaches(&mut news, last).await
    })
    .await;
    let (restarted, _follower) = open(&store).await;
    let loaded = restarted.snapshot();
    assert_eq!(loaded.revision(), stepwise.revision());
    assert_eq!(loaded.version(KIND, &View::everything()), stepwise.version(KIND, &View::everything()));
    assert_eq!(shown(&loaded), shown(&stepwise));
    assert_eq!(loaded.0.clashes(), stepwise.0.clashes());
}

#[tokio::test]
async fn follower_that_missed_dropped_commits_sends_only_what_changed() {
    let options = StoreOptions { commits_kept_max: 1, ..StoreOptions::default() };
    let store: SharedStore = Arc::new(MemoryStore::new(options));
    put_all(&store, vec![put("files", "a", "1"), put("files", "b", "1"), put("files", "c", "1")]).await;
    let (cache, follower) = open(&store).await;
    let before = cache.snapshot();
    put_all(&store, vec![put("files", "b", "2")]).await;
    put_all(&store, vec![remove("c")]).await;
    let last = put_all(&store, vec![put("files", "d", "1")]).await;
    let mut news = cache.subscribe();
    let after = beside(follower, reaches(&mut news, last)).await;
    let step = after.difference(KIND, &View::everything(), Some((&before, &View::everything())));
    let changed: Vec<&str> = step.changed.iter().map(|entry| &*entry.name).collect();
    assert_eq!(changed, ["shop/b", "shop/d"]);
    assert_eq!(step.removed, ["shop/c".into()]);
}

#[tokio::test]
async fn snapshot_is_outdated_once_the_history_has_moved_past_it() {
    let store: SharedStore = Arc::new(MemoryStore::default());
    let (cache, follower) = open(&store).await;
    let first = cache.snapshot();
    let mut news = cache.subscribe();
    beside(follower, async {
        for round in 1..=3 {
            assert!(!first.is_outdated());
            let revision = put_all(&store, vec![put("files", "a", &round.to_string())]).await;
            reaches(&mut news, revision).await;
        }
        assert!(first.is_outdated());
        assert!(!cache.snapshot().is_outdated());
    })
    .await;
}

#[tokio::test]
async fn follower_ends_when_nobody_is_left() {
    let store: SharedStore = Arc::new(MemoryStore::default());
    let (cache, follower) = open(&store).await;
    let news = cache.subscribe();
    drop((cache, news));
    tokio::time::timeout(Duration::from_secs(30), follower.run()).await.unwrap().unwrap();
}

/// What is served, by wire name.
fn served(catalog: &SnapshotCatalog) -> BTreeMap<Arc<str>, HeldEntry> {
    catalog.0.served_after(KIND, None).map(|found| (found.entry.name.clone(), found)).collect()
}

/// The state that all served changes after a revision lead to, asked for in pieces.
async fn caught_up(cache: &Cache, from: &SnapshotCatalog) -> (Revision, BTreeMap<Arc<str>, HeldEntry>) {
    let (mut reached, mut state) = (from.revision(), served(from));
    loop {
        let told = cache.served_changes(reached, 1500).await.unwrap().expect("it is kept");
        let Some(last) = told.last() else { return (reached, state) };
        assert_eq!(told[0].revision, reached.next());
        reached = last.revision;
        for change in told.iter().flat_map(|served| served.changes.iter()) {
            let name = change.before.as_ref().or(change.after.as_ref()).unwrap().entry.name.clone();
            let before = match change.after.clone() {
                Some(after) => state.insert(name, after),
                None => state.remove(&name),
            };
            assert_eq!(before, change.before);
        }
    }
}

/// Puts, removals, hidden records and absences.
async fn commit_some(store: &SharedStore, round: usize) -> Revision {
    let name = format!("n{}", round % 5);
    let layer = ["files", "kube", "hold"][round % 3];
    let change = match round % 7 {
        3 => Change::Remove { source: source(layer), key: key(&name) },
        5 => {
            let Change::Put(record) = put("hold", &name, "") else { unreachable!() };
            let entry = Entry::absence(record.entry.name.clone());
            Change::Put(Arc::new(Record { entry, ..Record::clone(&record) }))
        }
        _ => put(layer, &name, &round.to_string()),
    };
    put_all(store, vec![change]).await
}

#[tokio::test]
async fn served_changes_from_any_kept_revision_lead_to_the_newest_state() {
    let options = StoreOptions { commits_kept_max: 30, ..StoreOptions::default() };
    let store: SharedStore = Arc::new(MemoryStore::new(options));
    let (cache, follower) = open(&store).await;
    let mut news = cache.subscribe();
    let mut published = vec![cache.snapshot()];
    beside(follower, async {
        for round in 0..40 {
            let made = commit_some(&store, round).await;
            published.push(reaches(&mut news, made).await);
        }
        // Its ring is empty, so it asks the store.
        let (restarted, _follower) = open(&store).await;
        for cache in [&cache, &restarted] {
            for from in &published[10..] {
                let (reached, state) = caught_up(cache, from).await;
                assert_eq!((reached, state), (Revision(40), served(&published[40])));
            }
        }
        for then in &published[10..] {
            let found = restarted.snapshot_at(then.revision()).await.unwrap().expect("it is kept");
            assert_eq!(found.version(KIND, &View::everything()), then.version(KIND, &View::everything()));
            assert_eq!((found.revision(), served(&found)), (then.revision(), served(then)));
            assert_eq!(found.0.clashes(), then.0.clashes());
        }
        for gone in [Revision(9), Revision(41)] {
            assert!(restarted.snapshot_at(gone).await.unwrap().is_none());
            assert!(restarted.served_changes(gone, usize::MAX).await.unwrap().is_none());
        }
        assert_eq!(cache.served_changes(Revision(41), usize::MAX).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn follower_that_missed_commits_tells_only_what_came_later() {
    let options = StoreOptions { commits_kept_max: 2, ..StoreOptions::default() };
    let store: SharedStore = Arc::new(MemoryStore::new(options));
    let (cache, follower) = open(&store).await;
    let mut news = cache.subscribe();
    for round in 0..5 {
        commit_some(&store, round).await;
    }
    beside(follower, async {
        reaches(&mut news, Revision(5)).await;
        assert_eq!(cache.served_changes(Revision(2), usize::MAX).await.unwrap(), None);
        let told = cache.served_changes(Revision(3), usize::MAX).await.unwrap().unwrap();
        assert_eq!(told.iter().map(|served| served.revision.0).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(cache.served_changes(Revision(5), usize::MAX).await.unwrap(), Some(Vec::new()));
    })
    .await;
}

/// A store that somebody replaced by an older copy of itself.
struct PutBack {
    state: Mutex<State>,
    head: watch::Sender<Revision>,
}

impl Store for PutBack {
    fn commit_all(&self, _: Vec<Commit>) -> Answer<'_, Vec<Result<Revision, CommitError>>> {
        unreachable!("nobody writes")
    }

    fn history(&self, _: HistoryQuery) -> Answer<'_, Result<Vec<Recorded>, StoreError>> {
        unreachable!("nobody looks back")
    }

    fn committed_at(&self, _: Vec<Revision>) -> Answer<'_, Result<Vec<Option<Timestamp>>, StoreError>> {
        unreachable!("nobody looks back")
    }

    fn state_at(&self, _: Revision) -> Answer<'_, Result<Option<State>, StoreError>> {
        unreachable!("nobody looks back")
    }

    fn oldest(&self) -> Revision {
        unreachable!("nobody looks back")
    }

    fn export(&self) -> Answer<'_, Result<Backup, StoreError>> {
        unreachable!("nobody looks back")
    }

    fn load(&self) -> Answer<'_, Result<State, StoreError>> {
        Box::pin(async { Ok(self.state.lock().unwrap().clone()) })
    }

    fn follow(&self, _: Revision, _: usize) -> Answer<'_, Result<Follow, StoreError>> {
        Box::pin(async { Ok(Follow::Compacted) })
    }

    fn head(&self) -> watch::Receiver<Revision> {
        self.head.subscribe()
    }

    fn take_lease(&self) -> Answer<'_, Result<Fence, StoreError>> {
        unreachable!("nobody writes")
    }

    fn status(&self, _: &str) -> Answer<'_, Result<Vec<(String, Bytes)>, StoreError>> {
        unreachable!("nobody asks")
    }

    fn set_status(&self, _: Vec<(String, Option<Bytes>)>) -> Answer<'_, Result<(), StoreError>> {
        unreachable!("nobody writes")
    }
}

#[tokio::test]
async fn revisions_never_go_back_even_where_the_store_does() {
    let state = State { revision: Revision(7), records: Vec::new() };
    let store = Arc::new(PutBack { state: Mutex::new(state), head: watch::Sender::new(Revision(7)) });
    let shared: SharedStore = store.clone();
    let (cache, follower) = open(&shared).await;
    store.state.lock().unwrap().revision = Revision(6);
    let ended = tokio::time::timeout(Duration::from_secs(30), follower.run()).await.unwrap();
    assert!(matches!(ended, Err(StoreError::WentBack { .. })), "{ended:?}");
    assert_eq!(cache.snapshot().revision(), Revision(7));
}

/// A store that can't be read when its turn comes to fail.
struct Failing {
    inner: MemoryStore,
    fault: Mutex<Option<fn() -> StoreError>>,
    refused: watch::Sender<usize>,
}

impl Failing {
    fn new(options: StoreOptions) -> Arc<Self> {
        let refused = watch::Sender::new(0);
        Arc::new(Self { inner: MemoryStore::new(options), fault: Mutex::default(), refused })
    }

    fn set(&self, fault: Option<fn() -> StoreError>) {
        *self.fault.lock().unwrap() = fault;
    }

    /// The store's answer, or its fault.
    fn answer<'a, T: 'a>(
        &self,
        answer: Answer<'a, Result<T, StoreError>>,
    ) -> Answer<'a, Result<T, StoreError>> {
        let Some(fault) = *self.fault.lock().unwrap() else { return answer };
        self.refused.send_modify(|refused| *refused += 1);
        Box::pin(async move { Err(fault()) })
    }
}

impl Store for Failing {
    fn history(&self, query: HistoryQuery) -> Answer<'_, Result<Vec<Recorded>, StoreError>> {
        self.answer(self.inner.history(query))
    }

    fn committed_at(
        &self,
        revisions: Vec<Revision>,
    ) -> Answer<'_, Result<Vec<Option<Timestamp>>, StoreError>> {
        self.answer(self.inner.committed_at(revisions))
    }

    fn state_at(&self, revision: Revision) -> Answer<'_, Result<Option<State>, StoreError>> {
        self.answer(self.inner.state_at(revision))
    }

    fn export(&self) -> Answer<'_, Result<Backup, StoreError>> {
        self.answer(self.inner.export())
    }

    fn load(&self) -> Answer<'_, Result<State, StoreError>> {
        self.answer(self.inner.load())
    }

    fn follow(&self, after: Revision, bytes_max: usize) -> Answer<'_, Result<Follow, StoreError>> {
        self.answer(self.inner.follow(after, bytes_max))
    }

    fn take_lease(&self) -> Answer<'_, Result<Fence, StoreError>> {
        unreachable!("nobody takes it")
    }

    fn status(&self, _: &str) -> Answer<'_, Result<Vec<(String, Bytes)>, StoreError>> {
        unreachable!("nobody asks")
    }

    fn set_status(&self, _: Vec<(String, Option<Bytes>)>) -> Answer<'_, Result<(), StoreError>> {
        unreachable!("nobody writes")
    }

    mainsheet_cache::forward_to_store!(inner: commit_all, oldest, head);
}

fn broken_disk() -> StoreError {
    StoreError::Io { step: "read", source: Arc::new(std::io::Error::other("the disk is broken")) }
}

#[tokio::test]
async fn news_is_late_and_not_lost_while_the_store_cannot_be_read() {
    // One that keeps each commit is followed, one that keeps the last is loaded.
    for commits_kept_max in [100, 1] {
        let store = Failing::new(StoreOptions { commits_kept_max, ..StoreOptions::default() });
        let shared: SharedStore = store.clone();
        let (cache, follower) = open(&shared).await;
        let (mut news, mut refused) = (cache.subscribe(), store.refused.subscribe());
        beside(follower, async {
            store.set(Some(broken_disk));
            put_all(&shared, vec![put("files", "a", "1")]).await;
            let last = put_all(&shared, vec![put("files", "b", "1")]).await;
            refused.wait_for(|refused| *refused > 2).await.unwrap();
            assert_eq!(cache.snapshot().revision(), Revision::ZERO, "what was published stays");
            assert!(cache.follow_health().failures() >= 2);
            assert_eq!(cache.follow_health().last_error().unwrap(), "read store: the disk is broken");
            store.set(None);
            assert_eq!(names(&reaches(&mut news, last).await), ["shop/a", "shop/b"]);
            let next = put_all(&shared, vec![put("files", "c", "1")]).await;
            reaches(&mut news, next).await;
            assert_eq!(cache.follow_health().last_error(), None);
        })
        .await;
    }
}

#[tokio::test]
async fn follower_ends_where_reading_again_does_not_help_or_nobody_waits_for_it() {
    let follow = async |fault, nobody_waits: bool| {
        let store = Failing::new(StoreOptions::default());
        let shared: SharedStore = store.clone();
        let (cache, follower) = open(&shared).await;
        store.set(Some(fault));
        let _kept = (!nobody_waits).then_some(cache);
        tokio::time::timeout(Duration::from_secs(30), follower.run()).await.expect("it ends")
    };
    let damaged = || StoreError::Damaged {
        path: "p".into(),
        source: Arc::new(std::io::Error::other("bits fell over")),
    };
    assert!(matches!(follow(damaged, false).await, Err(StoreError::Damaged { .. })));
    follow(broken_disk, true).await.unwrap();
}
