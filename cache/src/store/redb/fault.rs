//! What went wrong inside, before it is told outside with the file's path.

use std::{io, path::Path, sync::Arc};

use redb::{CommitError, DatabaseError, SetDurabilityError, StorageError, TableError, TransactionError};
use tokio::task::JoinError;

use super::{super::encoding::Unreadable, FORMAT, reopen::DiskFailure};
use crate::error::StoreError;

/// Why the file can't be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("it is in use")]
    InUse,
    #[error("it is there already")]
    Exists,
    #[error("{0}")]
    Damaged(String),
    #[error("format {0} is newer")]
    Newer(u32),
    #[error("kind `{0}` is not known")]
    Kind(String),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Database(redb::Error),
    /// Told as it is.
    #[error(transparent)]
    Rule(StoreError),
}

/// Which file the system spoke of, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("`{path}`{advice}")]
struct At {
    path: String,
    advice: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// What to do about it.
fn advice(kind: io::ErrorKind) -> &'static str {
    use io::ErrorKind as K;
    match kind {
        K::StorageFull => "; make room on its disk",
        K::QuotaExceeded => "; make room, or raise the quota",
        K::FileTooLarge => "; raise the limit of file sizes (`ulimit -f`, LimitFSIZE=)",
        K::ReadOnlyFilesystem => "; make its disk writable",
        K::PermissionDenied => "; let the user of this process read and write it",
        _ => "; see to its disk",
    }
}

impl Fault {
    pub(super) fn damaged(found: impl Into<String>) -> Self {
        Self::Damaged(found.into())
    }

    /// As it is told outside.
    pub(super) fn of(self, step: &'static str, path: &Path) -> StoreError {
        let path = path.display().to_string();
        match self {
            Self::InUse => StoreError::InUse { path },
            Self::Exists => StoreError::Exists { path },
            Self::Damaged(found) => StoreError::Damaged {
                path,
                source: Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(found)),
            },
            Self::Newer(found) => StoreError::Newer { path, found, known: FORMAT },
            Self::Kind(kind) => StoreError::UnknownKind { path, kind },
            Self::Rule(error) => error,
            Self::Io(error) => {
                let advice = advice(error.kind());
                StoreError::Io { step, source: Arc::new(At { path, advice, source: error.into() }) }
            }
            Self::Database(error) => {
                StoreError::Io { step, source: Arc::new(At { path, advice: "", source: error.into() }) }
            }
        }
    }
}

/// The database was told of the first by the system, and answers the others until it is opened again.
impl DiskFailure for Fault {
    fn is_disk_failure(&self) -> bool {
        use redb::Error as E;
        matches!(self, Self::Io(_) | Self::Database(E::PreviousIo | E::DatabaseClosed | E::LockPoisoned(_)))
    }
}

/// Sorts out what the database calls damage. Our tables are there in every file of ours, with these types.
impl From<redb::Error> for Fault {
    fn from(error: redb::Error) -> Self {
        use redb::Error as E;
        match error {
            E::DatabaseAlreadyOpen => Self::InUse,
            E::Corrupted(found) => Self::Damaged(found),
            E::TableTypeMismatch { .. }
            | E::TableIsMultimap(_)
            | E::TableIsNotMultimap(_)
            | E::TypeDefinitionChanged { .. }
            | E::TableDoesNotExist(_)
            | E::UpgradeRequired(_)
            | E::RepairAborted => Self::Damaged(error.to_string()),
            E::Io(cause)
                if matches!(cause.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
            {
                Self::Damaged(cause.to_string())
            }
            E::Io(cause) => Self::Io(cause),
            other => Self::Database(other),
        }
    }
}

macro_rules! from_each {
    ($($error:ty),*) => {
        $(impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                redb::Error::from(error).into()
            }
        })*
    };
}

from_each!(CommitError, DatabaseError, SetDurabilityError, StorageError, TableError, TransactionError);

impl From<Unreadable> for Fault {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Kind(kind) => Self::Kind(kind),
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// A panic below us. The database asserts what its pages should say, so damage is what makes it panic.
impl From<JoinError> for Fault {
    fn from(error: JoinError) -> Self {
        if !error.is_panic() {
            return Self::Io(io::Error::other("the runtime is shutting down"));
        }
        let payload = error.into_panic();
        let said =
            payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
        Self::Damaged(format!("reading it failed: {}", said.unwrap_or("panic")))
    }
}
