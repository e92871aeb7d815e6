//! Writes that wait together, where the store, or somebody else on it, gets in their way.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::future::join_all;
use mainsheet_api::{
    change::{Cause, Change, Commit},
    resource::{Provenance, Record, Resource, SourceName, Terms},
    time::{Now, Timestamp},
    version::Revision,
    view::Audience,
    wire::{Any, Entry},
};
use mainsheet_cache::{
    CommitError, StoreError,
    snapshot::Snapshot,
    store::{Answer, MemoryStore, Store, StoreOptions},
};
use mainsheet_server::intake::{IntakeOptions, Planned, Planner, WriteError, Written};

use crate::rig::{PATIENCE, Rig, route_key};

/// What goes wrong when a group is to be committed.
#[derive(Clone)]
enum Trouble {
    /// Somebody else, who has seen everything, changes something before.
    Else(Vec<Change>),
    Disk,
}

/// A store that several servers write to, on a disk that is not to be relied on.
struct Troubled {
    inner: MemoryStore,
    /// The last of them goes on, where `goes_on`.
    coming: Mutex<VecDeque<Trouble>>,
    goes_on: bool,
}

impl Troubled {
    fn new<const N: usize>(coming: [Trouble; N]) -> Self {
        Self { inner: MemoryStore::default(), coming: Mutex::new(coming.into()), goes_on: false }
    }

    fn next(&self) -> Option<Trouble> {
        let mut coming = self.coming.lock().unwrap();
        if self.goes_on { coming.front().cloned() } else { coming.pop_front() }
    }
}

impl Store for Troubled {
    fn commit_all(&self, commits: Vec<Commit>) -> Answer<'_, Vec<Result<Revision, CommitError>>> {
        // Rounds of sources, and groups that change nothing, are left alone.
        let is_of_writes = commits.iter().any(|commit| commit.cause.what == "test");
        match self.next().filter(|_| is_of_writes) {
            None => self.inner.commit_all(commits),
            Some(Trouble::Disk) => {
                let source = Arc::new(std::io::Error::other("the disk is full"));
                let failed = CommitError::Store(StoreError::Io { step: "write", source });
                Box::pin(async move { vec![Err(failed); commits.len()] })
            }
            Some(Trouble::Else(changes)) => Box::pin(async move {
                let base = *self.inner.head().borrow();
                let theirs =
                    Commit { base, cause: Cause::from("somebody else"), changes, ..commits[0].clone() };
                self.inner.commit(theirs).await.unwrap();
                self.inner.commit_all(commits).await
            }),
        }
    }

    mainsheet_cache::forward_to_store!(inner: load, follow, history, committed_at, state_at, export);
    mainsheet_cache::forward_to_store!(inner: oldest, head, take_lease, status, set_status);
}

fn put(name: &str, content: usize) -> Change {
    let resource = Resource {
        key: route_key(name),
        labels: BTreeMap::from([("content".to_owned(), content.to_string())]),
        annotations: BTreeMap::new(),
        body: Any { type_url: route_key(name).kind.type_url(), value: Bytes::new() },
        upstream_version: None,
    };
    Change::Put(Arc::new(Record {
        source: SourceName::api(),
        key: route_key(name),
        entry: Entry::encode(&resource, Timestamp(0)),
        audience: Audience::everyone(),
        created: Timestamp(0),
        provenance: Provenance::default(),
        warnings: Vec::new(),
        terms: Terms::default(),
    }))
}

/// A write whose content, and whose answer, is what it read: how many resources the API's layer has.
#[derive(Clone, Copy)]
enum Count {
    Into(&'static str),
    Only,
}

impl Planner for Count {
    type Answer = usize;

    fn plan(&mut self, state: &Snapshot, _: Now) -> Planned<usize> {
        let have = state.layer(&SourceName::api()).len();
        let changes = match *self {
            Self::Into(name) => vec![put(name, have)],
            Self::Only => Vec::new(),
        };
        Planned { changes, ..Planned::nothing(have) }
    }
}

/// An intake on such a store.
async fn rig(store: impl Store) -> (Rig, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::start(&[folder.path()], Arc::new(store), IntakeOptions::default()).await;
    rig.ready().await;
    (rig, folder)
}

type Told = Vec<Result<(u64, usize), WriteError>>;

/// Makes writes that wait together: all are there before the intake has its turn, on the one thread of the test. Revisions
/// and answers.
async fn write(rig: &Rig, asked: &[Count]) -> Told {
    let writes = asked.iter().map(|count| rig.intake.write(Cause::from("test"), *count));
    let told = tokio::time::timeout(PATIENCE, join_all(writes)).await.expect("answers in time");
    let read = |Written { revision, answer }: Written<usize>| (revision.0, answer);
    told.into_iter().map(|written| written.map(read)).collect()
}

fn made(told: Told) -> Vec<(u64, usize)> {
    told.into_iter().map(Result::unwrap).collect()
}

fn content(rig: &Rig, name: &str) -> String {
    let found = rig.cache.snapshot().0.find_in(&SourceName::api(), &route_key(name)).unwrap();
    mainsheet_api::wire::labels(&found.entry.any)["content"].to_owned()
}

#[tokio::test]
async fn what_was_planned_on_a_write_that_lost_is_planned_anew() {
    let theirs = Trouble::Else(vec![put("a", 9), put("theirs", 9)]);
    let (rig, _folder) = rig(Troubled::new([theirs])).await;
    let told = write(&rig, &[Count::Into("z"), Count::Into("a"), Count::Into("b"), Count::Only]).await;
    // Theirs is revision 1; the first one, which has nothing to do with it, is made where it was planned.
    assert_eq!(made(told), [(2, 0), (3, 3), (4, 3), (4, 4)]);
    assert_eq!(["z", "a", "b", "theirs"].map(|name| content(&rig, name)), ["0", "3", "3", "9"]);
    rig.end().await;
}

#[tokio::test]
async fn nobody_waits_for_a_group_that_the_disk_refused() {
    let (rig, _folder) = rig(Troubled::new([Trouble::Disk])).await;
    let told = write(&rig, &[Count::Into("a"), Count::Into("b"), Count::Only]).await;
    assert!(
        matches!(told[..], [Err(WriteError::Failed(_)), Err(WriteError::Failed(_)), Ok((0, 0))]),
        "{told:?}"
    );
    assert_eq!(made(write(&rig, &[Count::Into("a"), Count::Only]).await), [(1, 0), (1, 1)]);
    rig.end().await;
}

#[tokio::test]
async fn write_that_always_loses_is_told_so_and_keeps_nobody_up() {
    let mut store = Troubled::new([Trouble::Else(vec![put("a", 9)])]);
    store.goes_on = true;
    let (rig, _folder) = rig(store).await;
    let told = write(&rig, &[Count::Into("a"), Count::Into("b")]).await;
    assert!(matches!(told[..], [Err(WriteError::Contended), Ok((_, 1))]), "{told:?}");
    assert_eq!((content(&rig, "a"), content(&rig, "b")), ("9".to_owned(), "1".to_owned()));
    rig.end().await;
}

#[tokio::test]
async fn writes_of_a_group_do_not_lose_against_each_other_however_little_history_is_kept() {
    let options = StoreOptions { commits_kept_max: 1, ..StoreOptions::default() };
    let (rig, _folder) = rig(MemoryStore::new(options)).await;
    let names = ["a", "b", "c", "a", "d", "b"];
    let told = write(&rig, &names.map(Count::Into)).await;
    assert_eq!(made(told), [(1, 0), (2, 1), (3, 2), (4, 3), (5, 3), (6, 4)]);
    assert_eq!(rig.intake.stats.conflicts.load(std::sync::atomic::Ordering::Relaxed), 0);
    rig.end().await;
}
