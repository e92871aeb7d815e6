//! Where a source's folders are, so that news of one path can be looked into without looking at all the others.
//!
//! What a glance says is what a look at everything would say of the same paths. Where that can't be known from the path
//! alone (folders, links and what they lead to, mounts, several names of one file), it says nothing, and everything is
//! looked at.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{
    listing::{FolderId, Found, Stamp},
    names::is_document,
};

/// Files by origin, as they are now; none for one that is not there.
pub(crate) type Glance = BTreeMap<String, Option<Found>>;

/// Where the last look at everything found folders.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// As given, and where they led.
    roots: Vec<(PathBuf, PathBuf)>,
    folders: HashMap<PathBuf, Place>,
    /// One folder that is seen at two paths has the kernel's news told of one of them.
    paths: HashMap<FolderId, PathBuf>,
    prefixes: HashSet<String>,
    /// Roots, and what links lead to: they may be known by other names, too.
    entries: HashSet<PathBuf>,
}

#[derive(Debug)]
struct Place {
    prefix: String,
    id: FolderId,
    /// Whether a file's origin follows from its path, and the other way round.
    is_plain: bool,
}

/// What is to be said of one path.
enum Sight {
    /// It holds no documents, and never did.
    Nothing,
    File(String, Option<Found>),
    Unclear,
}

impl Places {
    /// A root, and where it leads.
    pub(super) fn root(&mut self, given: &Path, real: &Path) {
        self.roots.push((given.to_owned(), real.to_owned()));
    }

    /// A folder whose content was listed.
    pub(super) fn folder(&mut self, path: &Path, prefix: &str, id: FolderId) {
        self.prefixes.insert(prefix.to_owned());
        let place = Place { prefix: prefix.to_owned(), id, is_plain: true };
        let is_second = self.folders.insert(path.to_owned(), place).is_some();
        let other = self.paths.insert(id, path.to_owned()).filter(|other| other != path);
        if is_second || other.is_some() {
            self.unclear(path);
        }
        if let Some(other) = other {
            self.unclear(&other);
        }
    }

    /// What is in this folder can't be told path by path.
    pub(super) fn unclear(&mut self, folder: &Path) {
        if let Some(place) = self.folders.get_mut(folder) {
            place.is_plain = false;
        }
    }

    /// A path that is known by another name.
    pub(super) fn entry(&mut self, path: PathBuf) {
        self.entries.insert(path);
    }

    /// Looks at these paths only; nothing is returned where only a look at everything tells what happened.
    pub(crate) fn glance<'a>(&self, touched: impl IntoIterator<Item = &'a PathBuf>) -> Option<Glance> {
        let leads_there =
            |(given, real): &(PathBuf, PathBuf)| fs::canonicalize(given).is_ok_and(|now| now == *real);
        if !self.roots.iter().all(leads_there) {
            return None;
        }
        let mut glance = Glance::new();
        for path in touched {
            match self.at(path) {
                Sight::Nothing => {}
                Sight::File(origin, found) => drop(glance.insert(origin, found)),
                Sight::Unclear => return None,
            }
        }
        Some(glance)
    }

    fn at(&self, path: &Path) -> Sight {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Sight::Unclear };
        let Some(place) = self.folders.get(parent).filter(|place| place.is_plain) else {
            return Sight::Unclear;
        };
        // Names that are not UTF-8 may look alike.
        let Some(name) = name.to_str().filter(|name| !name.contains(char::REPLACEMENT_CHARACTER)) else {
            return Sight::Unclear;
        };
        let origin = format!("{}{name}", place.prefix);
        if self.entries.contains(path) || self.prefixes.contains(&format!("{origin}/")) {
            return Sight::Unclear;
        }
        let found = match fs::symlink_metadata(path) {
            // A file of several names changes under all of them, and there is news of one.
            Ok(metadata) if metadata.is_file() && metadata.nlink() == 1 => {
                Some(Found { path: path.to_owned(), stamp: Ok(Stamp::of(&metadata)) })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Ok(_) | Err(_) => return Sight::Unclear,
        };
        // Checked last: in another folder that took this one's place, a missing file means nothing.
        let is_same = fs::symlink_metadata(parent).is_ok_and(|metadata| FolderId::of(&metadata) == place.id);
        match is_same {
            false => Sight::Unclear,
            true if is_document(name) => Sight::File(origin, found),
            true => Sight::Nothing,
        }
    }
}

#[cfg(test)]
mod tests;
