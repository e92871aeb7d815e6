//! A store's whole content as of one revision, and as bytes: what a backup file is. docs/backup.md describes the format.
//!
//! | module | is |
//! |---|---|
//! | `encode` | the content as pieces |
//! | `decode` | pieces as the content again, or what is wrong with them |

mod decode;
mod encode;

#[cfg(test)]
mod tests;

pub(super) use self::encode::encode;

use bytes::Bytes;
use mainsheet_api::{
    change::{Committed, Fence},
    version::Revision,
};

use super::{State, Stored, rules::Standing};

/// What every backup begins with; the format's number follows, as 4 bytes, the highest first.
const MAGIC: &[u8; 16] = b"mainsheet-backup";

/// Bytes of the magic and the format's number.
const HEADER_LEN: usize = MAGIC.len() + 4;

/// Bytes of one piece at most: a record of the largest file there may be, and what goes around it.
const PIECE_BYTES_MAX: usize = 64 << 20;

/// Everything that a store holds, as of one revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Backup {
    /// The newest revision, and the records.
    pub state: State,
    /// The newest revision whose commit is no longer kept.
    pub compacted: Revision,
    /// The newest lease.
    pub lease: Fence,
    /// The commits that are kept, without gaps up to the newest.
    pub commits: Vec<KeptCommit>,
    /// The status area, in order of keys.
    pub status: Vec<(String, Bytes)>,
}

/// A commit that is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptCommit {
    /// The commit.
    pub committed: Committed,
    /// What each of its changes replaced; `None` where the store's format did not keep that yet.
    pub before: Option<Vec<Option<Stored>>>,
}

impl Backup {
    /// The newest format of backups that this version reads, and the one that it writes.
    pub const FORMAT: u32 = 1;

    pub(super) fn standing(&self) -> Standing {
        let unrecorded = self.commits.iter().rev().find(|kept| kept.before.is_none());
        Standing {
            head: self.state.revision,
            compacted: self.compacted,
            lease: self.lease,
            // As far as it counts: what is compacted can't be looked back at in any case.
            unrecorded: unrecorded.map_or(Revision::ZERO, |kept| kept.committed.revision),
        }
    }
}

/// Why a backup can't be read. Nothing is made of one that can't be read to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// Another file.
    #[error("it is no backup of mainsheet: it does not begin as one")]
    NoBackup,
    /// Written by a later version.
    #[error(
        "its format {found} is newer than {known}, the newest that this version reads; use the version that wrote it"
    )]
    Newer {
        /// What the file says.
        found: u32,
        /// What this version writes.
        known: u32,
    },
    /// It ends too early.
    #[error(
        "it is cut off: it ends after {len} bytes, in the middle; take the backup again, or copy the whole file"
    )]
    CutOff {
        /// Its bytes.
        len: usize,
    },
    /// Its bytes are not those that were written.
    #[error("it is damaged at byte {at}: {found}; use another copy")]
    Damaged {
        /// Where the piece begins.
        at: usize,
        /// What was found.
        found: String,
    },
    /// Written by a version with other kinds.
    #[error(
        "it holds resources of kind `{0}`, which this version does not have; use the version that wrote it"
    )]
    UnknownKind(String),
}
