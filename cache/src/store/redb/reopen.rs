//! A store that opens its file again after the disk failed.
//!
//! The database refuses everything after a read, a write or a flush that failed: it can't tell what the disk holds. So
//! the call that failed answers its error, and the next one opens the file as at start, with all that is checked there.
//! Whoever failed need not be the one who calls next, and what the failed call wrote may be there or not.

use std::{
    fmt,
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::PathBuf,
    sync::{
        Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use mainsheet_api::version::Revision;
use redb::Database;
use tokio::sync::watch;

use super::{
    super::{StoreOptions, rules::Standing},
    Opened,
    fault::Fault,
    open,
};

/// Opens the database once more, of the same file.
pub(super) type OpenAgain = Box<dyn Fn() -> Result<Database, Fault> + Send + Sync>;

/// A store's file, whether it is open at the moment or not.
pub(super) struct Reopening {
    /// Read by whoever uses the database, so that it is closed, and opened again, when nobody does. None where the last
    /// attempt failed.
    opened: RwLock<Option<Opened>>,
    open_again: OpenAgain,
    pub(super) path: PathBuf,
    options: StoreOptions,
    /// Whose turn it is to write. The database would queue writers too; this also keeps their news in order.
    turn: Mutex<()>,
    head: watch::Sender<Revision>,
    /// The oldest revision whose state can be worked out.
    oldest: AtomicU64,
    /// Last, so that it is released when the database is closed.
    _lock: File,
}

impl Reopening {
    /// Of a database that was just opened.
    pub(super) fn new(
        database: Database,
        open_again: OpenAgain,
        path: PathBuf,
        options: StoreOptions,
        lock: File,
    ) -> Result<Self, Fault> {
        let (opened, standing) = open::trust(database, path.clone(), options)?;
        Ok(Self {
            opened: RwLock::new(Some(opened)),
            open_again,
            path,
            options,
            turn: Mutex::new(()),
            head: watch::Sender::new(standing.head),
            oldest: AtomicU64::new(standing.oldest().0),
            _lock: lock,
        })
    }

    pub(super) fn head(&self) -> watch::Receiver<Revision> {
        self.head.subscribe()
    }

    pub(super) fn oldest(&self) -> Revision {
        Revision(self.oldest.load(Ordering::Acquire))
    }

    /// To be called when it can be read. Wakes nobody where there is nothing new.
    pub(super) fn announce(&self, standing: Standing) {
        self.oldest.store(standing.oldest().0, Ordering::Release);
        self.head.send_if_modified(|newest| std::mem::replace(newest, standing.head) < standing.head);
    }

    /// A writer that panicked has not committed, so the next one finds the file whole.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uses the database; opens it first where it failed before. Blocks.
    pub(super) fn with<T, E: From<Fault> + DiskFailure>(
        &self,
        work: impl FnOnce(&Opened) -> Result<T, E>,
    ) -> Result<T, E> {
        loop {
            let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(usable) = opened.as_ref().filter(|opened| !opened.is_failed.load(Ordering::Acquire)) {
                let answer = work(usable);
                if answer.as_ref().is_err_and(DiskFailure::is_disk_failure) {
                    usable.is_failed.store(true, Ordering::Release);
                }
                return answer;
            }
            drop(opened);
            self.reopen()?;
        }
    }

    /// Closes the database and opens it again, unless somebody else just has.
    fn reopen(&self) -> Result<(), Fault> {
        let mut slot = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_some_and(|opened| !opened.is_failed.load(Ordering::Acquire)) {
            return Ok(());
        }
        // It holds the lock of the file.
        *slot = None;
        let (opened, standing) = open::trust((self.open_again)()?, self.path.clone(), self.options)?;
        let head = standing.head;
        let announced = *self.head.borrow();
        if head < announced {
            return Err(Fault::damaged(format!("it is at revision {head}, {announced} was acknowledged")));
        }
        *slot = Some(opened);
        // A commit that failed may have been made. Those who are told wait for the lock until it is readable.
        self.announce(standing);
        tracing::info!(path = %self.path.display(), revision = head.0, "the store failed and has been opened again");
        Ok(())
    }
}

impl fmt::Debug for Reopening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reopening").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Errors after which the database must be opened again.
pub(super) trait DiskFailure {
    fn is_disk_failure(&self) -> bool;
}

/// How much is read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// What file systems keep as a hole where nothing was written.
const BLOCK_BYTES: usize = 4096;

/// Writes what the file reads as once more, and flushes it.
///
/// After a flush that failed, the system may take pages that never reached the disk for written ones: they read as if
/// they were there, and no later flush writes them. Nothing may be built upon those. A crash meanwhile leaves some of
/// the writes since the last good flush, as any crash does.
///
/// Blocks of nothing but zeros are left alone. The database has none of these in use, and most are holes: to fill them
/// would take room from a disk that may just have been full.
pub(super) fn write_again(mut file: &File) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut at = 0;
    loop {
        file.seek(SeekFrom::Start(at))?;
        let len = file.read(&mut chunk)?;
        if len == 0 {
            return file.sync_all();
        }
        for (block, start) in chunk[..len].chunks(BLOCK_BYTES).zip((at..).step_by(BLOCK_BYTES)) {
            if block.iter().any(|byte| *byte != 0) {
                file.seek(SeekFrom::Start(start))?;
                file.write_all(block)?;
            }
        }
        at += len as u64;
    }
}
