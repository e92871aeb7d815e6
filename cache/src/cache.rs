//! The store with a snapshot in front of it.

use mainsheet_api::{change::Commit, resource::SourceName, version::Revision};
use tokio::sync::watch;

use crate::{
    error::{CommitError, StoreError},
    snapshot::SnapshotCatalog,
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
pub struct Cache {}

impl Cache {
    /// Loads the store's state and publishes it. The [`Follower`] must be run for later commits to be published.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub async fn open(store: SharedStore, options: CacheOptions) -> Result<(Self, Follower), StoreError> {
        let _ = (store, options);
        unimplemented!()
    }

    /// Commits to the store. Returns once it is durable; it is published by the follower, soon after.
    ///
    /// # Errors
    /// Where the store refuses it.
    pub async fn commit(&self, commit: Commit) -> Result<Revision, CommitError> {
        let _ = commit;
        unimplemented!()
    }

    /// The store, for its status area and lease.
    pub fn store(&self) -> &SharedStore {
        unimplemented!()
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> SnapshotCatalog {
        unimplemented!()
    }

    /// The newest snapshot, as news: whoever misses some still sees the newest.
    pub fn subscribe(&self) -> watch::Receiver<SnapshotCatalog> {
        unimplemented!()
    }
}

/// Follows the store's commits, folds them and publishes snapshots. One task runs it.
pub struct Follower {}

impl Follower {
    /// Runs until the store fails or every [`Cache`] is gone.
    ///
    /// # Errors
    /// Where the store can't be read any more.
    pub async fn run(self) -> Result<(), StoreError> {
        unimplemented!()
    }
}

