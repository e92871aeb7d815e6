//! How far back steps are worked out.
//!
//! Nothing here keeps old snapshots alive: a session holds the one that it sent, until that one is outdated.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use mainsheet_api::version::Revision;

use crate::snapshot::Snapshot;

/// The revisions of the newest snapshots.
#[derive(Debug)]
pub(crate) struct History {
    revisions: VecDeque<Revision>,
    len_max: usize,
    /// The oldest one; every snapshot has it, too.
    oldest: Arc<AtomicU64>,
}

impl History {
    pub(crate) fn beginning_with(snapshot: &Snapshot, len_max: usize) -> Self {
        let oldest = snapshot.oldest_kept.clone();
        oldest.store(snapshot.revision.0, Ordering::Relaxed);
        Self { revisions: VecDeque::from([snapshot.revision]), len_max: len_max.max(1), oldest }
    }

    /// Takes the newest snapshot and lets the one before go, as far as nobody else can share what it worked out.
    pub(crate) fn push(&mut self, before: &Snapshot, newest: &Snapshot) {
        self.revisions.push_back(newest.revision);
        while self.revisions.len() > self.len_max {
            self.revisions.pop_front();
        }
        if let Some(oldest) = self.revisions.front() {
            self.oldest.store(oldest.0, Ordering::Relaxed);
        }
        for (kind, before) in &before.kinds {
            if !Arc::ptr_eq(&before.served, newest.of_kind(*kind)) {
                before.served.forget();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mainsheet_api::{kind::Kind, version::Revision, view::View, xds::catalog::Catalog};

    use super::*;
    use crate::{
        fold::fold,
        snapshot::SnapshotCatalog,
        testing::{empty, key, put},
    };

    #[test]
    fn what_an_older_state_worked_out_is_let_go_unless_the_newest_shares_it() {
        let of_kind = |kind| [put("files", key(kind, "a", "x"), 1, 10)];
        let one = fold(&empty(), Revision(1), of_kind(Kind::CLUSTER));
        let two = fold(&one, Revision(2), of_kind(Kind::LISTENER));
        let three = fold(&two, Revision(3), of_kind(Kind::ROUTES));
        let four = fold(
            &three,
            Revision(4),
            of_kind(Kind::LISTENER).map(|_| put("files", key(Kind::LISTENER, "a", "y"), 1, 10)),
        );
        let mut history = History::beginning_with(&one, 2);
        let catalog = SnapshotCatalog(Arc::new(two));
        let step = |kind| catalog.difference(kind, &View::everything(), None);
        let (clusters, listeners) = (step(Kind::CLUSTER), step(Kind::LISTENER));
        history.push(&one, &catalog.0);
        history.push(&catalog.0, &three);
        history.push(&three, &four);
        assert_eq!((Arc::strong_count(&clusters), Arc::strong_count(&listeners)), (2, 1));
    }
}
