//! What a source complains of while it goes on with what it has.

use std::sync::{Arc, Mutex, PoisonError};

use mainsheet_api::resource::SourceName;

/// A source's complaints, for whoever inspects. Cloning shares it.
#[derive(Clone, Debug)]
pub struct SourceHealth {
    source: SourceName,
    complaints: Arc<Mutex<Vec<String>>>,
}

impl SourceHealth {
    /// None yet.
    #[must_use]
    pub fn new(source: SourceName) -> Self {
        Self { source, complaints: Arc::default() }
    }

    /// Whose.
    #[must_use]
    pub fn source(&self) -> &SourceName {
        &self.source
    }

    /// What it complains of now; empty where all is well.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        self.complaints.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the complaints, and logs what is new of them.
    pub(crate) fn set(&self, complaints: Vec<String>) {
        let mut current = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        for complaint in complaints.iter().filter(|complaint| !current.contains(complaint)) {
            tracing::warn!(source = %self.source, "{complaint}; what is known below it stays");
        }
        if complaints.is_empty() && !current.is_empty() {
            tracing::info!(source = %self.source, "everything can be read again");
        }
        *current = complaints;
    }
}
