//! What sources still have after its lease ended. It does not come back by being told again, as after a restart, but by
//! being written again, or by saying something else.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use mainsheet_api::{
    key::Key,
    limits::ENDED_LEASES_MAX,
    resource::SourceName,
    time::{Now, Timestamp, Uptime},
    version::ResourceVersion,
};
use mainsheet_cache::expiry::Leaseholder;

use super::before;
use crate::source::LastWritten;

/// What a source had when its lease ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Of its content.
    pub version: ResourceVersion,
    /// Where the source had it from.
    pub origin: String,
    /// When the lease ended.
    pub at: Timestamp,
}

/// By key, with when this process noted it.
type OfSource = HashMap<Key, (Ended, Uptime)>;

/// What one source still has after its lease ended, as of one moment.
#[derive(Clone, Debug, Default)]
pub struct EndedOf {
    ended: Arc<OfSource>,
    now: Now,
}

impl EndedOf {
    /// Whether this is nothing but what the lease ended of, told again.
    pub(crate) fn covers(
        &self,
        key: &Key,
        (version, origin): (&ResourceVersion, &str),
        written: Option<LastWritten>,
    ) -> bool {
        let Some((ended, noted)) = self.ended.get(key) else { return false };
        // By uptime as far as this process saw it end, because the calendar may have been set since.
        let at = ended.at.min(before(self.now.wall, self.now.uptime.since(*noted)));
        ended.version == *version
            && ended.origin == origin
            && !written.is_some_and(|written| written.is_after(at, self.now.wall))
    }

    /// Whether a lease of this key ended.
    pub(crate) fn has(&self, key: &Key) -> bool {
        self.ended.contains_key(key)
    }

    #[cfg(test)]
    pub(crate) fn of(ended: impl IntoIterator<Item = (Key, Ended)>, now: Now) -> Self {
        let ended = ended.into_iter().map(|(key, ended)| (key, (ended, now.uptime)));
        Self { ended: Arc::new(ended.collect()), now }
    }

    /// All keys, with their origins.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &str)> {
        self.ended.iter().map(|(key, (ended, _))| (key, &*ended.origin))
    }
}

/// What all sources still have after its lease ended: [`ENDED_LEASES_MAX`] at most, the oldest go first.
#[derive(Debug, Default)]
pub(super) struct EndedLeases {
    of: HashMap<SourceName, Arc<OfSource>>,
    by_age: BTreeSet<(Timestamp, Leaseholder)>,
}

impl EndedLeases {
    /// Returns the one that has to go for it.
    pub(super) fn insert(&mut self, holder: Leaseholder, ended: Ended, noted: Uptime) -> Option<Leaseholder> {
        self.remove(&holder.source, &holder.key);
        self.by_age.insert((ended.at, holder.clone()));
        let of_source = self.of.entry(holder.source).or_default();
        Arc::make_mut(of_source).insert(holder.key, (ended, noted));
        if self.by_age.len() <= ENDED_LEASES_MAX {
            return None;
        }
        let (_, oldest) = self.by_age.first()?.clone();
        self.remove(&oldest.source, &oldest.key);
        Some(oldest)
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, source: &SourceName, key: &Key) -> bool {
        let Some(of_source) = self.of.get_mut(source) else { return false };
        if !of_source.contains_key(key) {
            return false;
        }
        let Some((ended, _)) = Arc::make_mut(of_source).remove(key) else { return false };
        if of_source.is_empty() {
            self.of.remove(source);
        }
        let holder = Leaseholder { source: source.clone(), key: key.clone() };
        self.by_age.remove(&(ended.at, holder))
    }

    pub(super) fn of(&self, source: &SourceName, now: Now) -> EndedOf {
        EndedOf { ended: self.of.get(source).cloned().unwrap_or_default(), now }
    }
}
