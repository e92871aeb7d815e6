//! A planner whose changes are noted, for the audit log.

use std::sync::{Arc, Mutex, PoisonError};

use mainsheet_api::change::Change;
use mainsheet_cache::snapshot::Snapshot;

use crate::{
    audit::Touched,
    intake::{Now, Planned, Planner},
};

/// Plans as another one does.
pub(super) struct Noted<P> {
    pub(super) planner: P,
    /// What the last plan changes: the one that counts.
    pub(super) touched: Arc<Mutex<Vec<Touched>>>,
}

impl<P: Planner> Planner for Noted<P> {
    type Answer = P::Answer;

    fn plan(&mut self, snapshot: &Snapshot, now: Now) -> Planned<P::Answer> {
        let planned = self.planner.plan(snapshot, now);
        let touched = planned.changes.iter().map(|change| touched(snapshot, change)).collect();
        *self.touched.lock().unwrap_or_else(PoisonError::into_inner) = touched;
        planned
    }
}

fn touched(snapshot: &Snapshot, change: &Change) -> Touched {
    let is_there = || snapshot.held(change.source(), change.key()).is_some();
    let outcome = match change {
        Change::Put(_) if is_there() => "changed",
        Change::Put(_) => "created",
        Change::Remove { .. } => "removed",
    };
    Touched { key: change.key().clone(), outcome }
}
