//! What writes that wait together commit: a pure function of them and the state.

use std::collections::HashSet;

use mainsheet_api::{change::Change, key::Key, lease::Renewal, resource::SourceName, version::Revision};
use mainsheet_cache::snapshot::Snapshot;

use super::{
    super::ended::with_ended_holds,
    Now,
    job::{Job, Proposal},
};

/// Bytes of a group's changes after which no further write joins it: two large ones, or some thousand small ones, and a flush
/// that takes some tenths of a second.
const GROUP_BYTES_MAX: usize = 16 << 20;

/// Writes, each planned on the state that those before it leave.
#[derive(Default)]
pub(super) struct Group {
    pub(super) planned: Vec<PlannedJob>,
    /// To be planned once the others are published, in this order.
    pub(super) later: Vec<Box<dyn Job>>,
}

impl Group {
    pub(super) fn renewals(&self) -> Vec<Renewal> {
        self.planned.iter().flat_map(|planned| planned.renewals.iter().cloned()).collect()
    }
}

/// A write, and what it commits.
pub(super) struct PlannedJob {
    pub(super) job: Box<dyn Job>,
    /// With what they bring about in the layer of rollbacks. None: there is nothing to commit.
    pub(super) changes: Vec<Change>,
    pub(super) renewals: Vec<Renewal>,
}

/// Plans writes one after the other. One that changes what an earlier one renews waits, and all behind it do: it may have
/// been planned because the lease is over, which it is not once it is renewed.
pub(super) fn plan_group(snapshot: &Snapshot, jobs: Vec<Box<dyn Job>>, now: Now) -> Group {
    let mut group = Group::default();
    let mut after: Option<Snapshot> = None;
    let (mut renewed, mut bytes) = (HashSet::new(), 0);
    let mut jobs = jobs.into_iter().filter(|job| !job.is_abandoned());
    for mut job in jobs.by_ref() {
        let state = after.as_ref().unwrap_or(snapshot);
        let Proposal { changes, renewals } = match job.plan(state, now) {
            Ok(proposal) => proposal,
            Err(error) => {
                job.answer(Err(error));
                continue;
            }
        };
        let changes = with_ended_holds(state, changes);
        if changes.iter().any(|change| renewed.contains(&place(change))) {
            group.later.push(job);
            break;
        }
        if !changes.is_empty() {
            bytes += changes.iter().map(bytes_of).sum::<usize>();
            after = Some(state.with_changes(next(state), changes.iter().cloned()));
        }
        renewed.extend(renewals.iter().map(|renewal| (renewal.source.clone(), renewal.key.clone())));
        group.planned.push(PlannedJob { job, changes, renewals });
        if bytes > GROUP_BYTES_MAX {
            break;
        }
    }
    group.later.extend(jobs);
    group
}

/// The revision that a store gives the next commit.
fn next(state: &Snapshot) -> Revision {
    state.revision().next()
}

fn place(change: &Change) -> (SourceName, Key) {
    (change.source().clone(), change.key().clone())
}

fn bytes_of(change: &Change) -> usize {
    match change {
        Change::Put(record) => record.entry.any.len(),
        Change::Remove { .. } => 0,
    }
}

#[cfg(test)]
mod tests;
