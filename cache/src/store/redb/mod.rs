//! The embedded durable store: one file, one process.
//!
//! | module | is |
//! |---|---|
//! | `open` | the data directory: its lock, making a store, refusing one that is damaged or newer |
//! | `reopen` | opening the file again after the disk failed |
//! | `migrate` | files of older formats |
//! | `table` | the tables and their sealed rows |
//! | `restore` | a store out of a backup |
//! | `read`, `write` | what the contract asks for, inside a transaction |
//! | `blocking` | work on the runtime's blocking threads; a panic there, which damage can cause, is an error |
//! | `fault` | what went wrong inside, before it is told outside |
//!
//! Every write is one transaction, answered after it was flushed; a crash keeps all of it or nothing.

mod blocking;
mod fault;
mod migrate;
mod open;
mod read;
mod reopen;
mod restore;
mod table;
mod write;

#[cfg(test)]
mod disk;
#[cfg(test)]
mod disk_failure;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod power_loss;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(super) use self::{disk::Disk, disk_failure::store_on};

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use ::redb::{Database, ReadableDatabase};
use bytes::Bytes;
use mainsheet_api::{
    change::{Commit, Fence},
    time::Timestamp,
    version::Revision,
};
use tokio::sync::watch;

use self::{
    fault::Fault,
    reopen::{DiskFailure, Reopening},
};
use super::{Answer, Backup, Follow, HistoryQuery, Recorded, State, Store, StoreOptions};
use crate::error::{CommitError, StoreError};

/// The newest format of the file that this version reads, and the one that it writes.
const FORMAT: u32 = 2;

/// A store in one file, `mainsheet.redb`. When the last use of it is dropped the file is closed, which flushes it.
#[derive(Debug)]
pub struct RedbStore {
    file: Arc<Reopening>,
}

/// An open file.
#[derive(Debug)]
struct Opened {
    database: Database,
    path: PathBuf,
    options: StoreOptions,
    /// The disk failed: nothing is read or written until it is opened again.
    is_failed: AtomicBool,
}

impl RedbStore {
    /// The newest format of the file that this version reads, and the one that it writes.
    pub const FORMAT: u32 = FORMAT;

    /// Opens the store of a data directory, makes it where there is none, and reads all of it through: what is served
    /// later is what was accepted. The directory is made readable for its owner only.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Damaged`], [`StoreError::Newer`], [`StoreError::UnknownKind`],
    /// [`StoreError::Io`].
    pub async fn open(dir: impl Into<PathBuf>, options: StoreOptions) -> Result<Self, StoreError> {
        let dir = dir.into();
        let path = open::file_in(&dir);
        let opened = blocking::run(move || open::open(&dir, options)).await;
        opened.map(|file| Self { file: Arc::new(file) }).map_err(|fault| fault.of("open", &path))
    }

    /// Makes the store of a data directory that has none, out of a backup: equal to the one that was backed up in
    /// everything. A crash, or an error, leaves none.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::InUse`], [`StoreError::Io`].
    pub async fn restore(dir: impl Into<PathBuf>, backup: Backup) -> Result<(), StoreError> {
        let dir = dir.into();
        let path = open::file_in(&dir);
        let made = blocking::run(move || open::restore(&dir, &backup)).await;
        made.map_err(|fault: Fault| fault.of("restore", &path))
    }

    /// Reads, on a thread that may block.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&read::Tables) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let file = Arc::clone(&self.file);
        let work = move |opened: &Opened| read(&read::Tables::open(&opened.database.begin_read()?)?);
        let answer = blocking::run(move || file.with(work)).await;
        answer.map_err(|fault: Fault| fault.of("read", &self.file.path))
    }

    /// Writes, on a thread that may block.
    async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Reopening, &Opened) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, CommitError> {
        let file = Arc::clone(&self.file);
        let answer = blocking::run(move || {
            let _turn = file.turn();
            file.with(|opened| write(&file, opened))
        })
        .await;
        answer.map_err(|refusal| match refusal {
            Refusal::Rule(refused) => *refused,
            Refusal::Fault(fault) => fault.of("write", &self.file.path).into(),
        })
    }
}

/// Why nothing was written.
enum Refusal {
    /// As a rule has it.
    Rule(Box<CommitError>),
    /// The store failed.
    Fault(Fault),
}

impl<F: Into<Fault>> From<F> for Refusal {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

impl DiskFailure for Refusal {
    fn is_disk_failure(&self) -> bool {
        match self {
            // Rules are looked up in the tables.
            Self::Rule(refused) => matches!(**refused, CommitError::Store(StoreError::Io { .. })),
            Self::Fault(fault) => fault.is_disk_failure(),
        }
    }
}

impl Store for RedbStore {
    fn commit_all(&self, commits: Vec<Commit>) -> Answer<'_, Vec<Result<Revision, CommitError>>> {
        Box::pin(async move {
            let len = commits.len();
            let write = move |file: &Reopening, opened: &Opened| {
                let (answers, standing) = write::commit_all(opened, &commits)?;
                file.announce(standing);
                Ok(answers)
            };
            self.write(write).await.unwrap_or_else(|failed| vec![Err(failed); len])
        })
    }

    fn load(&self) -> Answer<'_, Result<State, StoreError>> {
        Box::pin(self.read(read::Tables::load))
    }

    fn follow(&self, after: Revision, bytes_max: usize) -> Answer<'_, Result<Follow, StoreError>> {
        Box::pin(self.read(move |tables| tables.follow(after, bytes_max)))
    }

    fn history(&self, query: HistoryQuery) -> Answer<'_, Result<Vec<Recorded>, StoreError>> {
        Box::pin(self.read(move |tables| tables.history(query)))
    }

    fn committed_at(
        &self,
        revisions: Vec<Revision>,
    ) -> Answer<'_, Result<Vec<Option<Timestamp>>, StoreError>> {
        Box::pin(self.read(move |tables| tables.committed_at(&revisions)))
    }

    fn state_at(&self, revision: Revision) -> Answer<'_, Result<Option<State>, StoreError>> {
        Box::pin(self.read(move |tables| tables.state_at(revision)))
    }

    fn export(&self) -> Answer<'_, Result<Backup, StoreError>> {
        Box::pin(self.read(read::Tables::export))
    }

    fn oldest(&self) -> Revision {
        self.file.oldest()
    }

    fn head(&self) -> watch::Receiver<Revision> {
        self.file.head()
    }

    fn take_lease(&self) -> Answer<'_, Result<Fence, StoreError>> {
        Box::pin(async move { self.write(|_, opened| write::take_lease(opened)).await.map_err(store_error) })
    }

    fn status(&self, prefix: &str) -> Answer<'_, Result<Vec<(String, Bytes)>, StoreError>> {
        let prefix = prefix.to_owned();
        Box::pin(self.read(move |tables| tables.status(&prefix)))
    }

    fn set_status(&self, entries: Vec<(String, Option<Bytes>)>) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.write(move |_, opened| write::set_status(opened, entries)).await.map_err(store_error)
        })
    }
}

/// Of writes that no rule of commits refuses.
fn store_error(error: CommitError) -> StoreError {
    match error {
        CommitError::Store(error) => error,
        rule => StoreError::Io { step: "write", source: Arc::new(rule) },
    }
}
