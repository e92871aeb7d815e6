//! What can go wrong, by who has to act.

use std::sync::Arc;

use mainsheet_api::{change::Fence, key::Key, resource::SourceName, version::Revision};

/// Why a commit was refused. The store is as before.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// It changes nothing. What is unchanged makes no revision, so whoever has nothing to say does not commit.
    #[error("commit changes nothing")]
    Empty,
    /// It changes the same (source, key) twice, and which one counts is unclear.
    #[error("commit changes {key} of source `{layer}` more than once")]
    Repeated {
        /// The source.
        layer: SourceName,
        /// The key.
        key: Key,
    },
    /// The writer has seen a revision that this store has not made: it looked at another store. Look again.
    #[error(
        "commit is based on revision {base}, and the store's newest is {newest}: it was replaced by another store"
    )]
    Ahead {
        /// What the writer had seen.
        base: Revision,
        /// The store's.
        newest: Revision,
    },
    /// Somebody else changed these since; look again and decide anew.
    #[error("changed since revision {base}: {}", keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Conflict {
        /// What the writer had seen.
        base: Revision,
        /// Which of its keys changed since, in the commit's order.
        keys: Vec<Key>,
    },
    /// One before it in its group was refused: what it was planned on was not made. Look again and decide anew.
    #[error("planned on another commit, which was refused")]
    Orphaned,
    /// Another writer holds the lease.
    #[error("lease {given:?} is no longer held; {newest:?} is")]
    Fenced {
        /// The writer's.
        given: Fence,
        /// The newest.
        newest: Fence,
    },
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CommitError {
    /// Whether the store failed, rather than that a rule refused it.
    #[must_use]
    pub fn is_of_the_store(&self) -> bool {
        matches!(self, Self::Store(_))
    }
}

/// Why a store can't be opened, read or written. The text says what to do.
///
/// Cloned where several waited for what failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error(
        "open store `{path}`: another process has it open; stop that one, or give this one a data directory of its own"
    )]
    InUse {
        /// The file.
        path: String,
    },
    /// A backup is restored only where nothing is.
    #[error("`{path}` is there already: restore into a directory that has no store, or move this one away")]
    Exists {
        /// The file.
        path: String,
    },
    /// Its content is damaged.
    #[error(
        "open store `{path}`: the file is damaged; move it away and start again: sources fill a new one, history is lost"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What was found.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// Written by a later version of mainsheet.
    #[error(
        "open store `{path}`: format {found} is newer than {known}, the newest that this version reads; use the version that wrote it, or another data directory"
    )]
    Newer {
        /// The file.
        path: String,
        /// What the file says.
        found: u32,
        /// What this version writes.
        known: u32,
    },
    /// Written by a version of mainsheet with other kinds. Leaving those resources out would take them from every sink.
    #[error(
        "open store `{path}`: it holds resources of kind `{kind}`, which this version does not have; use the version that wrote it, or another data directory"
    )]
    UnknownKind {
        /// The file.
        path: String,
        /// Group and kind.
        kind: String,
    },
    /// Clients hold what is newer than the store: somebody replaced it. A new process takes it as it is.
    #[error("store is at revision {found}, but {read} was read from it; restart to serve it")]
    WentBack {
        /// The store's newest revision.
        found: Revision,
        /// The newest that was read.
        read: Revision,
    },
    /// The status area's bound is reached.
    #[error("status area is full: {bytes} bytes of {bytes_max}")]
    StatusFull {
        /// What would have been in it.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// A write failed a moment ago, so nothing was asked of it.
    #[error("it failed a moment ago, and is tried again by itself")]
    Resting {
        /// How it failed.
        #[source]
        source: Arc<StoreError>,
    },
    /// Reading or writing failed, which may be over the next time.
    #[error("{step} store")]
    Io {
        /// `read`, `write`, `open`.
        step: &'static str,
        /// Why.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// The error and its causes, for people.
    #[must_use]
    pub fn with_causes(&self) -> String {
        let causes = std::iter::successors(std::error::Error::source(self), |cause| cause.source());
        causes.fold(self.to_string(), |text, cause| format!("{text}: {cause}"))
    }
}
