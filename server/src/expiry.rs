//! The task that ends leases: what nobody renewed in time is removed.
//!
//! It waits for one moment, that of the next deadline, and for news of the state. However many leases there are, nothing
//! happens while none of them ends but a look at the calendar, once a minute.

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
    intake::{IntakeHandle, Planned, Planner, WriteError},
    leases::{Leases, Note},
    store_state,
};

/// Leases that are ended with one commit. Those of a whole fleet that went away at once are some of these.
const EXPIRED_PER_COMMIT_MAX: usize = 10_000;

/// Between a failure of the store and the next attempt.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Before notes of leases that are over are taken away: many go with one write.
const TIDY_DELAY: Duration = Duration::from_secs(1);

/// While there are leases, how often it is looked whether the calendar was set: nothing tells of it.
const CALENDAR_INTERVAL: Duration = Duration::from_secs(60);

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
        expiry.follow_calendar().await;
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
    expiry.retry_at = Uptime::default();
    expiry.follow_calendar().await;
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
        if let Err(error) = self.note(|leases| leases.note_ended(kept)).await {
            due.retain(|holder| kept_by_source(&snapshot, holder).is_none());
            self.failed("note leases that end", &error);
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
            Err(WriteError::Refused(error) | WriteError::Failed(error)) => {
                self.failed("remove what expired", &error);
            }
            Err(error) => {
                tracing::error!(%error, "remove what expired; it is tried again");
                self.retry_at = self.now().after(RETRY_INTERVAL);
            }
        }
    }

    async fn tidy_if_due(&mut self) {
        if self.tidy_at.is_some_and(|at| at <= self.now()) {
            self.tidy().await;
        }
    }

    /// Notes deadlines anew where the calendar was set: the next process has nothing but the calendar to tell them by.
    async fn follow_calendar(&mut self) {
        if self.now() < self.retry_at {
            return;
        }
        let mut noted_at = None;
        let noted = self.note(|leases| {
            let (at, notes) = leases.noted_anew().unzip();
            noted_at = at;
            notes.unwrap_or_default()
        });
        match (noted.await, noted_at) {
            (Ok(()), Some(at)) => self.parts.leases.are_noted(at),
            (Ok(()), None) => {}
            (Err(error), _) => self.failed("note deadlines by the calendar", &error),
        }
    }

    /// Takes notes of what is over out of the status area. What can't be written is written later.
    async fn tidy(&mut self) {
        self.tidy_at = None;
        match self.note(|leases| leases.notes_of_over(&self.over)).await {
            Ok(()) => self.over.clear(),
            Err(error) => {
                self.tidy_at = Some(self.now().after(RETRY_INTERVAL));
                self.failed("tidy notes of leases", &error);
            }
        }
    }

    async fn note(&self, notes: impl FnOnce(&Leases) -> Vec<Note>) -> Result<(), StoreError> {
        let _noting = self.parts.leases.noting().await;
        let notes = notes(&self.parts.leases);
        if notes.is_empty() { Ok(()) } else { self.parts.cache.store().set_status(notes).await }
    }

    fn failed(&mut self, step: &str, error: &StoreError) {
        store_state::tell(&format!("{step}; it is tried again"), error);
        self.retry_at = self.now().after(RETRY_INTERVAL);
    }

    fn pause(&self) -> Duration {
        pause(self.now(), self.parts.leases.next(), self.tidy_at, self.retry_at)
    }

    fn now(&self) -> Uptime {
        self.parts.clock.uptime()
    }
}

/// Until the next deadline, or whatever comes before it.
fn pause(now: Uptime, deadline: Option<Uptime>, tidy_at: Option<Uptime>, retry_at: Uptime) -> Duration {
    // The longest that tokio's timer takes is about two years.
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    let calendar_at = if retry_at > now { retry_at } else { now.after(CALENDAR_INTERVAL) };
    let deadline = deadline.map(|deadline| deadline.max(retry_at).min(calendar_at));
    let next = deadline.into_iter().chain(tidy_at).min();
    next.map_or(LONGEST, |next| next.since(now).min(LONGEST))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(number: u64) -> Uptime {
        Uptime(Duration::from_secs(number))
    }

    #[test]
    fn calendar_is_looked_at_once_a_minute_while_there_are_leases() {
        let never = Uptime::default();
        let far = Some(seconds(10_000));
        assert_eq!(pause(seconds(100), far, None, never), CALENDAR_INTERVAL);
        assert!(pause(seconds(100), None, None, never) > CALENDAR_INTERVAL, "there are none");
    }

    #[test]
    fn what_comes_first_is_waited_for() {
        let pause = |deadline, tidy_at, retry_at| {
            pause(seconds(100), Some(seconds(deadline)), tidy_at, seconds(retry_at)).as_secs()
        };
        assert_eq!(pause(107, None, 0), 7);
        assert_eq!(pause(107, Some(seconds(102)), 0), 2);
        assert_eq!(pause(90, None, 0), 0, "it is due");
        assert_eq!(pause(90, None, 101), 1, "due, and not before the store is tried again");
        assert_eq!(pause(10_000, None, 101), 1, "what could not be noted is tried again, too");
    }
}
