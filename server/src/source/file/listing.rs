//! What one look at the file system found, before any file is read.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs::Metadata,
    os::unix::fs::MetadataExt,
    path::PathBuf,
};

use mainsheet_api::time::Timestamp;

use super::places::Places;
use crate::source::is_below;

/// All that a look at a source's roots found.
///
/// Files are named by origin: the path below the root, or, where a source has several roots, the root as it was given
/// and the path below it. Folders are named by prefix: what the origins below them begin with, `shop/`, or nothing at
/// all for a source's only root.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Files that are to hold documents.
    pub(crate) files: BTreeMap<String, Found>,
    /// Roots, by prefix, or by origin where a root is a file.
    pub(crate) roots: BTreeMap<String, Root>,
    /// Prefixes whose content could not be told, and why. What is known below them stays.
    pub(crate) troubles: BTreeMap<String, String>,
    /// Links to folders, by prefix, and where they lead. One that leads elsewhere than before was swapped.
    pub(crate) links: BTreeMap<String, PathBuf>,
    /// Folders to watch, by real path.
    pub(crate) watches: BTreeMap<PathBuf, Watched>,
    /// Where the folders are.
    pub(crate) places: Places,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Free of links in its folders: where news about it comes from.
    pub(crate) path: PathBuf,
    /// How to tell whether it changed, or why it can't be looked at.
    pub(crate) stamp: Result<Stamp, String>,
}

/// One root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// A file that is there.
    File,
    /// A folder that is there, and which one.
    Folder(FolderId),
    /// It is not there, or can't be looked at; why.
    Missing(String),
}

/// Tells a folder from another one that took its place: a mount that came or went. Files are told apart by it, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FolderId {
    device: u64,
    inode: u64,
}

impl FolderId {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }

    #[cfg(test)]
    pub(super) fn numbered(inode: u64) -> Self {
        Self { device: 0, inode }
    }
}

/// What differs when a file's content does. The change time is in it because a modification time can be set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    file: FolderId,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Found {
    /// Which file it is.
    pub(super) fn file(&self) -> Option<FolderId> {
        self.stamp.as_ref().ok().map(|stamp| stamp.file)
    }
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            file: FolderId::of(metadata),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// When it was last written, moved or touched: later than its modification time where that was set back.
    pub(super) fn written(&self) -> Timestamp {
        let (seconds, nanos) = self.changed;
        let millis = seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000);
        Timestamp(u64::try_from(millis).unwrap_or_default())
    }

    #[cfg(test)]
    pub(super) fn numbered(number: i64) -> Self {
        Self { file: FolderId::numbered(0), size: 0, modified: (number, 0), changed: (0, 0) }
    }
}

/// What in a watched folder matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    /// Whatever may be a document or a folder.
    Content,
    /// These names only: a root's own, in the folder above it.
    Names(BTreeSet<OsString>),
}

impl Listing {
    /// Notes a folder to watch. Watching all of it covers watching some names.
    pub(super) fn watch(&mut self, folder: PathBuf, what: Watched) {
        match (self.watches.get_mut(&folder), what) {
            (Some(Watched::Content), _) => {}
            (Some(Watched::Names(names)), Watched::Names(more)) => names.extend(more),
            (_, what) => drop(self.watches.insert(folder, what)),
        }
    }

    /// Prefixes, and roots that are files, below which nobody knows what there is.
    pub(super) fn uncertain(&self) -> impl Iterator<Item = &String> {
        let missing =
            self.roots.iter().filter(|(_, root)| matches!(root, Root::Missing(_))).map(|(prefix, _)| prefix);
        self.troubles.keys().chain(missing)
    }

    /// Why, for people.
    pub(super) fn reasons(&self) -> Vec<String> {
        let missing = self.roots.values().filter_map(|root| match root {
            Root::Missing(reason) => Some(reason),
            Root::File | Root::Folder(_) => None,
        });
        self.troubles.values().chain(missing).cloned().collect()
    }

    /// Whether what is known of an origin is to stay although the look did not find it.
    pub(super) fn is_uncertain(&self, origin: &str) -> bool {
        self.uncertain().any(|prefix| is_below(origin, prefix))
    }
}
