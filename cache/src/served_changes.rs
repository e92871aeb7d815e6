//! What each of the newest revisions changed of what is served, once for all who watch.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mainsheet_api::{
    change::Cause,
    limits::{SERVED_REVISIONS_BYTES_MAX, SERVED_REVISIONS_LEN_MAX},
    time::Timestamp,
    version::Revision,
};

use crate::read::HeldEntry;

/// What one revision changed of what is served. Cloning shares it.
#[derive(Clone, Debug, PartialEq)]
pub struct ServedRevision {
    /// Which.
    pub revision: Revision,
    /// When its commit was begun.
    pub at: Timestamp,
    /// What caused it.
    pub cause: Cause,
    /// In order of kinds, then wire names; none where what changed is hidden before and after.
    pub changes: Arc<[ServedChange]>,
}

/// What is served under one wire name, before and after. At least one of them is there.
#[derive(Clone, Debug, PartialEq)]
pub struct ServedChange {
    /// What was served; `None` where nothing was.
    pub before: Option<HeldEntry>,
    /// What is served; `None` where nothing is.
    pub after: Option<HeldEntry>,
}

/// What a change takes beside its bytes, and a revision beside its changes.
const OVERHEAD: usize = 512;

impl ServedRevision {
    /// About the bytes that it takes.
    pub(crate) fn weight(&self) -> usize {
        let sides = self.changes.iter().flat_map(|change| change.before.iter().chain(&change.after));
        OVERHEAD + sides.map(|side| OVERHEAD + side.entry.any.len()).sum::<usize>()
    }
}

/// The newest of them, without gaps. The follower fills it.
#[derive(Debug)]
pub(crate) struct Ring(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    /// It has all revisions after this one, up to the newest.
    after: Revision,
    revisions: VecDeque<ServedRevision>,
    bytes: usize,
}

impl Ring {
    pub(crate) fn beginning_after(revision: Revision) -> Self {
        Self(Mutex::new(Inner { after: revision, revisions: VecDeque::new(), bytes: 0 }))
    }

    pub(crate) fn push(&self, served: ServedRevision) {
        let mut inner = self.lock();
        inner.bytes += served.weight();
        inner.revisions.push_back(served);
        while inner.bytes > SERVED_REVISIONS_BYTES_MAX || inner.revisions.len() > SERVED_REVISIONS_LEN_MAX {
            let Some(oldest) = inner.revisions.pop_front() else { return };
            inner.bytes -= oldest.weight();
            inner.after = oldest.revision;
        }
    }

    /// After a gap: what lies before is not known one by one.
    pub(crate) fn begin_anew_after(&self, revision: Revision) {
        *self.lock() = Inner { after: revision, revisions: VecDeque::new(), bytes: 0 };
    }

    /// Those after a revision, the oldest first, about so many bytes of them but at least one where there is one. `None`
    /// where it does not reach that far back.
    pub(crate) fn after(&self, revision: Revision, bytes_max: usize) -> Option<Vec<ServedRevision>> {
        let inner = self.lock();
        if revision < inner.after {
            return None;
        }
        let known = usize::try_from(revision.0 - inner.after.0).unwrap_or(usize::MAX);
        Some(bounded(inner.revisions.iter().skip(known), bytes_max).cloned().collect())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bounded<'a>(
    revisions: impl Iterator<Item = &'a ServedRevision>,
    bytes_max: usize,
) -> impl Iterator<Item = &'a ServedRevision> {
    let mut bytes = 0;
    revisions.take_while(move |served| {
        let is_first = bytes == 0;
        bytes += served.weight();
        is_first || bytes <= bytes_max
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fold::fold_telling,
        testing::{empty, key, put},
    };

    fn served(revision: u64, len: usize) -> ServedRevision {
        let cluster = key(mainsheet_api::kind::Kind::CLUSTER, "a", "x");
        let (_, changes) = fold_telling(&empty(), Revision(revision), [put("files", cluster, 1, len)]);
        let (cause, at) = (Cause::default(), Timestamp(revision));
        ServedRevision { revision: Revision(revision), at, cause, changes: changes.into() }
    }

    fn revisions(found: Option<Vec<ServedRevision>>) -> Option<Vec<u64>> {
        Some(found?.iter().map(|served| served.revision.0).collect())
    }

    #[test]
    fn ring_is_bounded_by_bytes_and_says_how_far_back_it_reaches() {
        let ring = Ring::beginning_after(Revision(10));
        for revision in 11..=15 {
            ring.push(served(revision, SERVED_REVISIONS_BYTES_MAX / 3));
        }
        assert_eq!(revisions(ring.after(Revision(13), usize::MAX)), Some(vec![14, 15]));
        assert_eq!(revisions(ring.after(Revision(13), 0)), Some(vec![14]));
        assert_eq!(revisions(ring.after(Revision(15), 0)), Some(vec![]));
        assert_eq!(revisions(ring.after(Revision(12), usize::MAX)), None);
        ring.push(served(16, SERVED_REVISIONS_BYTES_MAX));
        assert_eq!(revisions(ring.after(Revision(15), usize::MAX)), None, "larger than all there may be");
        assert_eq!(revisions(ring.after(Revision(16), usize::MAX)), Some(vec![]));
        ring.begin_anew_after(Revision(20));
        assert_eq!(revisions(ring.after(Revision(19), usize::MAX)), None);
        assert_eq!(revisions(ring.after(Revision(20), usize::MAX)), Some(vec![]));
    }

    #[test]
    fn ring_is_bounded_by_count() {
        let ring = Ring::beginning_after(Revision::ZERO);
        for revision in 1..=SERVED_REVISIONS_LEN_MAX as u64 + 2 {
            ring.push(served(revision, 1));
        }
        assert_eq!(revisions(ring.after(Revision(1), 0)), None);
        assert_eq!(revisions(ring.after(Revision(2), 0)), Some(vec![3]));
    }
}
