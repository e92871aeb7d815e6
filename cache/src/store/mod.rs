//! Durable, ordered commits, and a small status area beside them.
//!
//! A store holds one [`Record`] for each (source, key), and the commits that led there. It knows nothing of precedence,
//! views or the wire. Every backend passes the same contract suite (`tests/it/store_contract.rs`).
//!
//! | module | is |
//! |---|---|
//! | `rules` | what refuses a commit, and what counts against a bound: the same in every backend |
//! | `options` | a store's bounds |
//! | `undo` | the state before commits, from the state after them |
//! | `backup` | a store's whole content, and as bytes |
//! | `encoding` | rows of durable backends |
//! | `memory` | a store without a disk |
//! | `forward` | a macro for stores in front of others |
//! | `redb` | a store in one file |
//! | `watched` | a store that says how it is, and is left alone for a while after it failed |
//! | `testing` (feature) | rows as bytes, for whoever tries any bytes on them |

mod backup;
mod encoding;
mod forward;
mod memory;
mod options;
mod redb;
mod rules;
#[cfg(feature = "testing")]
pub mod testing;
mod undo;
mod watched;

use std::{pin::Pin, sync::Arc};

use bytes::Bytes;
use mainsheet_api::{
    change::{Commit, Committed, Fence},
    resource::Record,
    time::Timestamp,
    version::Revision,
};
use tokio::sync::watch;

pub use self::{
    backup::{Backup, BackupError, KeptCommit},
    memory::MemoryStore,
    options::StoreOptions,
    redb::RedbStore,
    watched::{StoreHealth, StoreTrouble, WatchedStore},
};

use crate::error::{CommitError, StoreError};

/// What a store's methods return; boxed, so that the backend is chosen at start.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A durable, ordered log of commits with the state that they add up to.
///
/// Dropping an answer before it is there does not undo what was asked for: the commit may still be made.
pub trait Store: Send + Sync + 'static {
    /// Makes all changes or none, durably, as the next revision.
    ///
    /// However large, it becomes visible to readers at one instant, whole. The store keeps what it is given: a
    /// [`Record`] already says when it was created, and a removal of what is not there
    /// leaves the state as it is but is a change like any other, with a revision.
    ///
    /// # Errors
    /// In this order: [`CommitError::Empty`], [`CommitError::Repeated`], [`CommitError::Fenced`] where `commit.fence` is
    /// not the newest lease, [`CommitError::Ahead`], and [`CommitError::Conflict`] where a (source, key) that it changes
    /// was changed after `commit.base`. How long removals are remembered for this is bounded with the commits that are
    /// kept: of what was removed before, the store assumes that it was removed by the newest commit that it dropped.
    ///
    /// After [`CommitError::Store`] it may have been made or not; whoever needs to know loads the state once the store
    /// can be read again.
    fn commit(&self, commit: Commit) -> Answer<'_, Result<Revision, CommitError>> {
        Box::pin(async move {
            let answers = self.commit_all(vec![commit]).await;
            answers.into_iter().next().unwrap_or(Err(CommitError::Empty))
        })
    }

    /// [`Self::commit`]s one after the other, each its own revision, at the price of one flush. One answer each, in their
    /// order.
    ///
    /// Each was planned on the state that those before it lead to, so what they change is no conflict for it; of anything
    /// else it has seen what was there at its base, which is no newer than the store was before the group. Where one is
    /// refused, none behind it is made: they get [`CommitError::Orphaned`], whatever they change. No commit is dropped
    /// before the whole group is made.
    ///
    /// After [`CommitError::Store`], which all of them get then, they may have been made or not: all up to the first that
    /// is refused, or none.
    fn commit_all(&self, commits: Vec<Commit>) -> Answer<'_, Vec<Result<Revision, CommitError>>>;

    /// The whole state at its newest revision: how a follower begins, and how it goes on after [`Follow::Compacted`].
    fn load(&self) -> Answer<'_, Result<State, StoreError>>;

    /// Commits after `after`, oldest first, at most about `bytes_max` bytes of them but at least one where there is one.
    fn follow(&self, after: Revision, bytes_max: usize) -> Answer<'_, Result<Follow, StoreError>>;

    /// Commits and what they replaced, newest first; none where nothing that old is kept. They go back to
    /// [`Self::oldest`], whose own commit is not among them.
    fn history(&self, query: HistoryQuery) -> Answer<'_, Result<Vec<Recorded>, StoreError>>;

    /// When the commits of these revisions were made, in their order; none of one that is not kept, or not there.
    fn committed_at(
        &self,
        revisions: Vec<Revision>,
    ) -> Answer<'_, Result<Vec<Option<Timestamp>>, StoreError>>;

    /// The whole state at a revision: exactly what [`Self::load`] gave when that was the newest. `None` where it is older
    /// than [`Self::oldest`], or ahead of the store.
    fn state_at(&self, revision: Revision) -> Answer<'_, Result<Option<State>, StoreError>>;

    /// Everything as of one revision, whatever is written meanwhile.
    fn export(&self) -> Answer<'_, Result<Backup, StoreError>>;

    /// The oldest revision that [`Self::state_at`] answers. It grows as commits are dropped; and a store that was
    /// migrated from a format without history begins with the revision that it then had.
    fn oldest(&self) -> Revision;

    /// The newest revision, as news: a follower that misses some still sees the newest. What it says can be loaded and
    /// followed.
    fn head(&self) -> watch::Receiver<Revision>;

    /// Takes the lease: writers with an older fence are refused from now on. Each lease is one higher than the one
    /// before, also across restarts; before the first, writers use [`Fence`] 0. The lease of an embedded store is the
    /// process that has it open.
    fn take_lease(&self) -> Answer<'_, Result<Fence, StoreError>>;

    /// Entries of the status area whose key begins with `prefix`, in order of keys (by bytes).
    fn status(&self, prefix: &str) -> Answer<'_, Result<Vec<(String, Bytes)>, StoreError>>;

    /// Sets (or, with `None`, removes) entries of the status area, durably and together; of several for one key the last
    /// counts. Makes no revision.
    ///
    /// # Errors
    /// [`StoreError::StatusFull`] where the area would grow past its bound; nothing is written then.
    fn set_status(&self, entries: Vec<(String, Option<Bytes>)>) -> Answer<'_, Result<(), StoreError>>;
}

/// A store as it is passed around.
pub type SharedStore = Arc<dyn Store>;

/// The whole state at one revision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Which.
    pub revision: Revision,
    /// One for each (source, key), in order of key, then source.
    pub records: Vec<Stored>,
}

/// A record in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The revision that put it.
    pub changed: Revision,
    /// What was put.
    pub record: Arc<Record>,
}

/// Which commits [`Store::history`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Those before this revision; from the newest on where there is none.
    pub before: Option<Revision>,
    /// How many at most.
    pub len_max: usize,
    /// About how many bytes at most, but at least one commit where there is one.
    pub bytes_max: usize,
}

/// A commit, and what it replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The commit.
    pub committed: Committed,
    /// For each of its changes what it replaced; `None` where nothing was there.
    pub before: Vec<Option<Stored>>,
}

/// What follows a revision.
#[derive(Clone, Debug, PartialEq)]
pub enum Follow {
    /// These, and possibly more; none where `after` is the newest.
    Commits(Vec<Committed>),
    /// The commits after `after` are no longer kept one by one, or `after` is ahead of the store (which was replaced by
    /// another): load the state.
    Compacted,
}
