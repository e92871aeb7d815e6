//! News of changes from the kernel. Only ever a hint to look: every batch comes from comparing what is there.
//!
//! Each folder of the last listing is watched by itself, not recursively: so links to folders, folders that take
//! another's place and the folder above a root are all watched by the same rule.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use notify::{
    Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, ModifyKind},
};
use tokio::sync::Notify;

use super::{
    listing::{Listing, Watched},
    names::may_matter,
    settle::Writing,
};

/// Paths of news that are kept apart. With more, only the look itself tells what changed.
const TOUCHED_MAX: usize = 100_000;

/// What the kernel told since the last look.
#[derive(Debug, Default)]
pub(super) struct News {
    pending: Mutex<PendingEvents>,
    arrived: Notify,
}

/// What was told, until it is taken.
#[derive(Debug, Default)]
pub(super) struct PendingEvents {
    /// Paths of which there was news.
    pub(super) touched: HashSet<PathBuf>,
    /// Those of them that are written to, or were.
    pub(super) writes: HashMap<PathBuf, Writing>,
    /// Whether news was lost: nobody knows of which paths.
    pub(super) has_gaps: bool,
}

impl PendingEvents {
    fn add(&mut self, event: Event) {
        let writing = writing(event.kind);
        self.writes.extend(
            event
                .paths
                .iter()
                .cloned()
                .zip(std::iter::repeat(writing))
                .filter_map(|(path, writing)| Some((path, writing?))),
        );
        self.touched.extend(event.paths);
    }

    /// Whoever makes a file opens it within the same call. Before the first byte is written, the writer is known.
    fn add_opened(&mut self, event: &Event) {
        for path in &event.paths {
            if let Some(writing @ Writing::Created) = self.writes.get_mut(path) {
                *writing = Writing::Begun;
            }
        }
    }
}

impl News {
    /// Waits until there is some.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Takes it.
    pub(super) fn take(&self) -> PendingEvents {
        std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// On the watcher's thread.
    fn tell(&self, event: notify::Result<Event>) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Ok(event) if !is_change(event.kind) => return pending.add_opened(&event),
            Ok(event) if !event.need_rescan() && pending.touched.len() < TOUCHED_MAX => pending.add(event),
            Ok(_) | Err(_) => pending.has_gaps = true,
        }
        self.arrived.notify_one();
    }
}

/// Our own reading makes news of opened and closed files, which must not make us read again.
fn is_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

/// What an event says of a file's writing.
fn writing(kind: EventKind) -> Option<Writing> {
    match kind {
        EventKind::Create(_) => Some(Writing::Created),
        EventKind::Modify(ModifyKind::Data(_)) => Some(Writing::Begun),
        EventKind::Access(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => {
            Some(Writing::Ended)
        }
        _ => None,
    }
}

/// The kernel's watches, kept equal to the newest listing.
#[derive(Debug)]
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    folders: BTreeMap<PathBuf, (Watched, u64)>,
    /// Folders that can't be watched: there are too many of them, or they are not ours. Tried again at each look.
    failed: BTreeSet<PathBuf>,
}

impl Watch {
    /// Nothing watched yet. Where the kernel offers no watches, looking from time to time has to do.
    pub(super) fn new(news: Arc<News>) -> Self {
        let watcher = RecommendedWatcher::new(move |event| news.tell(event), Config::default()).inspect_err(
            |error| tracing::warn!(%error, "files can't be watched; they are looked at from time to time"),
        );
        Self { watcher: watcher.ok(), folders: BTreeMap::new(), failed: BTreeSet::new() }
    }

    /// Whether every change makes news.
    pub(super) fn is_complete(&self) -> bool {
        self.watcher.is_some() && self.failed.is_empty()
    }

    /// Watches what a listing says. Returns whether a folder is new: what happened in it before is then still to be
    /// looked at.
    pub(super) fn follow(&mut self, listing: &Listing) -> bool {
        let Some(watcher) = &mut self.watcher else { return false };
        let mut has_new = false;
        let (mut folders, mut failed) = (BTreeMap::new(), BTreeSet::new());
        for (folder, what) in &listing.watches {
            let id = inode(folder);
            if self.folders.remove(folder).is_none_or(|(_, watched)| watched != id) {
                // The watch of a folder that was replaced is the old folder's.
                let _ = watcher.unwatch(folder);
                if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                    if !self.failed.contains(folder) {
                        tracing::warn!(folder = %folder.display(), %error, "folder can't be watched; it is looked at from time to time");
                    }
                    failed.insert(folder.clone());
                    continue;
                }
                has_new = true;
            }
            folders.insert(folder.clone(), (what.clone(), id));
        }
        for folder in self.folders.keys() {
            // The kernel has ended the watch itself if the folder is gone.
            let _ = watcher.unwatch(folder);
        }
        (self.folders, self.failed) = (folders, failed);
        has_new
    }

    /// Whether news about a path is a reason to look.
    pub(super) fn concerns(&self, path: &Path) -> bool {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return true };
        match self.folders.get(parent) {
            Some((Watched::Content, _)) => may_matter(&name.to_string_lossy()),
            Some((Watched::Names(names), _)) => names.contains(name) || self.folders.contains_key(path),
            None => true,
        }
    }
}

fn inode(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(folder).map_or(0, |metadata| metadata.ino())
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, DataChange, Flag, MetadataKind, RenameMode};

    use super::*;

    fn pending(kind: EventKind, path: &str) -> PendingEvents {
        let news = News::default();
        news.tell(Ok(Event::new(kind).add_path(path.into())));
        news.take()
    }

    #[test]
    fn our_own_reading_is_no_news() {
        assert!(pending(EventKind::Access(AccessKind::Open(AccessMode::Any)), "/a").touched.is_empty());
        assert!(pending(EventKind::Access(AccessKind::Close(AccessMode::Read)), "/a").touched.is_empty());
        assert_eq!(pending(EventKind::Access(AccessKind::Close(AccessMode::Write)), "/a").touched.len(), 1);
        assert_eq!(pending(EventKind::Modify(ModifyKind::Any), "/a").touched.len(), 1);
    }

    #[test]
    fn writer_is_known_from_its_opening_to_its_closing() {
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let created = EventKind::Create(CreateKind::File);
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let chmod = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
        let moved = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        for (kinds, writing) in [
            (vec![created], Some(Writing::Created)),
            (vec![created, opened], Some(Writing::Begun)),
            (vec![opened], None),
            (vec![opened, written, chmod], Some(Writing::Begun)),
            (vec![created, opened, written, closed], Some(Writing::Ended)),
            (vec![written, closed, opened, chmod], Some(Writing::Ended)),
            (vec![written, moved], Some(Writing::Ended)),
        ] {
            let news = News::default();
            kinds.iter().for_each(|kind| news.tell(Ok(Event::new(*kind).add_path("/a".into()))));
            assert_eq!(news.take().writes.get(Path::new("/a")).copied(), writing, "{kinds:?}");
        }
    }

    #[test]
    fn lost_news_is_a_reason_to_look() {
        let news = News::default();
        news.tell(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)));
        assert!(news.take().has_gaps);
        news.tell(Err(notify::Error::generic("no")));
        assert!(news.take().has_gaps);
        assert!(!news.take().has_gaps);
    }

    #[test]
    fn beside_a_root_only_its_own_name_matters() {
        let folders = BTreeMap::from([
            (PathBuf::from("/tmp"), (Watched::Names(["root".into()].into()), 1)),
            (PathBuf::from("/tmp/root"), (Watched::Content, 2)),
        ]);
        let watch = Watch { watcher: None, folders, failed: BTreeSet::new() };
        for (path, matters) in [
            ("/tmp/root", true),
            ("/tmp/other", false),
            ("/tmp/root/a.yaml", true),
            ("/tmp/root/.a.yaml.swp", false),
            ("/tmp/root/..data", true),
        ] {
            assert_eq!(watch.concerns(Path::new(path)), matters, "{path}");
        }
    }
}
