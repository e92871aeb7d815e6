//! The intake's task: receives while a round is taken in, and keeps its state.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use mainsheet_api::{
    key::Key,
    kind::Kind,
    resource::SourceName,
    time::{Clock, Timestamp, Uptime},
    version::{Revision, VersionSum},
    view::View,
    xds::catalog::Catalog as _,
};
use mainsheet_cache::{Cache, snapshot::SnapshotCatalog};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    IntakeOptions,
    commit::{Committer, Done},
    criteria::Criteria,
    guard::{Guard, Hold},
    judge::Judged,
    merge::{Pending, Round},
    notes::{HoldNotes, stored_form},
    plan::{Named, Now},
    retired::Retired,
    stats::{IntakeStats, set},
    verdicts::VerdictsWriter,
};
use crate::{readiness::ReadinessGuard, source::Batch};

/// Between writes to the status area.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);

/// For the commit in flight when the order to end comes.
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the status area notes that a source has once told everything.
fn completed_key(source: &SourceName) -> String {
    format!("source/{source}/completed")
}

/// The source of such a note.
fn completed_source(key: &str) -> Option<SourceName> {
    let name = key.strip_prefix("source/")?.strip_suffix("/completed")?;
    Some(SourceName(Arc::from(name)))
}

type InFlight = Pin<Box<dyn Future<Output = anyhow::Result<Done>> + Send>>;

/// The intake, ready to run.
pub struct Intake {
    pub(super) cache: Cache,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stats: Arc<IntakeStats>,
    pub(super) batches: mpsc::Receiver<Batch>,
    pub(super) confirmations: mpsc::Receiver<SourceName>,
    pub(super) holds: watch::Sender<Vec<Hold>>,
    pub(super) retell: watch::Sender<()>,
    pub(super) awaited: BTreeMap<SourceName, ReadinessGuard>,
    pub(super) verdicts: VerdictsWriter,
    pub(super) notes: HoldNotes,
    pub(super) options: IntakeOptions,
}

impl Intake {
    /// Takes the lease and takes batches in, until the order to end; then ends the commit that is in flight.
    ///
    /// # Errors
    /// Where the store can't be read at the start, where another writer takes the lease, or the cache is gone.
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let configured: BTreeSet<SourceName> = self.awaited.keys().cloned().collect();
        let completed = self.release_completed().await?;
        let fence = self.cache.store().take_lease().await?;
        let retired = self.retire(configured, completed).await?;
        let committer = Committer {
            cache: self.cache.clone(),
            clock: Arc::clone(&self.clock),
            stats: Arc::clone(&self.stats),
            criteria: Criteria::of_snapshot(&self.cache.snapshot(), &self.options.root_namespace)
                .weighing(self.options.validation),
            fence,
            committed: Revision::ZERO,
        };
        let rules_version = rules_version(&self.cache.snapshot());
        let pending = Pending::new(self.options.quiet, self.options.delay_max);
        let guard = Guard::new(self.options.guard_hold, self.options.guard);
        let running = RunningIntake {
            intake: self,
            committer,
            pending,
            guard,
            retired,
            rules_version,
            withheld: BTreeMap::new(),
            saved: Uptime::default(),
        };
        running.run(stop).await
    }

    /// Sources that completed in an earlier run are not awaited. Returns them, configured or not.
    async fn release_completed(&mut self) -> anyhow::Result<BTreeSet<SourceName>> {
        let status = self.cache.store().status("").await?;
        let completed: BTreeSet<SourceName> =
            status.iter().filter_map(|(key, _)| completed_source(key)).collect();
        let released: Vec<_> = self.awaited.extract_if(.., |source, _| completed.contains(source)).collect();
        released.into_iter().for_each(|(_, guard)| guard.release());
        self.notes = HoldNotes::of(&status);
        self.verdicts.stored_before(status.into_iter().map(|(key, _)| key));
        Ok(completed)
    }

    /// Finds the sources that nobody configures any more. Should one be configured again it is awaited like a new one,
    /// because what it holds may be gone by then: that it completed is forgotten before anything of it is removed.
    async fn retire(
        &self,
        configured: BTreeSet<SourceName>,
        completed: BTreeSet<SourceName>,
    ) -> anyhow::Result<Retired> {
        let snapshot = self.cache.snapshot().0;
        let mut known: BTreeSet<SourceName> = snapshot.sources().cloned().collect();
        known.extend(self.verdicts.stored_sources());
        known.extend(completed.iter().cloned());
        let retired = Retired::new(configured, known);
        for source in retired.sources() {
            let resources = snapshot.layer(source).len();
            tracing::warn!(
                %source,
                resources,
                "source is no longer configured; what it holds is removed once all others have told everything"
            );
        }
        let forgotten = retired.sources().filter(|source| completed.contains(source));
        let forgotten: Vec<_> = forgotten.map(|source| (completed_key(source), None)).collect();
        if !forgotten.is_empty() {
            self.cache.store().set_status(forgotten).await?;
        }
        Ok(retired)
    }
}

/// The running intake.
struct RunningIntake {
    intake: Intake,
    committer: Committer,
    pending: Pending,
    guard: Guard,
    retired: Retired,
    /// Of the rules by which documents are judged.
    rules_version: VersionSum,
    /// What each source's rounds withheld. The whole batch after a restart finds it again.
    withheld: BTreeMap<SourceName, Named>,
    saved: Uptime,
}

impl RunningIntake {
    async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut in_flight: Option<InFlight> = None;
        loop {
            if in_flight.is_none() {
                in_flight = self.next_round().map(|round| self.begin(round));
            }
            self.show();
            let pause = tokio::time::sleep(self.pause(in_flight.is_some()));
            tokio::select! {
                // In this order: once the order to end is given, sources end too, which is no failure then.
                biased;
                () = stop.cancelled() => break,
                Some(done) = when(&mut in_flight) => {
                    in_flight = None;
                    self.end(done?).await;
                }
                Some(source) = self.intake.confirmations.recv() => self.confirm(&source),
                batch = self.intake.batches.recv(), if !self.pending.is_full() => match batch {
                    Some(batch) => self.receive(batch),
                    None if stop.is_cancelled() => break,
                    None => anyhow::bail!("every source is gone"),
                },
                () = pause => {}
            }
            self.save_if_due().await;
        }
        self.finish(in_flight).await;
        Ok(())
    }

    /// Ends the commit in flight. What it can't end in time is told again by its source after the next start.
    async fn finish(&mut self, in_flight: Option<InFlight>) {
        if let Some(in_flight) = in_flight {
            match tokio::time::timeout(FINISH_TIMEOUT, in_flight).await {
                Ok(Ok(done)) => self.end(done).await,
                // The cache may have ended first: what was committed is published by the next process.
                Ok(Err(error)) => tracing::info!("stopped while taking changes in: {error:#}"),
                Err(_) => tracing::warn!("stopped while a commit was still being made"),
            }
        }
        self.save().await;
    }

    fn receive(&mut self, batch: Batch) {
        let layer = self.intake.cache.snapshot().0.layer(&batch.source);
        let source = batch.source.clone();
        let verdicts = &self.intake.verdicts;
        self.pending.receive(batch, self.now(), |origin| {
            let held = layer.of_origin(origin);
            let mut namespaces: BTreeSet<_> = held.map(|held| Arc::clone(&held.key.namespace)).collect();
            namespaces.extend(verdicts.namespaces_of(&source, origin));
            namespaces
        });
    }

    /// What is to be taken in now: removals that the guard lets go, together with all that waits of the same source, which
    /// may say otherwise of the same keys; or else what is due.
    fn next_round(&mut self) -> Option<Round> {
        let now = self.now();
        match self.guard.take_due(now) {
            Some((source, keys)) => Some(self.released(&source, keys)),
            None => self.pending.take(now),
        }
    }

    fn released(&mut self, source: &SourceName, keys: BTreeSet<Key>) -> Round {
        tracing::warn!(%source, removals = keys.len(), "held removals are made now");
        Round { released: keys, ..self.pending.take_all(source) }
    }

    fn begin(&self, round: Round) -> InFlight {
        let named = self.intake.verdicts.named(&round.source);
        let withheld = self.withheld.get(&round.source).cloned().unwrap_or_default();
        Box::pin(self.committer.clone().take_in(round, named, withheld))
    }

    async fn end(&mut self, done: Done) {
        let Done { round, removed, mut holds, withheld, committed } = done;
        self.committer.committed = committed;
        self.intake.verdicts.take_in(&round);
        self.guard.forget(&round.source, round.reports.iter().flat_map(Judged::accepted_keys));
        if round.is_whole {
            if self.retired.contains(&round.source) {
                tell_removed(&round.source, removed, &holds);
            }
            let wall = self.intake.clock.wall();
            self.intake.notes.resume(&round.source, &mut holds, wall, self.guard.time());
            for hold in self.guard.replace(&round.source, holds) {
                alarm(&hold, &self.intake.options);
            }
            self.complete(&round.source).await;
            self.retired.told(&round.source).into_iter().for_each(|batch| self.receive(batch));
        }
        self.withheld.insert(round.source.clone(), withheld);
        self.pending.published();
        self.follow_rules();
    }

    /// Where the rules that are served are others, what was judged before is judged again: sources tell it again.
    fn follow_rules(&mut self) {
        let snapshot = self.intake.cache.snapshot();
        let version = rules_version(&snapshot);
        if version == self.rules_version {
            return;
        }
        self.rules_version = version;
        let options = &self.intake.options;
        self.committer.criteria =
            Criteria::of_snapshot(&snapshot, &options.root_namespace).weighing(options.validation);
        tracing::info!(
            rules = snapshot.0.count(Kind::VALIDATION_RULE),
            "rules changed; everything is judged again"
        );
        self.intake.retell.send_replace(());
    }

    /// The source has told everything, and it is published.
    async fn complete(&mut self, source: &SourceName) {
        let Some(guard) = self.intake.awaited.remove(source) else { return };
        let marker = vec![(completed_key(source), Some(Bytes::from_static(b"1")))];
        if let Err(error) = self.intake.cache.store().set_status(marker).await {
            // Without it, a restart waits for the source's first batch again: nothing worse.
            self.failed("note that a source completed", error);
        }
        tracing::info!(%source, "source has told everything that it has");
        guard.release();
    }

    fn confirm(&mut self, source: &SourceName) {
        // Made by the next round like any other removal that is due.
        self.guard.confirm(source);
    }

    async fn save_if_due(&mut self) {
        if self.is_unsaved() && self.saved.after(SAVE_INTERVAL) <= self.now() {
            self.save().await;
        }
    }

    async fn save(&mut self) {
        self.saved = self.now();
        let mut entries = self.intake.verdicts.take_unsaved();
        let notes = self.unsaved_notes();
        entries.extend(notes.iter().map(stored_form));
        if entries.is_empty() {
            return;
        }
        let keys: Vec<String> = entries.iter().map(|(key, _)| key.clone()).collect();
        match self.intake.cache.store().set_status(entries).await {
            Ok(()) => self.intake.notes.saved(notes),
            Err(error) => {
                self.intake.verdicts.not_saved(&keys);
                self.failed("save what is rejected and what is held", error);
            }
        }
    }

    fn is_unsaved(&self) -> bool {
        self.intake.verdicts.is_unsaved() || !self.unsaved_notes().is_empty()
    }

    fn unsaved_notes(&self) -> Vec<(String, Option<Timestamp>)> {
        let now = Now { wall: self.intake.clock.wall(), uptime: self.now() };
        self.intake.notes.unsaved(self.guard.iter(), now)
    }

    fn failed(&self, step: &str, error: impl std::error::Error + Send + Sync + 'static) {
        let error = format!("{:#}", anyhow::Error::from(error));
        tracing::error!(error, "{step}");
        self.intake.stats.failed(format!("{step}: {error}"));
    }

    /// How long there is nothing to do by itself.
    fn pause(&self, is_busy: bool) -> Duration {
        const LONGEST: Duration = Duration::from_secs(3600);
        let rounds =
            if is_busy { None } else { self.pending.next().into_iter().chain(self.guard.next()).min() };
        let save = self.is_unsaved().then(|| self.saved.after(SAVE_INTERVAL));
        let due = rounds.into_iter().chain(save).min();
        due.map_or(LONGEST, |due| due.since(self.now()).min(LONGEST))
    }

    fn show(&self) {
        let stats = &self.intake.stats;
        let (bytes, origins) = self.pending.depth();
        set(&stats.pending_bytes, bytes);
        set(&stats.pending_origins, origins);
        set(&stats.rejected_now, self.intake.verdicts.reader().len());
        let holds = self.guard.holds();
        set(&stats.held, holds.iter().map(|hold| hold.gone.len()).sum());
        self.intake.holds.send_if_modified(|shown| {
            let is_new = *shown != holds;
            *shown = holds;
            is_new
        });
    }

    fn now(&self) -> Uptime {
        self.intake.clock.uptime()
    }
}

fn rules_version(snapshot: &SnapshotCatalog) -> VersionSum {
    snapshot.version(Kind::VALIDATION_RULE, &View::everything())
}

/// The result of what is in flight, if anything is.
async fn when(in_flight: &mut Option<InFlight>) -> Option<anyhow::Result<Done>> {
    match in_flight {
        Some(work) => Some(work.await),
        None => None,
    }
}

fn tell_removed(source: &SourceName, removed: usize, holds: &[Hold]) {
    let held: usize = holds.iter().map(|hold| hold.gone.len()).sum();
    tracing::warn!(%source, removed, held, "what a source held that is no longer configured is removed");
}

fn alarm(hold: &Hold, options: &IntakeOptions) {
    let Hold { source, kind, have, gone, .. } = hold;
    let then = options.hold_text();
    tracing::warn!(%source, %kind, have, gone = gone.len(), "most of a kind is gone at once; what is served stays {then}");
}
