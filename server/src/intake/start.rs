//! How the intake begins: what an earlier run left, the lease, sources that nobody configures any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;

use mainsheet_api::{
    change::Fence,
    resource::SourceName,
    time::{Clock, Uptime},
};
use mainsheet_cache::{Cache, StoreError, store::Answer};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    Confirmation, IntakeOptions,
    commit::{Committer, Turn},
    criteria::Criteria,
    guard::{Guard, Hold},
    merge::Pending,
    notes::HoldNotes,
    retired::Retired,
    stats::IntakeStats,
    task::{RunningIntake, rules_version},
    verdicts::VerdictsWriter,
    write::Job,
};
use crate::{leases::Leases, readiness::ReadinessGuard, source::Batch, store_state};

/// Between attempts to begin with a store that fails.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Where the status area notes that a source has once told everything.
pub(super) fn completed_key(source: &SourceName) -> String {
    format!("source/{source}/completed")
}

/// Asks again as long as that may help.
async fn insist<'store, T>(
    step: &str,
    ask: impl Fn() -> Answer<'store, Result<T, StoreError>>,
) -> Result<T, StoreError> {
    loop {
        match ask().await {
            Err(error) if store_state::may_pass(&error) => {
                store_state::tell(&format!("{step}; it is tried again"), &error);
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
            answer => return answer,
        }
    }
}

/// The source of such a note.
fn completed_source(key: &str) -> Option<SourceName> {
    let name = key.strip_prefix("source/")?.strip_suffix("/completed")?;
    Some(SourceName(Arc::from(name)))
}

/// The intake, ready to run.
pub struct Intake {
    pub(super) cache: Cache,
    pub(super) leases: Leases,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stats: Arc<IntakeStats>,
    pub(super) batches: mpsc::Receiver<Batch>,
    pub(super) writes: mpsc::Receiver<Box<dyn Job>>,
    pub(super) confirmations: mpsc::Receiver<Confirmation>,
    pub(super) holds: watch::Sender<Vec<Hold>>,
    pub(super) retell: watch::Sender<()>,
    /// What is judged by, for writes.
    pub(super) criteria: watch::Sender<Criteria>,
    pub(super) awaited: BTreeMap<SourceName, ReadinessGuard>,
    pub(super) verdicts: VerdictsWriter,
    pub(super) notes: HoldNotes,
    pub(super) options: IntakeOptions,
    /// As they are to be from now on.
    pub(super) changed_options: watch::Receiver<IntakeOptions>,
}

impl Intake {
    /// Takes the lease and takes batches in, until the order to end; then ends the commit that is in flight.
    ///
    /// # Errors
    /// Where the store can't be read at the start, where another writer takes the lease, or the cache is gone.
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let configured: BTreeSet<SourceName> = self.awaited.keys().cloned().collect();
        let begun = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            begun = self.begin(configured) => begun?,
        };
        let (fence, retired) = begun;
        let committer = Committer {
            cache: self.cache.clone(),
            leases: self.leases.clone(),
            lifetimes: Arc::new(self.options.lifetimes.clone()),
            clock: Arc::clone(&self.clock),
            stats: Arc::clone(&self.stats),
            criteria: self.criteria.borrow().clone(),
            fence,
            turn: Turn::default(),
        };
        let rules_version = rules_version(&self.cache.snapshot());
        let pending = Pending::new(self.options.quiet, self.options.delay_max);
        let guard = Guard::new(self.options.guard_hold, self.options.guard);
        let running = RunningIntake {
            intake: self,
            committer,
            pending,
            guard,
            retired,
            rules_version,
            withheld: BTreeMap::new(),
            again: Vec::new(),
            confirming: Vec::new(),
            saved: Uptime::default(),
        };
        running.run(stop).await
    }

    /// What was completed before is served at once, also where the store can't be written for now.
    async fn begin(&mut self, configured: BTreeSet<SourceName>) -> anyhow::Result<(Fence, Retired)> {
        let store = Arc::clone(self.cache.store());
        let status = insist("read what an earlier run noted", || store.status("")).await?;
        let completed = self.release_completed(status);
        let fence = insist("take the lease", || store.take_lease()).await?;
        Ok((fence, self.retire(configured, completed).await?))
    }

    /// Sources that completed in an earlier run are not awaited. Returns them, configured or not.
    fn release_completed(&mut self, status: Vec<(String, Bytes)>) -> BTreeSet<SourceName> {
        let completed: BTreeSet<SourceName> =
            status.iter().filter_map(|(key, _)| completed_source(key)).collect();
        let released: Vec<_> = self.awaited.extract_if(.., |source, _| completed.contains(source)).collect();
        released.into_iter().for_each(|(_, guard)| guard.release());
        self.notes = HoldNotes::of(&status);
        self.verdicts.stored_before(status.into_iter().map(|(key, _)| key));
        completed
    }

    /// Finds the sources that nobody configures any more. Should one be configured again it is awaited like a new one,
    /// because what it holds may be gone by then: that it completed is forgotten before anything of it is removed.
    async fn retire(
        &self,
        configured: BTreeSet<SourceName>,
        completed: BTreeSet<SourceName>,
    ) -> anyhow::Result<Retired> {
        let snapshot = self.cache.snapshot().0;
        let mut known: BTreeSet<SourceName> = snapshot.sources().cloned().collect();
        known.extend(self.verdicts.stored_sources());
        known.extend(completed.iter().cloned());
        let retired = Retired::new(configured, known);
        for source in retired.sources() {
            let resources = snapshot.layer(source).len();
            tracing::warn!(
                %source,
                resources,
                "source is no longer configured; what it holds is removed once all others have told everything"
            );
        }
        let forgotten = retired.sources().filter(|source| completed.contains(source));
        let forgotten: Vec<_> = forgotten.map(|source| (completed_key(source), None)).collect();
        if !forgotten.is_empty() {
            let store = self.cache.store();
            insist("forget sources that are gone", || store.set_status(forgotten.clone())).await?;
        }
        Ok(retired)
    }
}
