//! Leases: when each ends, what of them survives a restart, and what a source still has after its lease ended.
//!
//! | module | is |
//! |---|---|
//! | `note` | deadlines and ended leases in the status area |
//! | `ended` | what sources still have after its lease ended: pure |
//!
//! Who ends them is the task `expiry`.

mod ended;
mod note;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use mainsheet_api::{
    key::Key,
    lease::Renewal,
    resource::{Lease, SourceName},
    time::{Clock, Now, Timestamp, Uptime},
    version::ResourceVersion,
};
use mainsheet_cache::{
    Cache, StoreError,
    expiry::{Deadlines, Leaseholder},
    snapshot::SnapshotCatalog,
};

use self::ended::EndedLeases;
pub use self::ended::{Ended, EndedOf};
use crate::{source::LastWritten, store_state};

/// An entry of the status area to be set, or removed.
pub type Note = (String, Option<Bytes>);

/// What the calendar may differ from uptime before deadlines are noted anew: more than clocks are slewed by.
const DRIFT_MAX: Duration = Duration::from_secs(5);

/// All leases. Cloning shares them.
#[derive(Clone)]
pub struct Leases(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Held while notes are worked out and written: an older one is never written over a newer.
    noting: tokio::sync::Mutex<()>,
    expired: AtomicU64,
    renewed: AtomicU64,
}

#[derive(Default)]
struct State {
    deadlines: Deadlines,
    ended: EndedLeases,
    /// When deadlines were last noted as the calendar was then.
    noted: Now,
    /// The state whose leases these are.
    seen: Option<SnapshotCatalog>,
}

/// What is counted of leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseCounts {
    /// Leases now.
    pub running: usize,
    /// Leases that ended because nobody renewed them.
    pub expired: u64,
    /// Renewals.
    pub renewed: u64,
}

impl Leases {
    /// As an earlier process left them.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub async fn load(cache: &Cache, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let store = cache.store();
        let mut status = store.status(note::DEADLINE).await?;
        status.extend(store.status(note::ENDED).await?);
        let (leases, stale) = Self::resume(clock, &status, cache.snapshot());
        if !stale.is_empty()
            && let Err(error) = store.set_status(stale).await
        {
            // The next start finds them again.
            store_state::tell("take away notes of leases that are over", &error);
        }
        Ok(leases)
    }

    /// Of what the status area says, and what the store holds. Returns them with what the status area is to say instead.
    fn resume(
        clock: Arc<dyn Clock>,
        status: &[(String, Bytes)],
        snapshot: SnapshotCatalog,
    ) -> (Self, Vec<Note>) {
        let now = clock.now();
        let mut state = State { noted: now, ..State::default() };
        let mut notes = note::read(status, now.wall);
        for source in snapshot.0.sources() {
            for (key, lease) in snapshot.0.layer(source).leases() {
                let holder = Leaseholder { source: source.clone(), key: key.clone() };
                let renewed = notes.deadlines.remove(&holder).filter(|(first, _)| *first == lease.deadline);
                let deadline = renewed.map_or(lease.deadline, |(_, deadline)| deadline);
                state.deadlines.resume(holder, *lease, deadline, now);
            }
        }
        let mut stale: Vec<Note> =
            notes.deadlines.keys().map(|holder| (note::deadline_key(holder), None)).collect();
        stale.extend(notes.unreadable.into_iter().map(|key| (key, None)));
        for (holder, ended) in notes.ended {
            state.ended.insert(holder, ended, now.uptime);
        }
        state.seen = Some(snapshot);
        let shared = Shared {
            clock,
            state: Mutex::new(state),
            noting: tokio::sync::Mutex::default(),
            expired: AtomicU64::new(0),
            renewed: AtomicU64::new(0),
        };
        (Self(Arc::new(shared)), stale)
    }

    /// When a lease ends, as the calendar is now.
    #[must_use]
    pub fn deadline(&self, source: &SourceName, key: &Key) -> Option<Timestamp> {
        self.state().deadlines.deadline(&holder(source, key), self.0.clock.now())
    }

    /// When a lease ends as it was last renewed; nothing where its holder has another one by now, or none.
    #[must_use]
    pub fn newest_deadline(&self, source: &SourceName, key: &Key, lease: &Lease) -> Option<Timestamp> {
        let (state, now, holder) = (self.state(), self.0.clock.now(), holder(source, key));
        let (running, _) = state.deadlines.age(&holder, now.uptime)?;
        if running == *lease { state.deadlines.deadline(&holder, now) } else { None }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().deadlines.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is counted.
    #[must_use]
    pub fn counts(&self) -> LeaseCounts {
        LeaseCounts {
            running: self.len(),
            expired: self.0.expired.load(Ordering::Relaxed),
            renewed: self.0.renewed.load(Ordering::Relaxed),
        }
    }

    /// Whoever writes notes waits for this, works them out, and holds it until they are written.
    pub async fn noting(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.noting.lock().await
    }

    /// What is to be written to the status area so that these renewals survive a restart.
    #[must_use]
    pub fn notes(renewals: &[Renewal]) -> Vec<Note> {
        renewals.iter().map(note::of_renewal).collect()
    }

    /// These leases were renewed.
    pub fn renew(&self, renewals: &[Renewal]) {
        let now = self.0.clock.now();
        let mut state = self.state();
        renewals.iter().for_each(|renewal| state.deadlines.renew(renewal, now));
        self.0.renewed.fetch_add(renewals.len() as u64, Ordering::Relaxed);
    }

    /// Which of a source's leases are renewed by what was written, of keys whose content stayed the same.
    #[must_use]
    pub fn renewals_of(&self, source: &SourceName, written: &[(Key, LastWritten)]) -> Vec<Renewal> {
        let now = self.0.clock.now();
        let state = self.state();
        let renewal = |(key, written): &(Key, LastWritten)| {
            let (lease, age) = state.deadlines.age(&holder(source, key), now.uptime)?;
            let is_renewed = written.is_after(before(now.wall, age), now.wall);
            is_renewed.then(|| Renewal::now(source.clone(), key.clone(), lease, now.wall))
        };
        written.iter().filter_map(renewal).collect()
    }

    /// What a source still has after its lease ended.
    #[must_use]
    pub fn ended_of(&self, source: &SourceName) -> EndedOf {
        self.state().ended.of(source, self.0.clock.now())
    }

    /// A source has these no longer, or says something else of them. Returns what to write.
    pub fn forget_ended(&self, source: &SourceName, keys: &[Key]) -> Vec<Note> {
        let mut state = self.state();
        let forgotten = keys.iter().filter(|key| state.ended.remove(source, key));
        forgotten.map(|key| (note::ended_key(&holder(source, key)), None)).collect()
    }

    /// There is a newer state. Returns whose leases ended.
    pub(crate) fn follow(&self, newest: SnapshotCatalog) -> Vec<Leaseholder> {
        let now = self.0.clock.uptime();
        let mut over = Vec::new();
        let mut state = self.state();
        let Some(seen) = state.seen.replace(newest.clone()) else { return over };
        let (before, after) = (&seen.0, &newest.0);
        let gone = before.sources().filter(|source| after.layer(source).is_empty());
        for source in after.sources().chain(gone) {
            let (before, after) = (before.layer(source), after.layer(source));
            for (key, lease) in after.leases_since(&before) {
                let holder = holder(source, key);
                match lease {
                    Some(lease) => state.deadlines.begin(holder, *lease, now),
                    None => {
                        state.deadlines.end(&holder);
                        over.push(holder);
                    }
                }
            }
        }
        over
    }

    /// What takes their notes away, of those that have no lease again.
    pub(crate) fn notes_of_over(&self, over: &[Leaseholder]) -> Vec<Note> {
        let state = self.state();
        let over = over.iter().filter(|holder| !state.deadlines.has(holder));
        over.map(|holder| (note::deadline_key(holder), None)).collect()
    }

    /// When the next lease ends.
    pub(crate) fn next(&self) -> Option<Uptime> {
        self.state().deadlines.next()
    }

    /// Those that have ended, `len_max` at most.
    pub(crate) fn due(&self, len_max: usize) -> Vec<Arc<Leaseholder>> {
        self.state().deadlines.due(self.0.clock.uptime(), len_max)
    }

    /// Whether this one has ended, and was neither renewed nor replaced since somebody asked for those that are due.
    pub(crate) fn is_due(&self, holder: &Leaseholder, lease: &Lease) -> bool {
        self.state().deadlines.is_due(holder, lease, self.0.clock.uptime())
    }

    /// These are about to be removed, though their sources go on having them. Returns what to write before.
    pub(crate) fn note_ended(&self, ended: Vec<(Leaseholder, ResourceVersion, String)>) -> Vec<Note> {
        let now = self.0.clock.now();
        let mut state = self.state();
        let mut notes = Vec::with_capacity(ended.len());
        for (holder, version, origin) in ended {
            let ended = Ended { version, origin, at: now.wall };
            notes.push((note::ended_key(&holder), Some(note::of_ended(&ended))));
            let dropped = state.ended.insert(holder, ended, now.uptime);
            notes.extend(dropped.map(|dropped| (note::ended_key(&dropped), None)));
        }
        notes
    }

    pub(crate) fn count_expired(&self, count: usize) {
        self.0.expired.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Where the calendar was set since deadlines were last noted: all of them, as it is now, and when that is. They are
    /// noted once [`Self::are_noted`] is told so.
    pub(crate) fn noted_anew(&self) -> Option<(Now, Vec<Note>)> {
        let now = self.0.clock.now();
        let state = self.state();
        let should = state.noted.wall.after(now.uptime.since(state.noted.uptime));
        let drift = should.since(now.wall).max(now.wall.since(should));
        if drift <= DRIFT_MAX {
            return None;
        }
        Some((now, state.deadlines.renewals(now).map(|renewal| note::of_renewal(&renewal)).collect()))
    }

    /// All deadlines are in the status area as the calendar was then.
    pub(crate) fn are_noted(&self, at: Now) {
        self.state().noted = at;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the maps whole: they are changed by single calls.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn holder(source: &SourceName, key: &Key) -> Leaseholder {
    Leaseholder { source: source.clone(), key: key.clone() }
}

/// So long before.
fn before(wall: Timestamp, age: Duration) -> Timestamp {
    Timestamp(wall.0.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)))
}
