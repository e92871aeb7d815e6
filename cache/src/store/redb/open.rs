//! The data directory: its lock, making a store in it, and refusing one that can't be trusted.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use redb::{Database, ReadableDatabase};

use super::{
    super::{Backup, StoreOptions, rules::Standing},
    FORMAT, Opened,
    fault::Fault,
    migrate, read,
    reopen::{self, Reopening},
    restore, write,
};

/// Bytes of pages that the database keeps in memory. What is served is in the snapshot; this is for writing.
const PAGE_CACHE_BYTES: usize = 32 << 20;

pub(super) fn file_in(dir: &Path) -> PathBuf {
    dir.join("mainsheet.redb")
}

pub(super) fn open(dir: &Path, options: StoreOptions) -> Result<Reopening, Fault> {
    make_dir(dir)?;
    let lock = lock(dir)?;
    let path = file_in(dir);
    if !path.try_exists()? {
        make_store(dir, &path)?;
    }
    let database = open_database(existing(&path)?)?;
    let again = path.clone();
    let open_again = Box::new(move || {
        let file = existing(&again)?;
        reopen::write_again(&file)?;
        open_database(file)
    });
    Reopening::new(database, open_again, path, options, lock)
}

/// The store's file.
fn existing(path: &Path) -> Result<File, Fault> {
    let file = own_file().open(path)?;
    if file.metadata()?.len() == 0 {
        // The database would begin anew in it.
        return Err(Fault::damaged("it is empty"));
    }
    Ok(file)
}

/// Reads all of it through before anything is served from it; and says where it stands. One of an older format is made
/// one of this.
pub(super) fn trust(
    mut database: Database,
    path: PathBuf,
    options: StoreOptions,
) -> Result<(Opened, Standing), Fault> {
    // Two-phase commits leave nothing to roll back: what it repairs is the free list.
    if !database.check_integrity()? {
        tracing::warn!(path = %path.display(), "the list of free pages was damaged and has been made anew");
    }
    migrate::migrate(&database, &path)?;
    let standing = read::Tables::open(&database.begin_read()?)?.verify()?;
    let opened = Opened { database, path, options, is_failed: AtomicBool::new(false) };
    Ok((opened, read::standing_of(&standing)))
}

/// Held as long as the store is open. The database locks its file too; this also keeps two from making one at once.
fn lock(dir: &Path) -> Result<File, Fault> {
    let lock = own_file().create(true).truncate(false).open(dir.join("mainsheet.lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Fault::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// The same from a backup; there must be none yet.
pub(super) fn restore(dir: &Path, backup: &Backup) -> Result<(), Fault> {
    make_dir(dir)?;
    let _lock = lock(dir)?;
    let path = file_in(dir);
    if path.try_exists()? {
        return Err(Fault::Exists);
    }
    make_named(dir, &path, |database| restore::fill(database, backup))
}

fn make_store(dir: &Path, path: &Path) -> Result<(), Fault> {
    make_named(dir, path, |_| Ok(()))
}

/// Under another name until it is whole: a file of the store's name that is empty or half made is a damaged one, never
/// one to begin anew with.
fn make_named(
    dir: &Path,
    path: &Path,
    fill: impl FnOnce(&Database) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let unfinished = dir.join("mainsheet.redb.new");
    let file = own_file().create(true).truncate(true).open(&unfinished)?;
    let database = open_database(file)?;
    write::initialise(&database, FORMAT)?;
    fill(&database)?;
    drop(database);
    fs::rename(&unfinished, path)?;
    // The name is as durable as the content.
    Ok(File::open(dir)?.sync_all()?)
}

pub(super) fn open_database(file: File) -> Result<Database, Fault> {
    Ok(Database::builder().set_cache_size(PAGE_CACHE_BYTES).create_file(file)?)
}

fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// For reading and writing, by its owner only.
fn own_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
