//! The intake's task: receives while rounds and writes are taken in, and keeps its state.

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
    limits::WRITES_WAITING_MAX,
    resource::SourceName,
    time::{Timestamp, Uptime},
    version::VersionSum,
    view::View,
    xds::catalog::Catalog as _,
};
use mainsheet_cache::snapshot::SnapshotCatalog;
use tokio_util::sync::CancellationToken;

use super::{
    Confirmation, IntakeOptions,
    commit::{Committer, Done},
    criteria::Criteria,
    guard::{Guard, Hold},
    judge::Judged,
    merge::{Pending, Round},
    notes::stored_form,
    plan::{JudgedRound, Named},
    retired::Retired,
    start::{Intake, completed_key},
    stats::set,
    write::{Job, WriteError},
};
use crate::{source::Batch, store_state};

/// Between writes to the status area.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);

/// For the commit in flight when the order to end comes.
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);

type InFlight<T> = Pin<Box<dyn Future<Output = anyhow::Result<T>> + Send>>;

/// The running intake.
pub(super) struct RunningIntake {
    pub(super) intake: Intake,
    pub(super) committer: Committer,
    pub(super) pending: Pending,
    pub(super) guard: Guard,
    pub(super) retired: Retired,
    /// Of the rules by which documents are judged.
    pub(super) rules_version: VersionSum,
    /// What each source's rounds withheld. The whole batch after a restart finds it again.
    pub(super) withheld: BTreeMap<SourceName, Named>,
    /// Writes that are to be planned anew, before any others.
    pub(super) again: Vec<Box<dyn Job>>,
    /// Who waits for the removals of a source that are let go.
    pub(super) confirming: Vec<(Confirmation, Vec<Hold>)>,
    pub(super) saved: Uptime,
}

impl RunningIntake {
    pub(super) async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut round: Option<InFlight<Done>> = None;
        let mut writing: Option<InFlight<Vec<Box<dyn Job>>>> = None;
        loop {
            if round.is_none() {
                round = self.next_round().map(|round| self.begin(round));
            }
            if writing.is_none() && !self.again.is_empty() {
                writing = Some(self.begin_writing(None));
            }
            self.show();
            let pause = tokio::time::sleep(self.pause(round.is_some()));
            tokio::select! {
                // In this order: once the order to end is given, sources end too, which is no failure then.
                biased;
                () = stop.cancelled() => break,
                Some(again) = when(&mut writing) => {
                    writing = None;
                    self.again = again?;
                    self.follow_rules();
                }
                Some(done) = when(&mut round) => {
                    round = None;
                    self.end(done?).await;
                }
                Some(job) = self.intake.writes.recv(), if writing.is_none() => {
                    writing = Some(self.begin_writing(Some(job)));
                }
                Some(confirmation) = self.intake.confirmations.recv() => self.confirm(confirmation),
                Ok(()) = self.intake.changed_options.changed() => self.follow_options(),
                batch = self.intake.batches.recv(), if !self.pending.is_full() => match batch {
                    Some(batch) => self.receive(batch),
                    None if stop.is_cancelled() => break,
                    None => anyhow::bail!("every source is gone"),
                },
                () = pause => {}
            }
            self.save_if_due().await;
        }
        self.finish(round, writing).await;
        Ok(())
    }

    /// Takes all writes along that wait.
    fn begin_writing(&mut self, first: Option<Box<dyn Job>>) -> InFlight<Vec<Box<dyn Job>>> {
        let mut jobs = std::mem::take(&mut self.again);
        jobs.extend(first);
        while jobs.len() < WRITES_WAITING_MAX
            && let Ok(job) = self.intake.writes.try_recv()
        {
            jobs.push(job);
        }
        Box::pin(self.committer.clone().write(jobs))
    }

    /// Ends what is in flight. What of a round can't be ended in time is told again by its source after the next start; a
    /// write that can't be is answered that nobody knows.
    async fn finish(&mut self, round: Option<InFlight<Done>>, writing: Option<InFlight<Vec<Box<dyn Job>>>>) {
        let ending = async { (or_none(round).await, or_none(writing).await) };
        // The cache may have ended first: what was committed is published by the next process.
        let ended = |error| tracing::info!("stopped while taking changes in: {error:#}");
        match tokio::time::timeout(FINISH_TIMEOUT, ending).await {
            Ok((round, writing)) => {
                match round.transpose() {
                    Ok(Some(done)) => self.end(done).await,
                    Ok(None) => {}
                    Err(error) => ended(error),
                }
                match writing.transpose() {
                    Ok(again) => self.again.extend(again.into_iter().flatten()),
                    Err(error) => ended(error),
                }
            }
            Err(_) => tracing::warn!("stopped while a commit was still being made"),
        }
        self.refuse_writes();
        self.save().await;
    }

    /// Those that were not planned: nothing of them was written.
    fn refuse_writes(&mut self) {
        self.intake.writes.close();
        let again = std::mem::take(&mut self.again).into_iter();
        let waiting = std::iter::from_fn(|| self.intake.writes.try_recv().ok());
        again.chain(waiting).for_each(|job| job.answer(Err(WriteError::Stopped)));
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

    fn begin(&self, round: Round) -> InFlight<Done> {
        let named = self.intake.verdicts.named(&round.source);
        let withheld = self.withheld.get(&round.source).cloned().unwrap_or_default();
        Box::pin(self.committer.clone().take_in(round, named, withheld))
    }

    async fn end(&mut self, done: Done) {
        let Done { round, removed, mut holds, withheld } = done;
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
        self.confirmed(&round);
        self.follow_rules();
    }

    /// What waits and what is held already goes by the new times, too.
    fn follow_options(&mut self) {
        let options = self.intake.changed_options.borrow_and_update().clone();
        self.pending.set_times(options.quiet, options.delay_max);
        self.guard.set_rule(options.guard_hold, options.guard);
        self.intake.options = options;
    }

    /// Where the rules that are served are others, what was judged before is judged again: sources tell it again.
    fn follow_rules(&mut self) {
        let snapshot = self.intake.cache.snapshot();
        let version = rules_version(&snapshot);
        if version == self.rules_version {
            return;
        }
        self.rules_version = version;
        self.committer.criteria = criteria(&snapshot, &self.intake.options);
        self.intake.criteria.send_replace(self.committer.criteria.clone());
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
            store_state::tell("note that a source completed", &error);
        }
        tracing::info!(%source, "source has told everything that it has");
        guard.release();
    }

    /// What is held of the source is made by the next round, like any other removal that is due.
    fn confirm(&mut self, confirmation: Confirmation) {
        let source = &confirmation.source;
        let held: Vec<Hold> = self.guard.iter().filter(|hold| hold.source == *source).cloned().collect();
        self.guard.confirm(source);
        if held.is_empty() {
            confirmation.answer(Vec::new());
        } else {
            self.confirming.push((confirmation, held));
        }
    }

    /// A round is published: whoever confirmed is told what it let go. Where nothing confirmed is left of the source, no
    /// other round will: what was held is there again, or more is gone than was confirmed.
    fn confirmed(&mut self, round: &JudgedRound) {
        self.confirming.retain(|(confirmation, _)| !confirmation.reply.is_closed());
        if self.guard.has_confirmed(&round.source) {
            return;
        }
        let confirmed =
            self.confirming.extract_if(.., |(confirmation, _)| confirmation.source == round.source);
        confirmed.for_each(|(confirmation, held)| confirmation.answer(of_released(held, &round.released)));
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
                store_state::tell("save what is rejected and what is held", &error);
            }
        }
    }

    fn is_unsaved(&self) -> bool {
        self.intake.verdicts.is_unsaved() || !self.unsaved_notes().is_empty()
    }

    fn unsaved_notes(&self) -> Vec<(String, Option<Timestamp>)> {
        let now = self.intake.clock.now();
        self.intake.notes.unsaved(self.guard.iter(), now)
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

pub(super) fn rules_version(snapshot: &SnapshotCatalog) -> VersionSum {
    snapshot.version(Kind::VALIDATION_RULE, &View::everything())
}

/// By the rules that are served.
pub(super) fn criteria(snapshot: &SnapshotCatalog, options: &IntakeOptions) -> Criteria {
    let criteria = Criteria::of_snapshot(snapshot, &options.root_namespace).weighing(options.validation);
    criteria.with_authorities(Arc::clone(&options.authorities))
}

/// The result of what is in flight, if anything is.
async fn when<T>(in_flight: &mut Option<InFlight<T>>) -> Option<anyhow::Result<T>> {
    match in_flight {
        Some(work) => Some(work.await),
        None => None,
    }
}

async fn or_none<T>(mut in_flight: Option<InFlight<T>>) -> Option<anyhow::Result<T>> {
    when(&mut in_flight).await
}

/// Those of the removals that were let go.
fn of_released(held: Vec<Hold>, released: &BTreeSet<Key>) -> Vec<Hold> {
    let released = held.into_iter().map(|mut hold| {
        hold.gone.retain(|key| released.contains(key));
        hold
    });
    released.filter(|hold| !hold.gone.is_empty()).collect()
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
