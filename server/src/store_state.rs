//! Whether the store works, in words; and the task that tries it again where nobody else does.

use std::{sync::Arc, time::Duration};

use mainsheet_api::time::Clock;
use mainsheet_cache::{
    Cache, FollowHealth, StoreError,
    store::{SharedStore, StoreHealth},
};
use tokio_util::sync::CancellationToken;

/// After an attempt is due: whoever waits to write makes it first, and what it writes says more than nothing.
const GRACE: Duration = Duration::from_millis(500);

/// The longest that nothing is looked at.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Whether the store can be written and read. Cloning shares it.
#[derive(Clone)]
pub struct StoreState {
    clock: Arc<dyn Clock>,
    written: StoreHealth,
    read: FollowHealth,
}

impl StoreState {
    /// Of the store behind a cache.
    #[must_use]
    pub fn new(cache: &Cache, written: StoreHealth, clock: Arc<dyn Clock>) -> Self {
        Self { clock, written, read: cache.follow_health().clone() }
    }

    /// What is wrong, what that means, and what to do.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let written = self.written.trouble().map(|trouble| {
            let seconds = self.clock.uptime().since(trouble.since).as_secs();
            let error = trouble.error.with_causes();
            format!("the store can't be written since {seconds}s: changes wait or are refused, what is served stays: {error}")
        });
        let read = self.read.last_error();
        let read = read.map(|error| format!("the store can't be read: what is served may be old: {error}"));
        written.into_iter().chain(read).collect()
    }

    /// Of writes.
    pub(crate) fn written(&self) -> &StoreHealth {
        &self.written
    }

    /// Of what is published.
    pub(crate) fn read(&self) -> &FollowHealth {
        &self.read
    }
}

/// Tries a store that failed until it works, where nobody who writes does: it says how it is, whoever asks.
///
/// # Errors
/// None.
pub async fn keep_trying(
    store: SharedStore,
    health: StoreHealth,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut trouble = health.subscribe();
    loop {
        let due = trouble.borrow_and_update().as_ref().map(|trouble| trouble.retry_at.after(GRACE));
        let pause = due.map_or(LONGEST, |due| due.since(clock.uptime()));
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            changed = trouble.changed() => changed?,
            () = tokio::time::sleep(pause) => {
                let due = health.trouble().map(|trouble| trouble.retry_at.after(GRACE));
                if due.is_some_and(|due| due <= clock.uptime()) {
                    // Nothing, durably. The store's health says how it went.
                    let _ = store.set_status(Vec::new()).await;
                }
            }
        }
    }
}

/// Tells that a step failed. That the store is left alone for a moment was told when it failed.
pub(crate) fn tell(step: &str, error: &StoreError) {
    match error {
        StoreError::Resting { .. } => tracing::debug!("{step}: the store failed a moment ago"),
        error => tracing::error!(error = error.with_causes(), "{step}"),
    }
}

/// Whether asking again may help.
pub(crate) fn may_pass(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { .. } | StoreError::Resting { .. })
}
