//! What refuses a commit, and what counts against a bound: the same in every backend.

use std::{collections::BTreeSet, time::Duration};

use mainsheet_api::{
    change::{Change, Commit, Fence},
    key::Key,
    resource::{Record, SourceName},
    time::Timestamp,
    version::Revision,
};

use super::{StoreOptions, Stored};
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
    /// The newest revision of which it is not kept what it replaced.
    pub unrecorded: Revision,
}

impl Standing {
    /// The oldest revision whose state can be worked out.
    pub(super) fn oldest(&self) -> Revision {
        self.compacted.max(self.unrecorded)
    }
}

/// The commits that are kept, for whether they are too many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retained {
    pub len: u64,
    pub bytes: u64,
    /// How long before the newest the oldest was made ([`age`]); none where nobody asks.
    pub age: Option<Duration>,
    /// How many may still be dropped for their age with these commits.
    pub aged_left: u64,
}

/// Why the oldest commit is to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    Size,
    Age,
}

/// How many commits one commit may drop for their age. Two, so that the clock of a moment is not believed with all that is
/// kept: one that is set far ahead, and back, takes two a commit; and more than one, so that it catches up.
pub(super) const AGED_PER_COMMIT_MAX: u64 = 2;

/// How long before the newest commit the oldest was made, as far as calendars say, of when each was made, the oldest first.
/// One that is dated after the newest was made by a clock that was set back since: it is as old as the next that is not.
pub(super) fn age(made: impl IntoIterator<Item = Timestamp>, newest: Timestamp) -> Duration {
    let believed = made.into_iter().find(|at| *at <= newest);
    believed.map_or(Duration::ZERO, |at| newest.since(at))
}

impl Retained {
    /// Whether the oldest is to be dropped, and why.
    pub(super) fn excess(&self, options: &StoreOptions) -> Option<Excess> {
        if self.len <= 1 {
            return None;
        }
        if self.len > options.commits_kept_max as u64 || self.bytes > options.commits_bytes_max as u64 {
            return Some(Excess::Size);
        }
        let is_too_old = self.age.zip(options.commits_age_max).is_some_and(|(age, age_max)| age > age_max);
        (is_too_old && self.aged_left > 0).then_some(Excess::Age)
    }
}

/// Makes a group of commits: once one is refused by a rule, those behind it are orphans.
///
/// # Errors
/// Where the store itself fails.
pub(super) fn commit_each<C, E>(
    commits: impl IntoIterator<Item = C>,
    mut commit: impl FnMut(C) -> Result<Result<Revision, CommitError>, E>,
) -> Result<Vec<Result<Revision, CommitError>>, E> {
    let mut is_refused = false;
    let answer = |one: C| {
        if is_refused {
            return Ok(Err(CommitError::Orphaned));
        }
        let answer = commit(one)?;
        is_refused = answer.is_err();
        Ok(answer)
    };
    commits.into_iter().map(answer).collect()
}

/// Refuses what no store takes. `standing` is how the store stood before the commit's group.
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
    check_conflicts(commit, standing, changed)
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
    standing: Standing,
    mut changed: impl FnMut(&SourceName, &Key) -> Result<Option<Revision>, StoreError>,
) -> Result<(), CommitError> {
    let mut keys = Vec::new();
    for change in &commit.changes {
        let changed = changed(change.source(), change.key())?.unwrap_or(standing.compacted);
        let is_of_group = changed > standing.head;
        if changed > commit.base && !is_of_group {
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
    match change {
        Change::Remove { source, key } => weight_of_place(source, key),
        Change::Put(record) => weight_of_record(record),
    }
}

/// Bytes by which what a commit replaced counts against the same bound.
pub(super) fn weight_before(before: &[Option<Stored>]) -> usize {
    before.iter().flatten().map(|stored| weight_of_record(&stored.record)).sum()
}

fn weight_of_place(source: &SourceName, key: &Key) -> usize {
    ROW_OVERHEAD + source.0.len() + key.namespace.len() + key.name.len() + key.scope.len()
}

/// Bytes by which a record counts.
pub(super) fn weight_of_record(record: &Record) -> usize {
    let findings = record.warnings.iter().map(|finding| {
        ROW_OVERHEAD + finding.code.len() + finding.path.len() + finding.reason.len() + finding.remedy.len()
    });
    weight_of_place(&record.source, &record.key)
        + record.entry.any.len()
        + record.entry.name.len()
        + record.entry.version.as_str().len()
        + record.audience.as_str().len()
        + record.provenance.origin.len()
        + findings.sum::<usize>()
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
