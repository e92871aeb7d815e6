//! How a source gets on, while it goes on with what it has.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mainsheet_api::{resource::SourceName, time::Timestamp};
use mainsheet_sink::{Counters, Metrics};

/// How a source gets on, for whoever inspects. Cloning shares it.
#[derive(Clone, Debug)]
pub struct SourceHealth {
    source: SourceName,
    path: Arc<str>,
    state: Arc<Mutex<SourceState>>,
    /// Of a source that is another server: its client's.
    metrics: Arc<Mutex<Option<Metrics>>>,
}

/// What a source says of itself.
#[derive(Clone, Debug, Default)]
pub struct SourceState {
    /// What can't be looked at, and why; empty where all is well. What is known below it stays.
    pub complaints: Vec<String>,
    /// When everything was last looked at.
    pub scanned: Option<Timestamp>,
    /// Files that it has.
    pub files: usize,
    /// Time that it took to read and decode files, so far.
    pub reading: Duration,
    /// Of a source that is another server.
    pub upstream: Option<UpstreamState>,
}

/// How it stands with another server.
#[derive(Clone, Debug)]
pub struct UpstreamState {
    /// Whether a stream is open.
    pub is_connected: bool,
    /// Since when it is, or is not.
    pub since: Timestamp,
    /// When a response was last taken in.
    pub received: Option<Timestamp>,
    /// Resources that the server has, as far as it has said.
    pub offered: usize,
    /// What its client counts.
    pub counters: Counters,
}

impl SourceHealth {
    /// Of a source that has not looked yet. `path` is what it reads, as it was given.
    #[must_use]
    pub fn new(source: SourceName, path: &str) -> Self {
        Self { source, path: Arc::from(path), state: Arc::default(), metrics: Arc::default() }
    }

    /// Whose.
    #[must_use]
    pub fn source(&self) -> &SourceName {
        &self.source
    }

    /// What it reads.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> SourceState {
        let mut state = self.lock().clone();
        let metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((upstream, metrics)) = state.upstream.as_mut().zip(metrics) {
            upstream.counters = metrics.read();
        }
        state
    }

    /// Another server is followed, by a client that counts here.
    pub(crate) fn follows(&self, metrics: Metrics) {
        *self.metrics.lock().unwrap_or_else(PoisonError::into_inner) = Some(metrics);
    }

    /// A stream to the server is open.
    pub(crate) fn connected(&self, at: Timestamp) {
        let mut state = self.lock();
        state.complaints.clear();
        let offered = state.upstream.as_ref().map_or(0, |upstream| upstream.offered);
        let received = state.upstream.as_ref().and_then(|upstream| upstream.received);
        let counters = Counters::default();
        state.upstream = Some(UpstreamState { is_connected: true, since: at, received, offered, counters });
        tracing::info!(source = %self.source, "connected");
    }

    /// The stream to the server ended, or could not be opened.
    pub(crate) fn away(&self, reason: String, at: Timestamp) {
        let mut state = self.lock();
        let before = state.upstream.take();
        if state.complaints != [reason.as_str()] {
            tracing::warn!(source = %self.source, "{reason}; what is known of it stays");
        }
        state.complaints = vec![reason];
        let since = before.as_ref().filter(|before| !before.is_connected).map_or(at, |before| before.since);
        state.upstream = Some(UpstreamState {
            is_connected: false,
            since,
            received: before.as_ref().and_then(|before| before.received),
            offered: before.map_or(0, |before| before.offered),
            counters: Counters::default(),
        });
    }

    /// A response was refused as it stood.
    pub(crate) fn refused(&self, reason: String) {
        tracing::warn!(source = %self.source, "response refused: {reason}; what is known of it stays");
        self.lock().complaints = vec![format!("response refused: {reason}")];
    }

    /// A response was taken in; the server has this many resources, as far as it has said.
    pub(crate) fn offered(&self, offered: usize, at: Timestamp) {
        let mut state = self.lock();
        state.complaints.clear();
        if let Some(upstream) = &mut state.upstream {
            (upstream.offered, upstream.received) = (offered, Some(at));
        }
    }

    /// Everything was looked at. Logs what is new of the complaints.
    pub(crate) fn scanned(&self, complaints: Vec<String>, at: Timestamp) {
        let mut state = self.lock();
        for complaint in complaints.iter().filter(|complaint| !state.complaints.contains(complaint)) {
            tracing::warn!(source = %self.source, "{complaint}; what is known below it stays");
        }
        if complaints.is_empty() && !state.complaints.is_empty() {
            tracing::info!(source = %self.source, "everything can be read again");
        }
        state.complaints = complaints;
        state.scanned = Some(at);
    }

    /// Files were read, for so long, and it has this many now.
    pub(crate) fn read(&self, files: usize, took: Duration) {
        let mut state = self.lock();
        state.files = files;
        state.reading += took;
    }

    fn lock(&self) -> MutexGuard<'_, SourceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
