//! Writes that are no source's: of the API, of leases that end, of backups. Each is planned on the newest state, and answered
//! once it is durable and published in this process.
//!
//! ```text
//! IntakeHandle::write --Job--> queue --> group (planned one on the other) --commits--> cache
//! ```
//!
//! | module | is |
//! |---|---|
//! | `job` | a write on its way, whoever asked for it |
//! | `group` | what writes that wait together commit: pure |
//! | `commit` | a group's way into the store |
//!
//! Writes that wait together share one flush, and each is a revision of its own.

mod commit;
mod group;
mod job;

use std::sync::Arc;

use mainsheet_api::{
    change::{Cause, Change},
    lease::Renewal,
    version::Revision,
};
use mainsheet_cache::{StoreError, snapshot::Snapshot};
use tokio::sync::oneshot;

pub(super) use self::job::Job;
use self::job::Waiting;
use super::{IntakeHandle, Now};

/// Says what a write changes: a pure function of the state.
pub trait Planner: Send + 'static {
    /// What whoever writes is told of it.
    type Answer: Send + 'static;

    /// Works out what to change in this state. Asked again, on a newer state, where somebody else changed the same keys in
    /// between: what counts is the last answer.
    fn plan(&mut self, snapshot: &Snapshot, now: Now) -> Planned<Self::Answer>;
}

/// What a write changes.
#[derive(Debug)]
pub struct Planned<A> {
    /// Of any layer, at most one for each (source, key). None: nothing is committed, as where it is refused.
    pub changes: Vec<Change>,
    /// Made before anything is committed: what is renewed without a revision.
    pub renewals: Vec<Renewal>,
    /// What is answered then.
    pub answer: A,
}

impl<A> Planned<A> {
    /// Changes nothing.
    pub fn nothing(answer: A) -> Self {
        Self { changes: Vec::new(), renewals: Vec::new(), answer }
    }
}

/// A write that was made.
#[derive(Debug)]
pub struct Written<A> {
    /// The commit's; that of the state it was compared with where it changed nothing.
    pub revision: Revision,
    /// The planner's.
    pub answer: A,
}

/// Why a write was not made, or may not have been.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WriteError {
    /// Nothing was written.
    #[error("the server is stopping; nothing was written")]
    Stopped,
    /// It ended while the store was asked.
    #[error("the server stopped while it was writing: it may have been written or not")]
    Interrupted,
    /// Before anything was handed to it.
    #[error("the store can't be written; nothing was written")]
    Refused(#[source] Arc<StoreError>),
    /// On the way to the disk.
    #[error("the store failed while it was writing: it may have been written or not")]
    Failed(#[source] Arc<StoreError>),
    /// Whenever it was planned, somebody else had changed the same before it could be made.
    #[error("others change the same all the time; nothing was written, try again")]
    Contended,
    /// A mistake of ours.
    #[error("an error in mainsheet itself: {0}; nothing was written")]
    Internal(String),
}

impl IntakeHandle {
    /// Plans a write on the newest state and makes it, durably. What it changed is served here once this returns.
    ///
    /// Dropping it takes nothing back once it is planned.
    ///
    /// # Errors
    /// Where nothing was written, or may not have been.
    pub async fn write<P: Planner>(
        &self,
        cause: Cause,
        planner: P,
    ) -> Result<Written<P::Answer>, WriteError> {
        let (reply, answer) = oneshot::channel();
        let job: Box<dyn Job> = Box::new(Waiting::new(cause, planner, reply));
        self.writes.send(job).await.map_err(|_| WriteError::Stopped)?;
        answer.await.unwrap_or(Err(WriteError::Interrupted))
    }
}
