//! How a source gets on, while it goes on with what it has.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mainsheet_api::{resource::SourceName, time::Timestamp};

/// How a source gets on, for whoever inspects. Cloning shares it.
#[derive(Clone, Debug)]
pub struct SourceHealth {
    source: SourceName,
    path: Arc<str>,
    state: Arc<Mutex<SourceState>>,
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
}

impl SourceHealth {
    /// Of a source that has not looked yet. `path` is what it reads, as it was given.
    #[must_use]
    pub fn new(source: SourceName, path: &str) -> Self {
        Self { source, path: Arc::from(path), state: Arc::default() }
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
        self.lock().clone()
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
