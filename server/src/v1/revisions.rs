//! The states that requests read: the newest, or that of a revision.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mainsheet_api::{
    limits::{PINNED_REVISION_AGE_MAX, PINNED_REVISIONS_MAX},
    time::{Clock, Uptime},
    version::Revision,
    xds::catalog::Catalog as _,
};
use mainsheet_cache::{Cache, snapshot::SnapshotCatalog};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::error;

/// How often old pins are looked for.
const UNPIN_INTERVAL: Duration = Duration::from_secs(10);

/// Finds the state of a revision, and keeps those that are read page by page: the next page finds the state of the one
/// before, although newer ones came. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(super) struct Revisions(Arc<Mutex<VecDeque<Pinned>>>);

#[derive(Debug)]
struct Pinned {
    snapshot: SnapshotCatalog,
    used: Uptime,
}

impl Revisions {
    /// The state of a revision; of the newest where it is 0.
    pub(super) async fn at(
        &self,
        cache: &Cache,
        revision: u64,
        now: Uptime,
    ) -> Result<SnapshotCatalog, Status> {
        let (asked, newest) = (Revision(revision), cache.snapshot());
        if asked == Revision::ZERO || asked == newest.revision() {
            return Ok(newest);
        }
        if asked > newest.revision() {
            return Err(error::ahead(asked, newest.revision()));
        }
        if let Some(pinned) = self.pinned(asked, now) {
            return Ok(pinned);
        }
        let past = cache.snapshot_at(asked).await.map_err(|why| error::store(&why))?;
        past.ok_or_else(|| error::compacted(asked, cache.store().oldest()))
    }

    /// Keeps a state for whoever asks for its next page.
    pub(super) fn pin(&self, snapshot: &SnapshotCatalog, now: Uptime) {
        if self.pinned(snapshot.revision(), now).is_some() {
            return;
        }
        let mut pins = self.lock();
        if pins.len() == PINNED_REVISIONS_MAX {
            pins.pop_front();
        }
        pins.push_back(Pinned { snapshot: snapshot.clone(), used: now });
    }

    /// The pins, the one that was used last at the end.
    fn pinned(&self, revision: Revision, now: Uptime) -> Option<SnapshotCatalog> {
        let mut pins = self.lock();
        let place = pins.iter().position(|pin| pin.snapshot.revision() == revision)?;
        let mut pin = pins.remove(place)?;
        pin.used = now;
        let snapshot = pin.snapshot.clone();
        pins.push_back(pin);
        Some(snapshot)
    }

    fn unpin_old(&self, now: Uptime) {
        self.lock().retain(|pin| now.since(pin.used) < PINNED_REVISION_AGE_MAX);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Pinned>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go what nobody asked for lately, until the order to end.
    pub(super) async fn run(self, clock: Arc<dyn Clock>, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(UNPIN_INTERVAL) => self.unpin_old(clock.uptime()),
            }
        }
    }
}
