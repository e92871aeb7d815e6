//! States that are no longer the newest, worked out from the store.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mainsheet_api::{
    limits::{PAST_SNAPSHOTS_MAX, SERVED_REVISIONS_BYTES_MAX},
    version::Revision,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    blocking,
    error::StoreError,
    fold::{fold_telling, fold_whole},
    served_changes::ServedRevision,
    snapshot::{Snapshot, SnapshotCatalog},
    store::{Follow, SharedStore},
};

/// States that were asked for lately, the one that was used last at the end.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    kept: Arc<Mutex<VecDeque<SnapshotCatalog>>>,
    /// One at a time: each takes the memory of a state, and whoever asks for the same finds it made.
    turn: Arc<Semaphore>,
}

impl Default for Past {
    fn default() -> Self {
        Self { kept: Arc::default(), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Past {
    /// The state at a revision; what it has in common with `newest` is shared. `None` where the store can't tell.
    pub(crate) async fn snapshot_at(
        &self,
        store: &SharedStore,
        newest: SnapshotCatalog,
        revision: Revision,
    ) -> Result<Option<SnapshotCatalog>, StoreError> {
        // An error would be that it is closed, which nobody does.
        let turn = Arc::clone(&self.turn).acquire_owned().await.ok();
        if let Some(kept) = self.find(revision) {
            return Ok(Some(kept));
        }
        let work = self.clone().work_out(Arc::clone(store), newest, revision, turn);
        #[allow(
            clippy::disallowed_methods,
            reason = "awaited at once; the memory is taken until it ends, whoever waits"
        )]
        let working = tokio::spawn(work);
        working.await.map_err(ended)?
    }

    async fn work_out(
        self,
        store: SharedStore,
        newest: SnapshotCatalog,
        revision: Revision,
        _turn: Option<OwnedSemaphorePermit>,
    ) -> Result<Option<SnapshotCatalog>, StoreError> {
        let Some(state) = store.state_at(revision).await? else { return Ok(None) };
        let folded = aside(move || fold_whole(&newest.0, state)).await?;
        let catalog = SnapshotCatalog(Arc::new(folded));
        self.keep(catalog.clone());
        Ok(Some(catalog))
    }

    /// What the revisions after that of `from` changed, at least one where there is one. `None` where the store can't tell
    /// any more.
    pub(crate) async fn served_after(
        &self,
        store: &SharedStore,
        from: SnapshotCatalog,
        bytes_max: usize,
    ) -> Result<Option<Vec<ServedRevision>>, StoreError> {
        let bytes_max = bytes_max.min(SERVED_REVISIONS_BYTES_MAX);
        let commits = match store.follow(from.0.revision(), bytes_max).await? {
            Follow::Compacted => return Ok(None),
            Follow::Commits(commits) => commits,
        };
        let fold_all = move || {
            let (mut snapshot, mut told, mut bytes) = (from.0, Vec::<ServedRevision>::new(), 0);
            for committed in commits {
                let (next, changes) = fold_telling(&snapshot, committed.revision, committed.changes);
                let served = ServedRevision {
                    revision: committed.revision,
                    at: committed.at,
                    cause: committed.cause,
                    changes: changes.into(),
                };
                bytes += served.weight();
                if !told.is_empty() && bytes > bytes_max {
                    break;
                }
                told.push(served);
                snapshot = Arc::new(Snapshot { committed: Some(committed.at), ..next });
            }
            (SnapshotCatalog(snapshot), told)
        };
        let (reached, told) = aside(fold_all).await?;
        // Where the next piece begins.
        self.keep(reached);
        Ok(Some(told))
    }

    fn find(&self, revision: Revision) -> Option<SnapshotCatalog> {
        let mut kept = self.lock();
        let place = kept.iter().position(|catalog| catalog.0.revision() == revision)?;
        let found = kept.remove(place)?;
        kept.push_back(found.clone());
        Some(found)
    }

    fn keep(&self, catalog: SnapshotCatalog) {
        let mut kept = self.lock();
        kept.retain(|known| known.0.revision() != catalog.0.revision());
        kept.push_back(catalog);
        let oldest = if kept.len() > PAST_SNAPSHOTS_MAX { kept.pop_front() } else { None };
        drop(kept);
        drop(oldest);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<SnapshotCatalog>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Off the threads that streams are served on: a whole state takes a while.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    blocking::spawn(work).await.map_err(ended)
}

fn ended(error: tokio::task::JoinError) -> StoreError {
    StoreError::Io { step: "look back in", source: Arc::new(error) }
}
