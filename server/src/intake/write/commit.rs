//! A group of writes' way into the store: planned on the newest snapshot, committed with one flush, published, answered.

use std::sync::Arc;

use mainsheet_api::{
    change::{Cause, Commit},
    lease::Renewal,
    planted::{self, Fault},
    version::Revision,
};
use mainsheet_cache::{CommitError, StoreError, blocking};

use super::{
    Job, WriteError,
    group::{Group, PlannedJob, plan_group},
};
use crate::{
    intake::{
        commit::{Committer, Tally, at_least},
        stats::{Step, add},
    },
    leases::Leases,
    store_state,
};

/// Times that a write is planned because others changed the same meanwhile. Only another server on the same store is ever
/// quicker, and each attempt takes as long as a commit.
const ATTEMPTS_MAX: u32 = 16;

/// What became of one write of a group.
enum Outcome {
    /// It is durable, or there was nothing to commit.
    Done(Revision),
    /// Somebody else changed the same.
    Lost,
    /// It was planned on something that was not made, and so was its answer.
    Orphaned,
    Not(WriteError),
}

impl Committer {
    /// Makes writes. Returns those that are to be planned anew, before any others.
    ///
    /// # Errors
    /// Where another writer took the lease, or the cache is gone.
    pub(in crate::intake) async fn write(self, jobs: Vec<Box<dyn Job>>) -> anyhow::Result<Vec<Box<dyn Job>>> {
        let mut turn = Arc::clone(&self.turn).lock_owned().await;
        let mut snapshots = self.cache.subscribe();
        let snapshot = at_least(&mut snapshots, *turn).await?;
        let base = snapshot.0.revision();
        let now = self.clock.now();
        let planning = blocking::spawn(move || plan_group(&snapshot.0, jobs, now));
        let group = self.timed(Step::Plan, planning).await?;
        let Group { planned, later } = match self.renew(group.renewals()).await {
            Ok(()) => group,
            Err(error) => without_renewing(group, &error),
        };
        let commits = planned.iter().filter(|planned| !planned.changes.is_empty());
        let commits: Vec<Commit> = commits.map(|planned| self.commit_of_job(planned, base)).collect();
        let answers = self.timed(Step::Commit, self.cache.commit_all(commits)).await;
        let (outcomes, fatal) = self.outcomes(&planned, answers, base);
        let made = outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Done(revision) => Some(*revision),
            Outcome::Lost | Outcome::Orphaned | Outcome::Not(_) => None,
        });
        let newest = made.max().unwrap_or(base);
        let is_conflict = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Lost));
        // What is planned next must have seen it: ours, or what somebody else made.
        *turn = if is_conflict { newest.max(base.next()) } else { newest };
        let published = self.timed(Step::Publish, at_least(&mut snapshots, newest)).await;
        drop(turn);
        let again = answer(planned, outcomes);
        // What is durable was answered, also where nothing is published any more because the server stops.
        if let Some(error) = fatal {
            return Err(error.into());
        }
        published?;
        Ok(again.into_iter().chain(later).collect())
    }

    /// Before anything is committed: should it fail, nothing was done.
    async fn renew(&self, renewals: Vec<Renewal>) -> Result<(), WriteError> {
        if renewals.is_empty() {
            return Ok(());
        }
        let _noting = self.leases.noting().await;
        let renewed = self.cache.store().set_status(Leases::notes(&renewals)).await;
        renewed.map_err(|error| WriteError::Refused(told("renew leases", error)))?;
        self.leases.renew(&renewals);
        Ok(())
    }

    fn commit_of_job(&self, planned: &PlannedJob, base: Revision) -> Commit {
        let (cause, changes) = (planned.job.cause().clone(), planned.changes.clone());
        Commit { base, fence: self.fence, cause, at: self.clock.wall(), changes }
    }

    /// What became of each, and what makes it pointless to go on.
    fn outcomes(
        &self,
        planned: &[PlannedJob],
        answers: Vec<Result<Revision, CommitError>>,
        base: Revision,
    ) -> (Vec<Outcome>, Option<CommitError>) {
        let mut answers = answers.into_iter();
        let (mut seen, mut expected, mut is_as_planned, mut fatal) = (base, base.next(), true, None);
        let mut outcomes = Vec::with_capacity(planned.len());
        for planned in planned {
            let answer = if planned.changes.is_empty() { None } else { answers.next() };
            outcomes.push(match answer {
                None if is_as_planned => Outcome::Done(seen),
                None => Outcome::Orphaned,
                Some(Ok(revision)) => {
                    // Those behind it may name it by its revision.
                    is_as_planned &= revision == expected;
                    (seen, expected) = (revision, expected.next());
                    self.committed(planned, revision);
                    Outcome::Done(revision)
                }
                Some(Err(error)) => {
                    is_as_planned = false;
                    self.refused(planned, error, &mut fatal)
                }
            });
        }
        (outcomes, fatal)
    }

    fn committed(&self, planned: &PlannedJob, revision: Revision) {
        add(&self.stats.commits, 1);
        let Tally { put, removed } = Tally::of(&planned.changes);
        let Cause { what, author, .. } = planned.job.cause();
        tracing::info!(revision = revision.0, cause = what, author, put, removed, "committed");
    }

    fn refused(&self, planned: &PlannedJob, error: CommitError, fatal: &mut Option<CommitError>) -> Outcome {
        match error {
            CommitError::Conflict { .. } => {
                add(&self.stats.conflicts, 1);
                Outcome::Lost
            }
            CommitError::Orphaned => Outcome::Orphaned,
            CommitError::Store(_) if planted::is(Fault::AnsweredUndone) => {
                Outcome::Done(self.cache.snapshot().0.revision())
            }
            CommitError::Store(error) => {
                let is_unknown = may_be_made(&error);
                let error = told("commit a write", error);
                Outcome::Not(if is_unknown { WriteError::Failed(error) } else { WriteError::Refused(error) })
            }
            CommitError::Empty | CommitError::Repeated { .. } => {
                tracing::error!(cause = planned.job.cause().what, "a write can't be committed: {error}");
                Outcome::Not(WriteError::Internal(error.to_string()))
            }
            CommitError::Fenced { .. } | CommitError::Ahead { .. } => {
                *fatal = Some(error);
                Outcome::Not(WriteError::Stopped)
            }
        }
    }
}

/// Tells that the store failed, and shares why.
fn told(step: &str, error: StoreError) -> Arc<StoreError> {
    store_state::tell(step, &error);
    Arc::new(error)
}

/// What is left of a group whose renewals can't be written: what renews is refused, and what was planned on changes of such
/// a write waits to be planned anew.
fn without_renewing(group: Group, error: &WriteError) -> Group {
    let mut left = Group::default();
    let mut is_as_planned = true;
    for planned in group.planned {
        if !planned.renewals.is_empty() {
            is_as_planned &= planned.changes.is_empty();
            planned.job.answer(Err(error.clone()));
        } else if is_as_planned {
            left.planned.push(planned);
        } else {
            left.later.push(planned.job);
        }
    }
    left.later.extend(group.later);
    left
}

/// Answers what was made and what was refused; returns the rest. What lost is before all that was planned on it, so that
/// with each turn one is answered, or has an attempt less.
fn answer(planned: Vec<PlannedJob>, outcomes: Vec<Outcome>) -> Vec<Box<dyn Job>> {
    let mut again = Vec::new();
    for (PlannedJob { mut job, .. }, outcome) in planned.into_iter().zip(outcomes) {
        match outcome {
            Outcome::Done(revision) => job.answer(Ok(revision)),
            Outcome::Not(error) => job.answer(Err(error)),
            Outcome::Lost if job.lost() >= ATTEMPTS_MAX => job.answer(Err(WriteError::Contended)),
            Outcome::Lost | Outcome::Orphaned => again.push(job),
        }
    }
    again
}

/// A store that fails to look something up has written nothing; what fails on the way to the disk may be there.
fn may_be_made(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { step: "write", .. } | StoreError::Damaged { .. })
}
