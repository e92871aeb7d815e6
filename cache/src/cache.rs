//! The store with a snapshot in front of it.

use std::{cmp::Ordering, fmt, sync::Arc};

use mainsheet_api::{change::Commit, resource::SourceName, version::Revision};
use tokio::sync::watch;

use crate::{
    error::{CommitError, StoreError},
    fold::{Precedence, fold_whole},
    follow::{FollowHealth, Follower},
    history::History,
    past::Past,
    served_changes::{Ring, ServedRevision},
    snapshot::{Snapshot, SnapshotCatalog},
    store::SharedStore,
};

/// What a cache is opened with.
#[derive(Clone, Debug)]
pub struct CacheOptions {
    /// Sources from the strongest to the weakest: the fold's winner for a key is the first that has it. Sources that
    /// are not named come last, by name.
    pub precedence: Vec<SourceName>,
    /// Snapshots kept for steps from them; at least 1.
    pub history_len_max: usize,
}

/// The store with a snapshot in front of it. Cloning shares it.
#[derive(Clone)]
pub struct Cache {
    store: SharedStore,
    newest: watch::Receiver<SnapshotCatalog>,
    follow_health: FollowHealth,
    ring: Arc<Ring>,
    past: Arc<Past>,
}

impl Cache {
    /// Loads the store's state and publishes it. The [`Follower`] must be run for later commits to be published.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub async fn open(store: SharedStore, options: CacheOptions) -> Result<(Self, Follower), StoreError> {
        let empty = Snapshot::empty(Precedence(options.precedence));
        let snapshot = Arc::new(fold_whole(&empty, store.load().await?));
        let history = History::beginning_with(&snapshot, options.history_len_max);
        let (publish, newest) = watch::channel(SnapshotCatalog(snapshot.clone()));
        let follow_health = FollowHealth::default();
        let ring = Arc::new(Ring::beginning_after(snapshot.revision()));
        let follower =
            Follower::new(store.clone(), (snapshot, history, ring.clone()), publish, follow_health.clone());
        Ok((Self { store, newest, follow_health, ring, past: Arc::default() }, follower))
    }

    /// Commits to the store. Returns once it is durable; it is published by the follower, soon after.
    ///
    /// # Errors
    /// Where the store refuses it.
    pub async fn commit(&self, commit: Commit) -> Result<Revision, CommitError> {
        self.store.commit(commit).await
    }

    /// Commits one after the other, each its own revision or its own refusal, at the price of one flush.
    pub async fn commit_all(&self, commits: Vec<Commit>) -> Vec<Result<Revision, CommitError>> {
        self.store.commit_all(commits).await
    }

    /// The store, for its status area and lease.
    pub fn store(&self) -> &SharedStore {
        &self.store
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> SnapshotCatalog {
        self.newest.borrow().clone()
    }

    /// The newest snapshot, as news: whoever misses some still sees the newest. To be cloned out of the borrow at once:
    /// a borrow that is held makes the follower wait.
    pub fn subscribe(&self) -> watch::Receiver<SnapshotCatalog> {
        self.newest.clone()
    }

    /// The state at a revision. `None` where the store can't tell: it is older than what the store keeps, or nothing that
    /// is published yet.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub async fn snapshot_at(&self, revision: Revision) -> Result<Option<SnapshotCatalog>, StoreError> {
        let newest = self.snapshot();
        match revision.cmp(&newest.0.revision()) {
            Ordering::Equal => Ok(Some(newest)),
            Ordering::Greater => Ok(None),
            Ordering::Less => self.past.snapshot_at(&self.store, newest, revision).await,
        }
    }

    /// What each revision after `after` changed of what is served, the oldest first: about so many bytes of them, but at
    /// least one where one is published. `None` where `after` is older than what the store keeps, or ahead of it.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub async fn served_changes(
        &self,
        after: Revision,
        bytes_max: usize,
    ) -> Result<Option<Vec<ServedRevision>>, StoreError> {
        if after > *self.store.head().borrow() {
            return Ok(None);
        }
        if let Some(told) = self.ring.after(after, bytes_max) {
            return Ok(Some(told));
        }
        match self.snapshot_at(after).await? {
            Some(from) => self.past.served_after(&self.store, from, bytes_max).await,
            None => Ok(None),
        }
    }

    /// Whether what is shown is as new as the store.
    pub fn follow_health(&self) -> &FollowHealth {
        &self.follow_health
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("newest", &self.snapshot()).finish_non_exhaustive()
    }
}
