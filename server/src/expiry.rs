//! The task that ends leases: what nobody renewed in time is removed.
//!
//! It waits for one moment, that of the next deadline, and for news of the state. However many leases there are, nothing
//! happens while none of them ends.

use std::{sync::Arc, time::Duration};

use mainsheet_api::{
    change::{Cause, Change},
    resource::SourceName,
    time::{Clock, Now, Uptime},
    version::ResourceVersion,
};
use mainsheet_cache::{
    Cache, StoreError,
    expiry::Leaseholder,
    snapshot::{Held, Snapshot, SnapshotCatalog},
};
use tokio_util::sync::CancellationToken;

use crate::{
    intake::{IntakeHandle, Planned, Planner},
    leases::{Leases, Note},
};

/// Leases that are ended with one commit. Those of a whole fleet that went away at once are some of these.
const EXPIRED_PER_COMMIT_MAX: usize = 10_000;

/// Between a failure of the store and the next attempt.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Before notes of leases that are over are taken away: many go with one write.
const TIDY_DELAY: Duration = Duration::from_secs(1);

/// Expired resources that are logged one by one when many expire at once.
const LOGGED_MAX: usize = 20;

/// What the task is connected to.
pub struct ExpiryParts {
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// What is followed, and whose store keeps notes.
    pub cache: Cache,
    /// Who removes.
    pub intake: IntakeHandle,
    /// What ends.
    pub leases: Leases,
}

/// Ends leases until the order to end.
///
/// # Errors
/// Where the cache is gone.
pub async fn run(parts: ExpiryParts, stop: CancellationToken) -> anyhow::Result<()> {
    let mut expiry = Expiry { parts, over: Vec::new(), tidy_at: None, retry_at: Uptime::default() };
    let mut newest = expiry.parts.cache.subscribe();
    loop {
        let state = newest.borrow_and_update().clone();
        expiry.follow(state);
        expiry.tidy_if_due().await;
        if expiry.is_due() {
            expiry.expire().await;
            continue;
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            changed = newest.changed() => changed?,
            () = tokio::time::sleep(expiry.pause()) => {}
        }
    }
    expiry.tidy().await;
    Ok(())
}

struct Expiry {
    parts: ExpiryParts,
    /// Whose leases are over, and their notes not taken away.
    over: Vec<Leaseholder>,
    tidy_at: Option<Uptime>,
    /// Nothing is tried again before.
    retry_at: Uptime,
}

impl Expiry {
    fn follow(&mut self, state: SnapshotCatalog) {
        self.over.extend(self.parts.leases.follow(state));
        if !self.over.is_empty() && self.tidy_at.is_none() {
            self.tidy_at = Some(self.now().after(TIDY_DELAY));
        }
    }

    fn is_due(&self) -> bool {
        let now = self.now();
        self.retry_at <= now && self.parts.leases.next().is_some_and(|next| next <= now)
    }

    /// Removes what is due. What its source goes on having is noted before, so that a crash in between does not bring it
    /// back; where that can't be, the rest is removed.
    async fn expire(&mut self) {
        let mut due = self.parts.leases.due(EXPIRED_PER_COMMIT_MAX);
        let snapshot = self.parts.cache.snapshot().0;
        let kept: Vec<_> = due.iter().filter_map(|holder| kept_by_source(&snapshot, holder)).collect();
        let notes = self.parts.leases.note_ended(kept);
        if let Err(error) = self.set_status(notes).await {
            due.retain(|holder| kept_by_source(&snapshot, holder).is_none());
            self.failed("note leases that end", error);
        }
        if due.is_empty() {
            return;
        }
        let planner = Expired { leases: self.parts.leases.clone(), due };
        match self.parts.intake.write(Cause::from("expiry"), planner).await {
            Ok(written) => {
                let expired = written.answer;
                self.parts.leases.count_expired(expired.len());
                tell(&expired, written.revision.0);
            }
            Err(error) => self.failed("remove what expired", error),
        }
    }

    async fn tidy_if_due(&mut self) {
        if self.tidy_at.is_some_and(|at| at <= self.now()) {
            self.tidy().await;
        }
    }

    /// Brings the status area up to date: with what is over, and with the calendar where it was set. What can't be written
    /// is written later.
    async fn tidy(&mut self) {
        self.tidy_at = None;
        let mut notes = self.parts.leases.noted_anew();
        notes.extend(self.parts.leases.notes_of_over(&self.over));
        match self.set_status(notes).await {
            Ok(()) => self.over.clear(),
            Err(error) => {
                self.tidy_at = Some(self.now().after(RETRY_INTERVAL));
                self.failed("tidy notes of leases", error);
            }
        }
    }

    async fn set_status(&self, notes: Vec<Note>) -> Result<(), StoreError> {
        if notes.is_empty() { Ok(()) } else { self.parts.cache.store().set_status(notes).await }
    }

    fn failed(&mut self, step: &str, error: impl std::error::Error + Send + Sync + 'static) {
        let error = format!("{:#}", anyhow::Error::from(error));
        tracing::error!(error, "{step}; it is tried again");
        self.retry_at = self.now().after(RETRY_INTERVAL);
    }

    /// Until the next deadline, or whatever comes before it.
    fn pause(&self) -> Duration {
        // The longest that tokio's timer takes is about two years.
        const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
        let next = self.parts.leases.next().map(|next| next.max(self.retry_at));
        let due = next.into_iter().chain(self.tidy_at).min();
        due.map_or(LONGEST, |due| due.since(self.now()).min(LONGEST))
    }

    fn now(&self) -> Uptime {
        self.parts.clock.uptime()
    }
}

/// What is told by its source, again and again, and not written once.
fn kept_by_source(
    snapshot: &Snapshot,
    holder: &Leaseholder,
) -> Option<(Leaseholder, ResourceVersion, String)> {
    let Leaseholder { source, key } = holder;
    let held = snapshot.held(source, key)?;
    let is_written = [SourceName::HOLD, SourceName::API].contains(&&*source.0);
    (!is_written).then(|| (holder.clone(), held.version.clone(), held.provenance.origin.clone()))
}

/// Removes what is still due when it is planned.
struct Expired {
    leases: Leases,
    due: Vec<Arc<Leaseholder>>,
}

impl Planner for Expired {
    type Answer = Vec<Arc<Held>>;

    fn plan(&mut self, snapshot: &Snapshot, _: Now) -> Planned<Self::Answer> {
        let is_over = |holder: &Arc<Leaseholder>| {
            let held = snapshot.held(&holder.source, &holder.key)?;
            let lease = held.terms.lease?;
            self.leases.is_due(holder, &lease).then_some(held)
        };
        let expired: Vec<_> = self.due.iter().filter_map(is_over).collect();
        let removal =
            |held: &Arc<Held>| Change::Remove { source: held.source.clone(), key: held.key.clone() };
        Planned { changes: expired.iter().map(removal).collect(), ..Planned::nothing(expired) }
    }
}

fn tell(expired: &[Arc<Held>], revision: u64) {
    for held in expired.iter().take(LOGGED_MAX) {
        tracing::info!(revision, key = %held.key, source = %held.source, "expired: nobody renewed its lease");
    }
    if expired.len() > LOGGED_MAX {
        tracing::info!(revision, resources = expired.len(), "expired: nobody renewed their leases");
    }
}
