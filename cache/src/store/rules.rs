//! What refuses a commit, and what counts against a bound: the same in every backend.

use std::collections::BTreeSet;

use mainsheet_api::{
    change::{Change, Commit, Fence},
    key::Key,
    resource::SourceName,
    version::Revision,
};

use crate::error::{CommitError, StoreError};

/// Where a store stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// The newest revision.
    pub head: Revision,
    /// The newest revision whose commit is no longer kept.
    pub compacted: Revision,
    /// The newest lease.
    pub lease: Fence,
}

/// Refuses what no store takes.
///
/// `changed` says when a (source, key) was last changed, as far as is remembered.
pub(super) fn check(
    commit: &Commit,
    standing: Standing,
    changed: impl FnMut(&SourceName, &Key) -> Result<Option<Revision>, StoreError>,
) -> Result<(), CommitError> {
    check_shape(commit)?;
    if commit.fence != standing.lease {
        return Err(CommitError::Fenced { given: commit.fence, newest: standing.lease });
    }
    if commit.base > standing.head {
        return Err(CommitError::Ahead { base: commit.base, newest: standing.head });
    }
    check_conflicts(commit, standing.compacted, changed)
}

fn check_shape(commit: &Commit) -> Result<(), CommitError> {
    if commit.changes.is_empty() {
        return Err(CommitError::Empty);
    }
    let mut seen = BTreeSet::new();
    match commit.changes.iter().find(|change| !seen.insert((change.key(), change.source()))) {
        Some(again) => Err(CommitError::Repeated { layer: again.source().clone(), key: again.key().clone() }),
        None => Ok(()),
    }
}

/// What is not remembered may have been removed by any dropped commit; assuming the newest of them refuses a writer
/// too many rather than lets one through that has not seen the removal.
fn check_conflicts(
    commit: &Commit,
    compacted: Revision,
    mut changed: impl FnMut(&SourceName, &Key) -> Result<Option<Revision>, StoreError>,
) -> Result<(), CommitError> {
    let mut keys = Vec::new();
    for change in &commit.changes {
        if changed(change.source(), change.key())?.unwrap_or(compacted) > commit.base {
            keys.push(change.key().clone());
        }
    }
    if keys.is_empty() { Ok(()) } else { Err(CommitError::Conflict { base: commit.base, keys }) }
}

/// What a row costs beside its texts: tags, lengths, numbers.
const ROW_OVERHEAD: usize = 64;

/// Bytes by which a change counts against [`super::StoreOptions::commits_bytes_max`] and `bytes_max` of
/// [`super::Store::follow`]: about those that it takes on disk, the same in every backend.
pub(super) fn weight(change: &Change) -> usize {
    let key = change.key();
    let names = change.source().0.len() + key.namespace.len() + key.name.len() + key.scope.len();
    let content = match change {
        Change::Remove { .. } => 0,
        Change::Put(record) => {
            let findings = record.warnings.iter().map(|finding| {
                ROW_OVERHEAD
                    + finding.code.len()
                    + finding.path.len()
                    + finding.reason.len()
                    + finding.remedy.len()
            });
            record.entry.any.len()
                + record.entry.name.len()
                + record.entry.version.as_str().len()
                + record.audience.as_str().len()
                + record.provenance.origin.len()
                + findings.sum::<usize>()
        }
    };
    ROW_OVERHEAD + names + content
}

/// Bytes by which an entry counts against [`super::StoreOptions::status_bytes_max`].
pub(super) fn status_weight(key: &str, value: &[u8]) -> usize {
    key.len() + value.len()
}

/// Refuses a status area that grows past its bound. One that is past it already (the bound was lowered) may shrink.
pub(super) fn check_status(before: usize, after: usize, bytes_max: usize) -> Result<(), StoreError> {
    if after > bytes_max && after > before {
        return Err(StoreError::StatusFull { bytes: after, bytes_max });
    }
    Ok(())
}
