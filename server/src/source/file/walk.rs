//! Walks a source's roots. Reads folders and links, opens no file.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    listing::{FolderId, Found, Listing, Root, Stamp, Watched},
    names::{MOUNT_LINK, is_document, is_hidden},
};

/// Folders within folders that are followed. Deeper ones are a mistake, or a loop that shows a new face at every turn.
const DEPTH_MAX: usize = 64;

/// Looks at every root. Never fails as a whole: what can't be looked at is in the listing.
pub(crate) fn walk(roots: &[PathBuf]) -> Listing {
    let mut walk = Walk { listing: Listing::default(), ancestors: Vec::new(), indirections: 0 };
    for root in roots {
        walk.root(root, roots.len() > 1);
    }
    walk.listing
}

struct Walk {
    listing: Listing,
    /// Folders above the one that is looked at; one that occurs again is a loop of links.
    ancestors: Vec<FolderId>,
    /// Links to folders that led here, without the roots'.
    indirections: usize,
}

/// A folder as it is being looked at.
struct Folder {
    /// Free of links.
    path: PathBuf,
    prefix: String,
}

impl Folder {
    /// A name need not be UTF-8; what is said of it is.
    fn child(&self, name: &OsStr) -> Self {
        Self { path: self.path.join(name), prefix: format!("{}{}/", self.prefix, name.to_string_lossy()) }
    }
}

impl Walk {
    fn root(&mut self, given: &Path, is_one_of_several: bool) {
        self.watch_entry(given);
        let shown = given.to_string_lossy();
        let metadata = fs::metadata(given);
        let is_folder = metadata.as_ref().map_or_else(|_| !is_document(&shown), fs::Metadata::is_dir);
        let label = match (is_one_of_several, is_folder) {
            (true, true) => format!("{}/", shown.trim_end_matches('/')),
            (true, false) => shown.into_owned(),
            (false, true) => String::new(),
            (false, false) => given.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        };
        let found = metadata.and_then(|metadata| {
            let path = fs::canonicalize(given)?;
            self.listing.places.root(given, &path);
            Ok(if is_folder {
                self.linked_folder(given, Folder { path, prefix: label.clone() });
                Root::Folder(FolderId::of(&metadata))
            } else {
                // A link's target may change, too.
                self.watch_entry(&path);
                self.file(&real_place(given).unwrap_or(path), label.clone());
                Root::File
            })
        });
        let root = found.unwrap_or_else(|error| Root::Missing(format!("`{}`: {error}", given.display())));
        self.listing.roots.insert(label, root);
    }

    /// A folder behind something that may be a link.
    fn linked_folder(&mut self, link: &Path, folder: Folder) {
        if fs::symlink_metadata(link).is_ok_and(|metadata| metadata.is_symlink()) {
            self.listing.links.insert(folder.prefix.clone(), folder.path.clone());
        }
        self.folder(&folder);
    }

    fn folder(&mut self, folder: &Folder) {
        let id = match fs::metadata(&folder.path) {
            Ok(metadata) => FolderId::of(&metadata),
            Err(error) => return self.trouble(folder, &error),
        };
        if self.ancestors.contains(&id) {
            tracing::debug!(folder = %folder.path.display(), "links make a loop; not followed");
            return;
        }
        if self.ancestors.len() == DEPTH_MAX {
            return self
                .trouble(folder, &io::Error::other(format!("folders are more than {DEPTH_MAX} deep")));
        }
        self.ancestors.push(id);
        self.listing.watch(folder.path.clone(), Watched::Content);
        self.listing.places.folder(&folder.path, &folder.prefix, id);
        // Names that are not UTF-8 may look alike.
        if self.indirections > 0 || folder.prefix.contains(char::REPLACEMENT_CHARACTER) {
            self.listing.places.unclear(&folder.path);
        }
        if let Err(error) = self.content(folder) {
            self.trouble(folder, &error);
        }
        self.ancestors.pop();
    }

    fn content(&mut self, folder: &Folder) -> io::Result<()> {
        let mount = fs::read_link(folder.path.join(MOUNT_LINK)).ok();
        if let Some(target) = &mount {
            self.listing.places.unclear(&folder.path);
            self.mount(folder, target)?;
        }
        for entry in fs::read_dir(&folder.path)? {
            let entry = entry?;
            let os_name = entry.file_name();
            let name = os_name.to_string_lossy();
            if is_hidden(&name) {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_symlink() {
                self.link(folder, &os_name, mount.is_some());
            } else if kind.is_dir() {
                self.folder(&folder.child(&os_name));
            } else if is_document(&name) {
                self.file(&entry.path(), format!("{}{name}", folder.prefix));
            }
        }
        Ok(())
    }

    /// What a mounted ConfigMap holds: read in the folder that [`MOUNT_LINK`] names now, not through the links beside
    /// it, which Kubernetes adds and removes one by one after the swap. So a swap is seen whole or not at all.
    fn mount(&mut self, folder: &Folder, target: &Path) -> io::Result<()> {
        let behind = Folder { path: folder.path.join(target), prefix: folder.prefix.clone() };
        self.listing.links.insert(folder.prefix.clone(), behind.path.clone());
        self.indirections += 1;
        self.folder(&behind);
        self.indirections -= 1;
        // The folder of an old state is deleted right after the swap: what was seen of it may be half.
        if fs::read_link(folder.path.join(MOUNT_LINK))? != target {
            return Err(io::Error::other("swapped while it was looked at"));
        }
        Ok(())
    }

    fn link(&mut self, folder: &Folder, os_name: &OsStr, is_in_mount: bool) {
        let path = folder.path.join(os_name);
        let name = &*os_name.to_string_lossy();
        if is_in_mount && fs::read_link(&path).is_ok_and(|target| target.starts_with(MOUNT_LINK)) {
            return;
        }
        match fs::canonicalize(&path) {
            Ok(target) if target.is_dir() => {
                let behind = Folder { path: target, ..folder.child(os_name) };
                self.indirections += 1;
                self.linked_folder(&path, behind);
                self.indirections -= 1;
            }
            Ok(target) => {
                if is_document(name) {
                    self.watch_entry(&target);
                    self.file(&path, format!("{}{name}", folder.prefix));
                }
            }
            // A link that leads nowhere: a file that can't be read, if a file was meant.
            Err(_) if is_document(name) => self.file(&path, format!("{}{name}", folder.prefix)),
            Err(_) => {}
        }
    }

    fn file(&mut self, path: &Path, origin: String) {
        let stamp = match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => Ok(Stamp::of(&metadata)),
            Ok(_) => Err("it is not a regular file".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        self.listing.files.insert(origin, Found { path: path.to_owned(), stamp });
    }

    /// Watches the name itself, in the folder that it stands in: it may be replaced, or come back.
    fn watch_entry(&mut self, path: &Path) {
        if let Some(place) = real_place(path)
            && let (Some(parent), Some(name)) = (place.parent(), place.file_name())
        {
            let names = BTreeSet::from([OsString::from(name)]);
            self.listing.watch(parent.to_owned(), Watched::Names(names));
            self.listing.places.entry(place);
        }
    }

    fn trouble(&mut self, folder: &Folder, error: &io::Error) {
        self.listing.troubles.insert(folder.prefix.clone(), format!("`{}`: {error}", folder.path.display()));
    }
}

/// The path with the links of its folders resolved, but not the last name itself.
fn real_place(path: &Path) -> Option<PathBuf> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(fs::canonicalize(parent).ok()?.join(path.file_name()?))
}
