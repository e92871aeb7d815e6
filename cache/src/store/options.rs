//! A store's bounds.

use std::time::Duration;

/// What a store keeps, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Commits kept one by one, for followers that lag and for history; older ones are only part of the state. At
    /// least the newest is kept. 10,000 are a week of one a minute.
    pub commits_kept_max: usize,
    /// Bytes of commits kept one by one and of what they replaced. 64 MiB are twice a mesh of 10,000 resources of 1.2 KB
    /// made anew, and are read through in a quarter of a second when the store is opened.
    pub commits_bytes_max: usize,
    /// How much older than the newest commit one may be to be kept one by one; none for as old as they may be. Looked at
    /// with each commit, in the clock of its writer; because that may have been set wrong, each drops two at most.
    pub commits_age_max: Option<Duration>,
    /// Bytes of keys and values in the status area. 64 MiB are 100,000 entries of 640 bytes: ten a sink for 10,000 sinks.
    pub status_bytes_max: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            commits_kept_max: 10_000,
            commits_bytes_max: 64 << 20,
            commits_age_max: None,
            status_bytes_max: 64 << 20,
        }
    }
}
