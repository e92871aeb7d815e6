//! From the store's commits to published snapshots.

use std::{
    cmp::Ordering,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{self, AtomicU64},
    },
    time::Duration,
};

use mainsheet_api::change::Committed;
use tokio::sync::watch;

use crate::{
    error::StoreError,
    fold::{fold_telling, fold_whole},
    history::History,
    served_changes::{Ring, ServedRevision},
    snapshot::{Snapshot, SnapshotCatalog},
    store::{Follow, SharedStore},
};

/// Bytes of commits that a follower asks for at a time.
const FOLLOW_BYTES_MAX: usize = 8 << 20;

/// After the first read that failed; twice as long after each further one.
const RETRY_MIN: Duration = Duration::from_millis(50);

/// Between reads of a store that goes on failing: what the disk tells about itself is not told more often.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Follows the store's commits, folds them and publishes snapshots. One task runs it.
pub struct Follower {
    store: SharedStore,
    newest: Arc<Snapshot>,
    history: History,
    ring: Arc<Ring>,
    publish: watch::Sender<SnapshotCatalog>,
    health: FollowHealth,
}

/// Whether a follower can read its store. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct FollowHealth(Arc<Health>);

#[derive(Debug, Default)]
struct Health {
    failures: AtomicU64,
    last_error: Mutex<Option<String>>,
}

impl FollowHealth {
    /// Reads of the store that failed.
    pub fn failures(&self) -> u64 {
        self.0.failures.load(atomic::Ordering::Relaxed)
    }

    /// Why what is committed is not published at the moment; none once it is again.
    pub fn last_error(&self) -> Option<String> {
        self.lock().clone()
    }

    fn failed(&self, error: String) {
        self.0.failures.fetch_add(1, atomic::Ordering::Relaxed);
        *self.lock() = Some(error);
    }

    /// Returns whether it had failed before.
    fn succeeded(&self) -> bool {
        self.lock().take().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.last_error.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    /// Goes on from a snapshot that was published.
    pub(crate) fn new(
        store: SharedStore,
        (newest, history, ring): (Arc<Snapshot>, History, Arc<Ring>),
        publish: watch::Sender<SnapshotCatalog>,
        health: FollowHealth,
    ) -> Self {
        Self { store, newest, history, ring, publish, health }
    }

    /// Runs until every [`Cache`](crate::Cache), and everything subscribed to it, is gone. A store that can't be read is
    /// read again after a while: until then what is published stays, and news is late.
    ///
    /// # Errors
    /// Where reading the store again would not help: it is damaged, was replaced by an older one, or is gone.
    pub async fn run(mut self) -> Result<(), StoreError> {
        let mut head = self.store.head();
        loop {
            // What is committed after this looked is news below.
            while self.follow_on().await? {}
            tokio::select! {
                biased;
                () = self.publish.closed() => return Ok(()),
                changed = head.changed() => changed.map_err(|gone| StoreError::Io { step: "follow", source: Arc::new(gone) })?,
            }
        }
    }

    /// [`Self::follow`], as often as it takes while the store can't be read.
    async fn follow_on(&mut self) -> Result<bool, StoreError> {
        let mut retry = RETRY_MIN;
        loop {
            match self.follow().await {
                Err(error @ StoreError::Io { .. }) => self.tell_late(&error, retry),
                answer => {
                    if answer.is_ok() && self.health.succeeded() {
                        tracing::info!(revision = self.newest.revision.0, "the store can be read again");
                    }
                    return answer;
                }
            }
            tokio::select! {
                biased;
                () = tokio::time::sleep(retry) => retry = (retry * 2).min(RETRY_MAX),
                () = self.publish.closed() => return Ok(false),
            }
        }
    }

    fn tell_late(&self, error: &StoreError, retry: Duration) {
        let error = error.with_causes();
        let (revision, retry_ms) = (self.newest.revision.0, retry.as_millis());
        tracing::error!(
            revision,
            retry_ms,
            error,
            "the store can't be read: news is late, this revision stays"
        );
        self.health.failed(error);
    }

    /// Takes the next commits, if there are any, and publishes the state after the last of them.
    async fn follow(&mut self) -> Result<bool, StoreError> {
        match self.store.follow(self.newest.revision, FOLLOW_BYTES_MAX).await? {
            Follow::Commits(commits) if commits.is_empty() => return Ok(false),
            Follow::Commits(commits) => {
                for committed in commits {
                    self.take(committed);
                    // A long row of commits leaves room for other tasks.
                    tokio::task::yield_now().await;
                }
            }
            Follow::Compacted => {
                let state = self.store.load().await?;
                match state.revision.cmp(&self.newest.revision) {
                    Ordering::Less => {
                        return Err(StoreError::WentBack {
                            found: state.revision,
                            read: self.newest.revision,
                        });
                    }
                    Ordering::Equal => return Ok(false),
                    Ordering::Greater => {
                        self.ring.begin_anew_after(state.revision);
                        self.keep(fold_whole(&self.newest, state));
                    }
                }
            }
        }
        self.publish.send_replace(SnapshotCatalog(self.newest.clone()));
        Ok(true)
    }

    fn take(&mut self, committed: Committed) {
        let Committed { revision, cause, at, changes } = committed;
        let (next, changes) = fold_telling(&self.newest, revision, changes);
        self.ring.push(ServedRevision { revision, at, cause, changes: changes.into() });
        self.keep(Snapshot { committed: Some(at), ..next });
    }

    fn keep(&mut self, next: Snapshot) {
        self.history.push(&self.newest, &next);
        self.newest = Arc::new(next);
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").field("newest", &self.newest).finish_non_exhaustive()
    }
}
