//! Rows of durable stores as bytes, and back, for whoever tries any bytes on them (feature `testing`).

use bytes::Bytes;
use mainsheet_api::{
    change::{Change, Commit, Committed},
    version::Revision,
};

use super::{
    Recorded, Stored,
    encoding::{self, EncodedCommit, Unreadable},
};

fn text(unreadable: Unreadable) -> String {
    unreadable.to_string()
}

/// The row of a (source, key): none where it was removed.
///
/// # Errors
/// Why it can't be read.
pub fn decode_row(row: Bytes) -> Result<Option<Stored>, String> {
    encoding::decode_row(row).map_err(text)
}

/// A record as its row.
#[must_use]
pub fn encode_row(stored: &Stored) -> Bytes {
    encoding::encode_row(stored.changed, &Change::Put(stored.record.clone())).into()
}

/// A commit from all of its parts.
///
/// # Errors
/// Why they can't be read.
pub fn decode_commit(revision: Revision, parts: Vec<Bytes>) -> Result<Committed, String> {
    encoding::decode_commit(revision, parts).map_err(text)
}

/// What a commit replaced, from all of its parts.
///
/// # Errors
/// Why they can't be read.
pub fn decode_before(committed: Committed, parts: Vec<Bytes>) -> Result<Recorded, String> {
    encoding::decode_before(committed, parts).map_err(text)
}

/// A commit as parts, and what it replaced.
#[must_use]
pub fn encode_commit(commit: &Commit, before: Option<&[Option<Stored>]>) -> (Vec<Bytes>, Vec<Bytes>) {
    let EncodedCommit { parts, before, .. } = encoding::encode_commit(commit, before);
    (parts, before)
}
