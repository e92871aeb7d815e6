//! A store that fails, stalls and loses its lease: [`MemoryStore`] with faults in front, and a log of what took effect.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use mainsheet_api::{
    change::{Commit, Committed},
    version::Revision,
};
use mainsheet_cache::{
    CommitError, StoreError,
    store::{Answer, Follow, HistoryQuery, MemoryStore, Recorded, State, Store},
};

use super::{
    dice::Dice,
    journal::Journal,
    timeline::{Phase, Timeline},
};

/// How often what goes wrong, in percent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StoreWeather {
    /// A write fails; whether it took effect nobody knows.
    pub(super) fail: u32,
    /// A write takes seconds.
    pub(super) stall: u32,
    /// A read fails.
    pub(super) unreadable: u32,
}

/// What took effect: each commit, and when.
pub(super) type Log = Arc<Mutex<Vec<(u64, Committed)>>>;

/// A store with faults. It outlives its servers.
pub(super) struct FaultyStore {
    name: String,
    inner: MemoryStore,
    timeline: Timeline,
    journal: Journal,
    log: Log,
    state: Mutex<Faults>,
}

struct Faults {
    weather: StoreWeather,
    /// One for each method, so that it does not matter which of two that act at once goes first.
    commit: Dice,
    follow: Dice,
    status: Dice,
    load: Dice,
    notes: Dice,
    past: Dice,
}

/// What becomes of one write.
enum Fate {
    Done,
    FailsBefore,
    FailsAfter,
}

impl FaultyStore {
    pub(super) fn new(name: &str, seed: u64, timeline: Timeline, journal: Journal) -> Self {
        let dice = |part: &str| Dice::of(seed, &format!("{name}/store/{part}"));
        let faults = Faults {
            weather: StoreWeather::default(),
            commit: dice("commit"),
            follow: dice("follow"),
            status: dice("status"),
            load: dice("load"),
            notes: dice("notes"),
            past: dice("past"),
        };
        Self {
            name: name.to_owned(),
            inner: MemoryStore::default(),
            timeline,
            journal,
            log: Log::default(),
            state: Mutex::new(faults),
        }
    }

    pub(super) fn log(&self) -> Log {
        Arc::clone(&self.log)
    }

    pub(super) fn set_weather(&self, weather: StoreWeather) {
        self.faults().weather = weather;
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long a write takes before it takes effect and after that, and what becomes of it.
    fn fate(&self, dice: impl FnOnce(&mut Faults) -> &mut Dice) -> (Duration, Duration, Fate) {
        let mut faults = self.faults();
        let weather = faults.weather;
        let dice = dice(&mut faults);
        let is_stalled = dice.percent(weather.stall);
        let fate = match dice.percent(weather.fail) {
            false => Fate::Done,
            true if dice.percent(50) => Fate::FailsBefore,
            true => Fate::FailsAfter,
        };
        let before = if is_stalled { dice.millis(500, 8_000) } else { dice.millis(1, 12) };
        let after = if dice.percent(20) { dice.millis(1, 200) } else { Duration::ZERO };
        drop(faults);
        if is_stalled {
            self.journal.note("stall", || format!("{}: a write takes {before:?}", self.name));
        }
        (before, after, fate)
    }

    fn failed(&self, step: &'static str) -> StoreError {
        self.journal.note("fault", || format!("{}: {step} fails", self.name));
        StoreError::Io { step, source: Arc::new(io::Error::other("simulated")) }
    }

    async fn commit_with_faults(&self, commits: Vec<Commit>) -> Vec<Result<Revision, CommitError>> {
        let len = commits.len();
        if len == 0 {
            return Vec::new();
        }
        let (before, after, fate) = self.fate(|faults| &mut faults.commit);
        self.timeline.pause(Phase::Store, before).await;
        if matches!(fate, Fate::FailsBefore) {
            let error = self.failed("write");
            return (0..len).map(|_| Err(error.clone().into())).collect();
        }
        let answers = self.inner.commit_all(commits.clone()).await;
        self.write_down(commits, &answers);
        if !after.is_zero() {
            self.timeline.pause(Phase::Store, after).await;
        }
        if matches!(fate, Fate::FailsAfter) {
            let error = self.failed("write");
            return answers
                .into_iter()
                .map(|answer| answer.and_then(|_| Err(error.clone().into())))
                .collect();
        }
        answers
    }

    fn write_down(&self, commits: Vec<Commit>, answers: &[Result<Revision, CommitError>]) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        for (Commit { cause, at, changes, .. }, answer) in commits.into_iter().zip(answers) {
            match answer {
                Ok(revision) => {
                    self.journal.note("commit", || {
                        format!("{}: {revision} by {}, {} changes", self.name, cause.what, changes.len())
                    });
                    let committed = Committed { revision: *revision, cause, at, changes };
                    log.push((self.timeline.now(), committed));
                }
                Err(error) => self.journal.note("refusal", || format!("{}: {error}", self.name)),
            }
        }
    }

    /// A read, which may fail.
    fn read<T>(&self, dice: fn(&mut Faults) -> &mut Dice, read: T) -> Result<T, StoreError> {
        let mut faults = self.faults();
        let chance = faults.weather.unreadable;
        let fails = dice(&mut faults).percent(chance);
        drop(faults);
        if fails { Err(self.failed("read")) } else { Ok(read) }
    }
}

impl Store for FaultyStore {
    fn commit_all(&self, commits: Vec<Commit>) -> Answer<'_, Vec<Result<Revision, CommitError>>> {
        Box::pin(self.commit_with_faults(commits))
    }

    fn follow(&self, after: Revision, bytes_max: usize) -> Answer<'_, Result<Follow, StoreError>> {
        Box::pin(
            async move { self.read(|faults| &mut faults.follow, self.inner.follow(after, bytes_max).await?) },
        )
    }

    fn set_status(&self, entries: Vec<(String, Option<Bytes>)>) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let (before, _, fate) = self.fate(|faults| &mut faults.status);
            self.timeline.pause(Phase::Store, before).await;
            if matches!(fate, Fate::FailsBefore) {
                return Err(self.failed("write"));
            }
            let answer = self.inner.set_status(entries).await;
            if matches!(fate, Fate::FailsAfter) { Err(self.failed("write")) } else { answer }
        })
    }

    fn load(&self) -> Answer<'_, Result<State, StoreError>> {
        Box::pin(async move { self.read(|faults| &mut faults.load, self.inner.load().await?) })
    }

    fn status(&self, prefix: &str) -> Answer<'_, Result<Vec<(String, Bytes)>, StoreError>> {
        let notes = self.inner.status(prefix);
        Box::pin(async move { self.read(|faults| &mut faults.notes, notes.await?) })
    }

    fn history(&self, query: HistoryQuery) -> Answer<'_, Result<Vec<Recorded>, StoreError>> {
        Box::pin(async move { self.read(|faults| &mut faults.past, self.inner.history(query).await?) })
    }

    fn state_at(&self, revision: Revision) -> Answer<'_, Result<Option<State>, StoreError>> {
        Box::pin(async move { self.read(|faults| &mut faults.past, self.inner.state_at(revision).await?) })
    }

    mainsheet_cache::forward_to_store!(inner: committed_at, export, oldest, head, take_lease);
}
