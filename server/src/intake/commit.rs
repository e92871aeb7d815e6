//! One round's way into the store: judged, planned against the newest snapshot, committed, published.

use std::{collections::HashMap, sync::Arc, time::Duration};

use mainsheet_api::{
    change::{Cause, Change, Commit, Fence},
    key::Key,
    resource::SourceName,
    time::Clock,
    version::Revision,
};
use mainsheet_cache::{Cache, CommitError, blocking, snapshot::SnapshotCatalog};
use tokio::sync::{Mutex, watch};

use super::{
    Lifetime,
    criteria::Criteria,
    ended::with_ended_holds,
    guard::Hold,
    judge::{Judged, judge_all},
    merge::Round,
    plan::{JudgedRound, Leasing, Named, Plan, plan},
    stats::{IntakeStats, Step, add},
};
use crate::{leases::Leases, source::LastWritten, store_state};

/// Between attempts to write to a store that fails: the first, and the longest.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// What commits: under one lease, one round after the other.
#[derive(Clone)]
pub(super) struct Committer {
    pub(super) cache: Cache,
    pub(super) leases: Leases,
    pub(super) lifetimes: Arc<HashMap<SourceName, Lifetime>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stats: Arc<IntakeStats>,
    pub(super) criteria: Criteria,
    pub(super) fence: Fence,
    pub(super) turn: Turn,
}

/// The turn to commit: rounds and writes one at a time, in the order in which they asked. It is kept until what was
/// committed is published, and says what must have been seen by what is planned next.
pub(super) type Turn = Arc<Mutex<Revision>>;

/// A round that was taken in and, if it changed something, is published.
pub(super) struct Done {
    pub(super) round: Arc<JudgedRound>,
    /// Resources that it removed.
    pub(super) removed: usize,
    pub(super) holds: Vec<Hold>,
    pub(super) withheld: Named,
}

/// What became of one attempt to commit a round.
enum Attempt {
    Done(Done),
    /// Somebody else changed the same keys.
    Conflict,
    /// The store did.
    Failed,
}

/// How many changes of which sort, for the log.
pub(super) struct Tally {
    pub(super) put: usize,
    pub(super) removed: usize,
}

impl Tally {
    pub(super) fn of(changes: &[Change]) -> Self {
        let put = changes.iter().filter(|change| matches!(change, Change::Put(_))).count();
        Self { put, removed: changes.len() - put }
    }
}

impl Committer {
    /// Takes a round in. `named` is what rejected documents named before it, `withheld` what earlier rounds withheld.
    ///
    /// # Errors
    /// Where another writer took the lease, or the cache is gone.
    pub(super) async fn take_in(self, round: Round, named: Named, withheld: Named) -> anyhow::Result<Done> {
        let Round { source, is_whole, reports, released } = round;
        let criteria = self
            .criteria
            .of_source(&source)
            .with_rules_among(reports.iter().flat_map(|report| &report.documents));
        let reports = self.timed(Step::Judge, judge_all(reports, &criteria)).await?;
        self.count(&reports);
        let round = Arc::new(JudgedRound { source, is_whole, reports, released, named, withheld });
        let mut retry = RETRY_MIN;
        loop {
            match self.attempt(&round).await? {
                Attempt::Done(done) => return Ok(done),
                Attempt::Conflict => add(&self.stats.conflicts, 1),
                // Without the turn: whoever writes meanwhile learns of the failure at once.
                Attempt::Failed => {
                    tokio::time::sleep(retry).await;
                    retry = (retry * 2).min(RETRY_MAX);
                }
            }
        }
    }

    async fn attempt(&self, round: &Arc<JudgedRound>) -> anyhow::Result<Attempt> {
        let mut turn = self.turn.lock().await;
        let mut snapshots = self.cache.subscribe();
        let snapshot = at_least(&mut snapshots, *turn).await?;
        let base = snapshot.0.revision();
        let Plan { changes, holds, withheld, same, forgotten } =
            self.timed(Step::Plan, self.plan(snapshot, Arc::clone(round))).await?;
        let done = |removed| Done { round: Arc::clone(round), removed, holds, withheld };
        if changes.is_empty() {
            self.note_leases(&round.source, &same, &forgotten).await;
            return Ok(Attempt::Done(done(0)));
        }
        let Tally { put, removed } = Tally::of(&changes);
        let commit = self.commit_of(round, base, changes);
        match self.timed(Step::Commit, self.cache.commit(commit)).await {
            Ok(committed) => {
                add(&self.stats.commits, 1);
                tracing::info!(revision = committed.0, source = %round.source, put, removed, "committed");
                // What is planned next, and what awaits this source, must see it.
                *turn = committed;
                self.timed(Step::Publish, at_least(&mut snapshots, committed)).await?;
                self.note_leases(&round.source, &same, &forgotten).await;
                Ok(Attempt::Done(done(removed)))
            }
            Err(CommitError::Conflict { .. }) => {
                *turn = base.next();
                Ok(Attempt::Conflict)
            }
            Err(CommitError::Store(error)) => {
                store_state::tell(
                    &format!("commit what source {} told; it is tried again", round.source),
                    &error,
                );
                Ok(Attempt::Failed)
            }
            // Somebody else has the lease, or the commit itself is at fault.
            Err(error) => Err(error.into()),
        }
    }

    /// Off the tasks that serve: a whole batch is compared with all that the layer holds.
    async fn plan(&self, snapshot: SnapshotCatalog, round: Arc<JudgedRound>) -> anyhow::Result<Plan> {
        let now = self.clock.now();
        let lifetime = self.lifetimes.get(&round.source).copied().unwrap_or_default();
        let leasing = Leasing { lifetime, ended: self.leases.ended_of(&round.source) };
        let work = move || {
            let plan = plan(&snapshot.0.layer(&round.source), &round, &leasing, now);
            Plan { changes: with_ended_holds(&snapshot.0, plan.changes), ..plan }
        };
        Ok(blocking::spawn(work).await?)
    }

    /// Renews what was written again, and forgets what ended and is no longer there, or is there anew. Should the store fail,
    /// a restart knows older deadlines.
    async fn note_leases(&self, source: &SourceName, same: &[(Key, LastWritten)], forgotten: &[Key]) {
        let _noting = self.leases.noting().await;
        let renewals = self.leases.renewals_of(source, same);
        let mut notes = Leases::notes(&renewals);
        notes.extend(self.leases.forget_ended(source, forgotten));
        if notes.is_empty() {
            return;
        }
        self.leases.renew(&renewals);
        if let Err(error) = self.cache.store().set_status(notes).await {
            store_state::tell(&format!("note leases of source {source}"), &error);
        }
    }

    pub(super) async fn timed<T>(&self, step: Step, work: impl Future<Output = T>) -> T {
        let start = self.clock.uptime();
        let answer = work.await;
        self.stats.took(step, self.clock.uptime().since(start));
        answer
    }

    fn commit_of(&self, round: &JudgedRound, base: Revision, changes: Vec<Change>) -> Commit {
        let cause = Cause { what: format!("source {}", round.source), ..Cause::default() };
        Commit { base, fence: self.fence, cause, at: self.clock.wall(), changes }
    }

    fn count(&self, reports: &[Judged]) {
        for report in reports {
            add(&self.stats.accepted, report.accepted.len());
            add(&self.stats.rejected, report.rejected.len());
            add(&self.stats.ignored, report.ignored);
        }
    }
}

/// Waits for a snapshot that has seen a revision.
pub(super) async fn at_least(
    snapshots: &mut watch::Receiver<SnapshotCatalog>,
    revision: Revision,
) -> anyhow::Result<SnapshotCatalog> {
    let is_new = |snapshot: &SnapshotCatalog| snapshot.0.revision() >= revision;
    let snapshot = snapshots.wait_for(is_new).await.map_err(|_| anyhow::anyhow!("the cache is gone"))?;
    Ok(snapshot.clone())
}
