//! What is committed.

use std::sync::Arc;

use crate::{
    key::Key,
    resource::{Record, SourceName},
    time::Timestamp,
    version::Revision,
};

/// One change of one source's layer. A writer changes its own layer only.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Set what `source` says of `key`.
    Put(Arc<Record>),
    /// `source` says nothing of `key` any more.
    Remove {
        /// Whose layer.
        source: SourceName,
        /// Which key.
        key: Key,
    },
}

impl Change {
    /// Whose layer it changes.
    #[must_use]
    pub fn source(&self) -> &SourceName {
        match self {
            Self::Put(record) => &record.source,
            Self::Remove { source, .. } => source,
        }
    }

    /// Which key it changes.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put(record) => &record.key,
            Self::Remove { key, .. } => key,
        }
    }
}

/// The epoch of the lease under which a writer writes. A store refuses one that is not its newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(pub u64);

/// What caused a commit, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cause {
    /// `source files:mesh`, `apply`, `rollback to 41`, `expiry`.
    pub what: String,
    /// Who asked for it, as they call themselves; empty where nobody did.
    pub author: String,
    /// What they said of it.
    pub message: String,
}

impl From<&str> for Cause {
    fn from(what: &str) -> Self {
        Self { what: what.to_owned(), ..Self::default() }
    }
}

/// Changes to be made together or not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The revision that the writer had seen. The commit is refused where a (source, key) of it changed since.
    pub base: Revision,
    /// The writer's lease.
    pub fence: Fence,
    /// What caused it.
    pub cause: Cause,
    /// When.
    pub at: Timestamp,
    /// At most one for each (source, key).
    pub changes: Vec<Change>,
}

/// A commit as followers see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// Its number.
    pub revision: Revision,
    /// What caused it.
    pub cause: Cause,
    /// When.
    pub at: Timestamp,
    /// What changed.
    pub changes: Vec<Change>,
}
