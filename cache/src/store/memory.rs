//! A store without a disk: for tests, and for servers that fill it anew at every start.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use mainsheet_api::{
    change::{Change, Commit, Committed, Fence},
    key::Key,
    resource::{Record, SourceName},
    time::Timestamp,
    version::Revision,
};
use tokio::sync::watch;

use super::{
    Answer, Backup, Follow, HistoryQuery, KeptCommit, Recorded, State, Store, StoreOptions, Stored,
    rules::{self, Retained, Standing},
    undo::Undo,
};
use crate::error::{CommitError, StoreError};

/// A store that lasts as long as its process. Everything else it does as the durable ones do.
#[derive(Debug)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
    head: watch::Sender<Revision>,
}

impl MemoryStore {
    /// An empty one.
    #[must_use]
    pub fn new(options: StoreOptions) -> Self {
        Self {
            inner: Mutex::new(Inner { options, ..Inner::default() }),
            head: watch::Sender::new(Revision::ZERO),
        }
    }

    /// Every method leaves `Inner` whole before it can fail, so a panic elsewhere spoils nothing.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(StoreOptions::default())
    }
}

impl Store for MemoryStore {
    fn commit_all(&self, commits: Vec<Commit>) -> Answer<'_, Vec<Result<Revision, CommitError>>> {
        Box::pin(async move {
            let mut inner = self.inner();
            let before = inner.standing.head;
            let answers = inner.commit_all(commits);
            if inner.standing.head != before {
                // Under the lock: news is in order.
                self.head.send_replace(inner.standing.head);
            }
            answers
        })
    }

    fn load(&self) -> Answer<'_, Result<State, StoreError>> {
        Box::pin(async move { Ok(self.inner().load()) })
    }

    fn follow(&self, after: Revision, bytes_max: usize) -> Answer<'_, Result<Follow, StoreError>> {
        Box::pin(async move { Ok(self.inner().follow(after, bytes_max)) })
    }

    fn history(&self, query: HistoryQuery) -> Answer<'_, Result<Vec<Recorded>, StoreError>> {
        Box::pin(async move { Ok(self.inner().history(query)) })
    }

    fn committed_at(
        &self,
        revisions: Vec<Revision>,
    ) -> Answer<'_, Result<Vec<Option<Timestamp>>, StoreError>> {
        Box::pin(async move {
            let inner = self.inner();
            Ok(revisions.into_iter().map(|revision| inner.committed_at(revision)).collect())
        })
    }

    fn state_at(&self, revision: Revision) -> Answer<'_, Result<Option<State>, StoreError>> {
        Box::pin(async move {
            // The lock is held for the copy only.
            let found = self.inner().since(revision);
            Ok(found.map(|(state, since)| {
                let mut undo = Undo::of(state);
                since.into_iter().for_each(|recorded| undo.undo(recorded));
                undo.finish()
            }))
        })
    }

    fn export(&self) -> Answer<'_, Result<Backup, StoreError>> {
        Box::pin(async move { Ok(self.inner().export()) })
    }

    fn oldest(&self) -> Revision {
        self.inner().standing.oldest()
    }

    fn head(&self) -> watch::Receiver<Revision> {
        self.head.subscribe()
    }

    fn take_lease(&self) -> Answer<'_, Result<Fence, StoreError>> {
        Box::pin(async move {
            let mut inner = self.inner();
            inner.standing.lease.0 += 1;
            Ok(inner.standing.lease)
        })
    }

    fn status(&self, prefix: &str) -> Answer<'_, Result<Vec<(String, Bytes)>, StoreError>> {
        let prefix = prefix.to_owned();
        Box::pin(async move { Ok(self.inner().status(&prefix)) })
    }

    fn set_status(&self, entries: Vec<(String, Option<Bytes>)>) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move { self.inner().set_status(entries) })
    }
}

/// In the order that [`State::records`] has.
type Place = (Key, SourceName);

/// What is known of one (source, key).
#[derive(Debug)]
struct Row {
    changed: Revision,
    /// `None` where it was removed.
    record: Option<Arc<Record>>,
}

impl Row {
    fn stored(&self) -> Option<Stored> {
        Some(Stored { changed: self.changed, record: self.record.clone()? })
    }
}

#[derive(Debug)]
struct Kept {
    weight: usize,
    before_weight: usize,
    recorded: Recorded,
}

impl Kept {
    fn of(committed: Committed, before: Vec<Option<Stored>>) -> Self {
        let weight = committed.changes.iter().map(rules::weight).sum();
        let before_weight = rules::weight_before(&before);
        Self { weight, before_weight, recorded: Recorded { committed, before } }
    }

    fn bytes(&self) -> usize {
        self.weight + self.before_weight
    }
}

#[derive(Debug, Default)]
struct Inner {
    options: StoreOptions,
    standing: Standing,
    rows: BTreeMap<Place, Row>,
    /// By when they were removed, to be forgotten with that commit.
    removed: BTreeSet<(Revision, Place)>,
    /// Without gaps, from `standing.compacted` to `standing.head`.
    commits: VecDeque<Kept>,
    commits_bytes: usize,
    status: BTreeMap<String, Bytes>,
    status_bytes: usize,
}

impl Inner {
    fn commit_all(&mut self, commits: Vec<Commit>) -> Vec<Result<Revision, CommitError>> {
        let before = self.standing;
        let commit = |commit| Ok::<_, Infallible>(self.commit(commit, before));
        let Ok(answers) = rules::commit_each(commits, commit);
        let made = self.standing.head.0 - before.head.0;
        if let Some(newest) = self.commits.back()
            && made > 0
        {
            self.compact(newest.recorded.committed.at, made);
        }
        answers
    }

    /// `before`: how the store stood before the commit's group.
    fn commit(&mut self, commit: Commit, before: Standing) -> Result<Revision, CommitError> {
        rules::check(&commit, before, |source, key| {
            Ok(self.rows.get(&(key.clone(), source.clone())).map(|row| row.changed))
        })?;
        let revision = self.standing.head.next();
        self.standing.head = revision;
        let before = commit.changes.iter().map(|change| self.apply(revision, change)).collect();
        let Commit { cause, at, changes, .. } = commit;
        let kept = Kept::of(Committed { revision, cause, at, changes }, before);
        self.commits_bytes += kept.bytes();
        self.commits.push_back(kept);
        Ok(revision)
    }

    /// Returns what was there.
    fn apply(&mut self, revision: Revision, change: &Change) -> Option<Stored> {
        let place = (change.key().clone(), change.source().clone());
        let record = match change {
            Change::Put(record) => Some(Arc::clone(record)),
            Change::Remove { .. } => {
                self.removed.insert((revision, place.clone()));
                None
            }
        };
        self.rows.insert(place, Row { changed: revision, record })?.stored()
    }

    /// After so many commits, the newest of which was made then.
    fn compact(&mut self, newest_at: Timestamp, made: u64) {
        let mut aged_left = made * rules::AGED_PER_COMMIT_MAX;
        while let Some(excess) = self.retained(newest_at, aged_left).excess(&self.options) {
            let Some(oldest) = self.commits.pop_front() else { return };
            aged_left -= u64::from(excess == rules::Excess::Age);
            self.commits_bytes -= oldest.bytes();
            self.standing.compacted = oldest.recorded.committed.revision;
        }
        self.forget_removed();
    }

    fn retained(&self, newest_at: Timestamp, aged_left: u64) -> Retained {
        let made = self.commits.iter().map(|kept| kept.recorded.committed.at);
        Retained {
            len: self.commits.len() as u64,
            bytes: self.commits_bytes as u64,
            age: Some(rules::age(made, newest_at)),
            aged_left,
        }
    }

    fn forget_removed(&mut self) {
        while let Some((when, place)) = self.removed.pop_first() {
            if when > self.standing.compacted {
                self.removed.insert((when, place));
                return;
            }
            // It may be back since, or have been removed again.
            if self.rows.get(&place).is_some_and(|row| row.record.is_none() && row.changed == when) {
                self.rows.remove(&place);
            }
        }
    }

    fn load(&self) -> State {
        State { revision: self.standing.head, records: self.rows.values().filter_map(Row::stored).collect() }
    }

    fn follow(&self, after: Revision, bytes_max: usize) -> Follow {
        let Standing { head, compacted, .. } = self.standing;
        if after < compacted || after > head {
            return Follow::Compacted;
        }
        let known = usize::try_from(after.0 - compacted.0).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let commits = self.commits.iter().skip(known).take_while(|kept| {
            let is_first = bytes == 0;
            bytes += kept.weight;
            is_first || bytes <= bytes_max
        });
        Follow::Commits(commits.map(|kept| kept.recorded.committed.clone()).collect())
    }

    fn history(&self, query: HistoryQuery) -> Vec<Recorded> {
        let mut bytes = 0;
        let older =
            self.commits.iter().rev().skip_while(|kept| {
                query.before.is_some_and(|before| kept.recorded.committed.revision >= before)
            });
        let within = older.take(query.len_max).take_while(|kept| {
            let is_first = bytes == 0;
            bytes += kept.bytes();
            is_first || bytes <= query.bytes_max
        });
        within.map(|kept| kept.recorded.clone()).collect()
    }

    fn committed_at(&self, revision: Revision) -> Option<Timestamp> {
        let place = revision.0.checked_sub(self.standing.compacted.0 + 1)?;
        Some(self.commits.get(usize::try_from(place).ok()?)?.recorded.committed.at)
    }

    /// The newest state, and the commits after a revision, the newest first.
    fn since(&self, revision: Revision) -> Option<(State, Vec<Recorded>)> {
        if revision < self.standing.oldest() || revision > self.standing.head {
            return None;
        }
        let len_max = usize::try_from(self.standing.head.0 - revision.0).unwrap_or(usize::MAX);
        Some((self.load(), self.history(HistoryQuery { before: None, len_max, bytes_max: usize::MAX })))
    }

    fn export(&self) -> Backup {
        let kept = |Recorded { committed, before }| KeptCommit { committed, before: Some(before) };
        Backup {
            state: self.load(),
            compacted: self.standing.compacted,
            lease: self.standing.lease,
            commits: self.commits.iter().map(|one| kept(one.recorded.clone())).collect(),
            status: self.status(""),
        }
    }

    fn status(&self, prefix: &str) -> Vec<(String, Bytes)> {
        self.status
            .range(prefix.to_owned()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    fn set_status(&mut self, entries: Vec<(String, Option<Bytes>)>) -> Result<(), StoreError> {
        let entries: BTreeMap<String, Option<Bytes>> = entries.into_iter().collect();
        let mut after = self.status_bytes;
        for (key, value) in &entries {
            after -= self.status.get(key).map_or(0, |old| rules::status_weight(key, old));
            after += value.as_ref().map_or(0, |new| rules::status_weight(key, new));
        }
        rules::check_status(self.status_bytes, after, self.options.status_bytes_max)?;
        self.status_bytes = after;
        for (key, value) in entries {
            match value {
                Some(value) => self.status.insert(key, value),
                None => self.status.remove(&key),
            };
        }
        Ok(())
    }
}
