//! The store with a snapshot in front of it.

use std::{cmp::Ordering, fmt, sync::Arc};

use mainsheet_api::{change::Commit, resource::SourceName, version::Revision};
use tokio::sync::watch;

use crate::{
    error::{CommitError, StoreError},
    fold::{Precedence, fold, fold_whole},
    history::History,
    snapshot::{Snapshot, SnapshotCatalog},
    store::{Follow, SharedStore},
};

/// Bytes of commits that a follower asks for at a time.
const FOLLOW_BYTES_MAX: usize = 8 << 20;

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
        let follower = Follower { store: store.clone(), newest: snapshot, history, publish };
        Ok((Self { store, newest }, follower))
    }

    /// Commits to the store. Returns once it is durable; it is published by the follower, soon after.
    ///
    /// # Errors
    /// Where the store refuses it.
    pub async fn commit(&self, commit: Commit) -> Result<Revision, CommitError> {
        self.store.commit(commit).await
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
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("newest", &self.snapshot()).finish_non_exhaustive()
    }
}

/// Follows the store's commits, folds them and publishes snapshots. One task runs it.
pub struct Follower {
    store: SharedStore,
    newest: Arc<Snapshot>,
    history: History,
    publish: watch::Sender<SnapshotCatalog>,
}

impl Follower {
    /// Runs until the store fails or every [`Cache`], and everything subscribed to it, is gone.
    ///
    /// # Errors
    /// Where the store can't be read any more.
    pub async fn run(mut self) -> Result<(), StoreError> {
        let mut head = self.store.head();
        loop {
            // What is committed after this looked is news below.
            while self.follow().await? {}
            tokio::select! {
                changed = head.changed() => changed.map_err(|gone| StoreError::Io { step: "follow", source: gone.into() })?,
                () = self.publish.closed() => return Ok(()),
            }
        }
    }

    /// Takes the next commits, if there are any, and publishes the state after the last of them.
    async fn follow(&mut self) -> Result<bool, StoreError> {
        match self.store.follow(self.newest.revision, FOLLOW_BYTES_MAX).await? {
            Follow::Commits(commits) if commits.is_empty() => return Ok(false),
            Follow::Commits(commits) => {
                for committed in commits {
                    let next = fold(&self.newest, committed.revision, committed.changes);
                    self.keep(next);
                    // A long row of commits leaves room for other tasks.
                    tokio::task::yield_now().await;
                }
            }
            Follow::Compacted => {
                let state = self.store.load().await?;
                match state.revision.cmp(&self.newest.revision) {
                    Ordering::Less => return Err(went_back(&self.newest, state.revision)),
                    Ordering::Equal => return Ok(false),
                    Ordering::Greater => self.keep(fold_whole(&self.newest, state)),
                }
            }
        }
        self.publish.send_replace(SnapshotCatalog(self.newest.clone()));
        Ok(true)
    }

    fn keep(&mut self, next: Snapshot) {
        self.history.push(&self.newest, &next);
        self.newest = Arc::new(next);
    }
}

/// Clients hold what is newer than the store: somebody replaced it. A new process takes it as it is.
fn went_back(newest: &Snapshot, found: Revision) -> StoreError {
    let text = format!(
        "store is at revision {found}, but {} was read from it; restart to serve it",
        newest.revision
    );
    StoreError::Io { step: "follow", source: text.into() }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").field("newest", &self.newest).finish_non_exhaustive()
    }
}
