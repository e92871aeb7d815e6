//! A store that says how it is, and that is left alone for a while after a write failed.
//!
//! After a failure the file is opened again by whoever asks next, and read through: on a disk that stays full that would be
//! for each of many writes. So writes are refused at once until the next attempt is due; whoever writes then makes it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use mainsheet_api::{
    change::{Commit, Fence},
    time::{Clock, Uptime},
    version::Revision,
};
use tokio::sync::watch;

use super::{Answer, SharedStore, Store};
use crate::error::{CommitError, StoreError};

/// After the first write that failed; twice as long after each further one.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// Between attempts at a store that goes on failing: nobody who makes room waits longer, and a store of 64 MiB that is read
/// through so often keeps no disk busy.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Whether a store can be written. Cloning shares it.
#[derive(Clone, Debug)]
pub struct StoreHealth(Arc<Health>);

#[derive(Debug)]
struct Health {
    trouble: watch::Sender<Option<StoreTrouble>>,
    failures: AtomicU64,
}

/// Why a store can't be written.
#[derive(Clone, Debug)]
pub struct StoreTrouble {
    /// How the last attempt failed.
    pub error: Arc<StoreError>,
    /// When the first did.
    pub since: Uptime,
    /// When the next is due.
    pub retry_at: Uptime,
    pause: Duration,
}

impl Default for StoreHealth {
    /// Of a store that is well.
    fn default() -> Self {
        Self(Arc::new(Health { trouble: watch::Sender::new(None), failures: AtomicU64::new(0) }))
    }
}

impl StoreHealth {
    /// Why it can't be written; none where it can.
    #[must_use]
    pub fn trouble(&self) -> Option<StoreTrouble> {
        self.0.trouble.borrow().clone()
    }

    /// The same, as news.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Option<StoreTrouble>> {
        self.0.trouble.subscribe()
    }

    /// Writes that failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
    }

    /// Lets a write through, or refuses it. The one that is let through after a failure is the attempt: until it is
    /// answered the others are refused.
    fn admit(&self, now: Uptime) -> Result<(), StoreError> {
        let mut refused = Ok(());
        self.0.trouble.send_if_modified(|trouble| {
            let Some(trouble) = trouble else { return false };
            if now < trouble.retry_at {
                refused = Err(StoreError::Resting { source: Arc::clone(&trouble.error) });
            } else {
                trouble.retry_at = now.after(trouble.pause);
            }
            false
        });
        refused
    }

    fn failed(&self, error: StoreError, now: Uptime) {
        self.0.failures.fetch_add(1, Ordering::Relaxed);
        let error = Arc::new(error);
        self.0.trouble.send_modify(|trouble| {
            let (since, pause) = match trouble {
                Some(before) => (before.since, (before.pause * 2).min(PAUSE_MAX)),
                None => (now, PAUSE_MIN),
            };
            let told = StoreTrouble { error, since, retry_at: now.after(pause), pause };
            told.log(now);
            *trouble = Some(told);
        });
    }

    fn succeeded(&self, now: Uptime) {
        self.0.trouble.send_if_modified(|trouble| {
            let Some(over) = trouble.take() else { return false };
            tracing::info!(after_ms = over.age_ms(now), "the store can be written again");
            true
        });
    }
}

impl StoreTrouble {
    fn log(&self, now: Uptime) {
        tracing::error!(
            error = self.error.with_causes(),
            since_ms = self.age_ms(now),
            retry_ms = self.pause.as_millis(),
            "the store can't be written: what is served stays, sources wait, other writes are refused"
        );
    }

    fn age_ms(&self, now: Uptime) -> u128 {
        now.since(self.since).as_millis()
    }
}

/// What of a write tells how the store is.
trait Tells {
    /// Whether something was written, or could not be; none where the store was not asked, or a rule refused it.
    fn tells(&self) -> Option<Result<(), &StoreError>>;
}

impl<T> Tells for Result<T, StoreError> {
    fn tells(&self) -> Option<Result<(), &StoreError>> {
        match self {
            Ok(_) => Some(Ok(())),
            Err(StoreError::StatusFull { .. }) => None,
            Err(failed) => Some(Err(failed)),
        }
    }
}

impl Tells for Vec<Result<Revision, CommitError>> {
    fn tells(&self) -> Option<Result<(), &StoreError>> {
        let failed = self.iter().find_map(|answer| match answer {
            Err(CommitError::Store(failed)) => Some(Err(failed)),
            _ => None,
        });
        failed.or_else(|| self.iter().any(Result::is_ok).then_some(Ok(())))
    }
}

/// A store that is watched.
pub struct WatchedStore {
    store: SharedStore,
    clock: Arc<dyn Clock>,
    health: StoreHealth,
}

impl WatchedStore {
    /// Of a store that is well.
    #[must_use]
    pub fn new(store: SharedStore, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, health: StoreHealth::default() }
    }

    /// How it is.
    #[must_use]
    pub fn health(&self) -> &StoreHealth {
        &self.health
    }

    async fn write<T>(&self, write: Answer<'_, T>) -> Result<T, StoreError>
    where
        T: Tells,
    {
        self.health.admit(self.clock.uptime())?;
        let answer = write.await;
        match answer.tells() {
            Some(Ok(())) => self.health.succeeded(self.clock.uptime()),
            Some(Err(failed)) => self.health.failed(failed.clone(), self.clock.uptime()),
            None => {}
        }
        Ok(answer)
    }
}

impl Store for WatchedStore {
    fn commit_all(&self, commits: Vec<Commit>) -> Answer<'_, Vec<Result<Revision, CommitError>>> {
        Box::pin(async move {
            let len = commits.len();
            if len == 0 {
                return Vec::new();
            }
            let answers = self.write(self.store.commit_all(commits)).await;
            answers.unwrap_or_else(|resting| vec![Err(resting.into()); len])
        })
    }

    fn take_lease(&self) -> Answer<'_, Result<Fence, StoreError>> {
        Box::pin(async move { self.write(self.store.take_lease()).await? })
    }

    fn set_status(&self, entries: Vec<(String, Option<Bytes>)>) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move { self.write(self.store.set_status(entries)).await? })
    }

    crate::forward_to_store!(store: load, follow, history, committed_at, state_at);
    crate::forward_to_store!(store: export, oldest, head, status);
}

impl fmt::Debug for WatchedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedStore").field("health", &self.health).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
