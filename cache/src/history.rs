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
        for (before, newest) in before.kinds.iter().zip(&newest.kinds) {
            if !Arc::ptr_eq(&before.served, &newest.served) {
                before.served.forget();
            }
        }
    }
}
