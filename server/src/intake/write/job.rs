//! A write on its way, whoever asked for it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mainsheet_api::{
    change::{Cause, Change},
    lease::Renewal,
    version::Revision,
};
use mainsheet_cache::snapshot::Snapshot;
use tokio::sync::oneshot;

use super::{Now, Planned, Planner, WriteError, Written};

/// A write on its way. One that is dropped without an answer may have been made or not.
pub(crate) trait Job: Send {
    /// Asks the planner, and keeps its answer.
    fn plan(&mut self, snapshot: &Snapshot, now: Now) -> Result<Proposal, WriteError>;

    /// For the commit.
    fn cause(&self) -> &Cause;

    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    /// Notes that somebody else was quicker; how often now.
    fn lost(&mut self) -> u32;

    /// Tells whoever asked.
    fn answer(self: Box<Self>, made: Result<Revision, WriteError>);
}

/// What a planner wants.
#[derive(Debug, Default)]
pub(crate) struct Proposal {
    pub(super) changes: Vec<Change>,
    pub(super) renewals: Vec<Renewal>,
}

type Reply<A> = oneshot::Sender<Result<Written<A>, WriteError>>;

/// A planner, and who waits for it.
pub(super) struct Waiting<P: Planner> {
    cause: Cause,
    planner: P,
    answer: Option<P::Answer>,
    lost: u32,
    reply: Reply<P::Answer>,
}

impl<P: Planner> Waiting<P> {
    pub(super) fn new(cause: Cause, planner: P, reply: Reply<P::Answer>) -> Self {
        Self { cause, planner, answer: None, lost: 0, reply }
    }
}

impl<P: Planner> Job for Waiting<P> {
    /// A panic is that of one write: the planner is dropped with it.
    fn plan(&mut self, snapshot: &Snapshot, now: Now) -> Result<Proposal, WriteError> {
        let planner = &mut self.planner;
        let planned = catch_unwind(AssertUnwindSafe(|| planner.plan(snapshot, now)));
        let Planned { changes, renewals, answer } = planned.map_err(|_| {
            tracing::error!(cause = self.cause.what, "planning a write panicked; nothing is written");
            WriteError::Internal("planning it panicked".to_owned())
        })?;
        self.answer = Some(answer);
        Ok(Proposal { changes, renewals })
    }

    fn cause(&self) -> &Cause {
        &self.cause
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn lost(&mut self) -> u32 {
        self.lost += 1;
        self.lost
    }

    fn answer(self: Box<Self>, made: Result<Revision, WriteError>) {
        let Self { answer, reply, .. } = *self;
        let unplanned = || WriteError::Internal("it was not planned".to_owned());
        let written =
            made.and_then(|revision| answer.map(|answer| Written { revision, answer }).ok_or_else(unplanned));
        // Whoever asked may have gone.
        let _ = reply.send(written);
    }
}
