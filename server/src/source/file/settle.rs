//! Files that are being written in place, whose content is not believed yet.
//!
//! Any beginning of a file may be a document of its own: a policy that is cut before its rules denies everything. So a
//! file that was written to is left alone until its writer closes it, which an ordinary save does at once. Where nobody
//! says so, because the news was lost or the writer keeps the file open, a pause has to do.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use mainsheet_api::time::Uptime;

use super::listing::FolderId;

/// How long a file that nobody closed must stay the same before it counts as written. Longer than programs pause that
/// write a file bit by bit; short enough for one whose closing nobody told of.
pub(super) const WRITE_SETTLE: Duration = Duration::from_secs(2);

/// The last that was told of a file's writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    /// A name was made: by a writer if it is opened, too; a link is not.
    Created,
    /// Somebody writes.
    Begun,
    /// The writer closed it, or another file took its place.
    Ended,
}

/// Files that were written to and not closed since, and when they were last written to.
#[derive(Debug, Default)]
pub(super) struct Writers {
    since: HashMap<PathBuf, Uptime>,
}

impl Writers {
    /// Takes in news of one file.
    pub(super) fn hear(&mut self, path: &Path, writing: Writing, now: Uptime) {
        match writing {
            Writing::Begun => drop(self.since.insert(path.to_owned(), now)),
            Writing::Created | Writing::Ended => drop(self.since.remove(path)),
        }
    }

    /// Whether a file is being written.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.since.contains_key(path)
    }

    /// Every such file.
    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.since.keys()
    }

    /// Gives up the files that have stayed the same for long enough: they are to be read.
    pub(super) fn settle(&mut self, now: Uptime) -> Vec<PathBuf> {
        self.since.extract_if(|_, since| now.since(*since) >= WRITE_SETTLE).map(|(path, _)| path).collect()
    }

    /// When the next of them will have.
    pub(super) fn due(&self) -> Option<Uptime> {
        self.since.values().min().map(|since| since.after(WRITE_SETTLE))
    }
}

/// Which files these paths are: a file that links lead to is told of by its own name only.
pub(super) fn files(paths: &[PathBuf]) -> HashSet<FolderId> {
    paths.iter().filter_map(|path| Some(FolderId::of(&fs::metadata(path).ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_held_until_it_is_closed() {
        let (path, now) = (Path::new("/a.yaml"), Uptime::default());
        let mut writers = Writers::default();
        writers.hear(path, Writing::Created, now);
        assert!(!writers.has(path), "a link is there as soon as it is made");
        writers.hear(path, Writing::Begun, now);
        assert!(writers.has(path));
        writers.hear(path, Writing::Ended, now);
        assert_eq!((writers.has(path), writers.due()), (false, None));
    }

    #[test]
    fn file_that_nobody_closes_is_held_until_it_stays_the_same_for_a_while() {
        let path = Path::new("/a.yaml");
        let mut writers = Writers::default();
        writers.hear(path, Writing::Begun, Uptime::default());
        let half = Uptime(WRITE_SETTLE / 2);
        writers.hear(path, Writing::Begun, half);
        assert!(writers.settle(Uptime(WRITE_SETTLE)).is_empty(), "it has changed since");
        assert_eq!(writers.due(), Some(half.after(WRITE_SETTLE)));
        assert_eq!(writers.settle(half.after(WRITE_SETTLE)), [path]);
        assert!(!writers.has(path) && writers.due().is_none());
    }
}
