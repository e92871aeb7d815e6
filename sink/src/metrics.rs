//! What a client counts, for whoever embeds it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use mainsheet_api::xds::client::Update;

/// The counters of a client. Cloning shares them; reading them never waits for the client.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Mutex<Counters>>);

/// Counters at one moment. All but the first only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Whether a stream is open.
    pub is_connected: bool,
    /// Streams that were opened; those after the first are reconnects.
    pub connects: u64,
    /// Streams that ended, and attempts to open one that failed.
    pub disconnects: u64,
    /// Responses that came for what is subscribed to.
    pub responses: u64,
    /// Of those, how many were applied as a whole.
    pub applied: u64,
    /// Of those, how many were NACKed: by the applier, wholly or in part, or because they were malformed.
    pub rejected: u64,
    /// Resources that were removed because their time to live was over.
    pub ended: u64,
    /// What was applied last, by type URL.
    pub types: BTreeMap<Arc<str>, Applied>,
}

/// The last response of a type that was applied as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// As the server versions it; may be empty.
    pub version: String,
    /// When.
    pub at: SystemTime,
}

impl Metrics {
    /// As they stand.
    #[must_use]
    pub fn read(&self) -> Counters {
        self.lock().clone()
    }

    pub(crate) fn connected(&self) {
        let mut counters = self.lock();
        counters.is_connected = true;
        counters.connects += 1;
    }

    pub(crate) fn disconnected(&self) {
        let mut counters = self.lock();
        counters.is_connected = false;
        counters.disconnects += 1;
    }

    /// By order: no failure.
    pub(crate) fn stopped(&self) {
        self.lock().is_connected = false;
    }

    #[allow(clippy::disallowed_methods, reason = "told to people only; nothing is decided by it")]
    pub(crate) fn applied(&self, update: &Update) {
        let applied = Applied { version: update.version.clone(), at: SystemTime::now() };
        let mut counters = self.lock();
        counters.responses += 1;
        counters.applied += 1;
        counters.types.insert(Arc::clone(&update.type_url), applied);
    }

    pub(crate) fn ended(&self, update: &Update) {
        self.lock().ended += update.removed.len() as u64;
    }

    pub(crate) fn rejected(&self) {
        let mut counters = self.lock();
        counters.responses += 1;
        counters.rejected += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
