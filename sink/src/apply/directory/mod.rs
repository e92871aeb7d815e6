//! An applier that keeps a directory.
//!
//! ```text
//! DIR/networking.istio.io/v1/VirtualService/shop/reviews.yaml     a resource
//! DIR/.mainsheet-index                                            which files are ours, and at which versions
//! DIR/.mainsheet-lock                                             taken while an applier has the directory
//! ```
//!
//! The index is written before a file that is new, so that no file is ours without being in it, and after the files, so that
//! no version is in it whose file is not there. A file is written beside its place and renamed. Data is not flushed to the
//! disk: a file that a crash of the machine tore does not have the digest that the index gives, and comes again.

mod index;
mod path;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use mainsheet_api::{
    codec::{decode_entry, write_yaml},
    kind::Kind,
    version::{Digest, ResourceVersion},
    wire::Any,
    xds::client::{Received, Update},
};

use self::index::{Entry, Index, Name};
use super::Apply;
use crate::{client::ClientBuilder, rejection::Rejection};

/// How a resource is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As a YAML document in Kubernetes' form (Envoy's kinds: as Envoy writes them), without `resourceVersion` and
    /// `creationTimestamp`. Kinds that mainsheet does not know are refused.
    Yaml,
    /// As it came: the bytes of its `google.protobuf.Any`.
    Bytes,
}

/// Of a file that is not as it was written. Versions of servers are not empty, and have no such characters.
const NO_VERSION: &str = "<none>";

/// Why a directory can't be kept.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It can't be made, read or written.
    #[error("{step} `{}`", path.display())]
    Io {
        /// What was done.
        step: &'static str,
        /// To what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Another applier has it.
    #[error("`{}` is kept by another process", .0.display())]
    InUse(PathBuf),
    /// The index is not one, or one of a newer version.
    #[error("`{}`, line {line}: {reason}; move the directory away to begin with an empty one", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

impl DirectoryError {
    pub(self) fn io(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { step, path, source }
    }
}

/// Keeps each resource as a file below a directory, and removes what is gone. It never touches a file that it did not
/// write: a resource whose place is taken is refused.
///
/// What it holds survives a restart: [`DirectoryApplier::resume`] tells a client. Files that were changed or removed by
/// others meanwhile do not count as held, and come again.
#[derive(Clone, Debug)]
pub struct DirectoryApplier {
    kept: Arc<Mutex<Kept>>,
    form: Form,
}

/// The directory with its index.
#[derive(Debug)]
struct Kept {
    root: PathBuf,
    index: Index,
    /// Taken as long as this lives.
    _lock: fs::File,
}

impl DirectoryApplier {
    /// Takes a directory, which is made where there is none.
    ///
    /// # Errors
    /// Where it can't be had, another process keeps it, or its index is damaged.
    pub fn open(root: impl Into<PathBuf>, form: Form) -> Result<Self, DirectoryError> {
        let root = root.into();
        fs::create_dir_all(&root).map_err(DirectoryError::io("make the directory", &root))?;
        let lock = lock(&root)?;
        let mut index = Index::read(&root)?;
        for path in index.take_unless(|path| path.ends_with(path::extension(form))) {
            // Of another form, from an earlier run.
            remove_file(&root.join(path))?;
        }
        index
            .entries_mut()
            .filter(|entry| !entry.is_as_written(&root))
            .for_each(|entry| entry.version = None);
        index.write(&root)?;
        Ok(Self { kept: Arc::new(Mutex::new(Kept { root, index, _lock: lock })), form })
    }

    /// What it holds: type, name and version.
    #[must_use]
    pub fn held(&self) -> Vec<(Arc<str>, Arc<str>, ResourceVersion)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let held = kept.index.iter().filter_map(|((type_url, name), entry)| {
            Some((Arc::clone(type_url), Arc::clone(name), entry.version.clone()?))
        });
        held.collect()
    }

    /// Tells a client what is held, so that a server which understands sends only what differs. A file that is not as it was
    /// written counts, too, at a version that no server gives: so it comes again, or its removal is told.
    #[must_use]
    pub fn resume(&self, client: ClientBuilder) -> ClientBuilder {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = kept.index.iter().map(|((type_url, name), entry)| {
            let version = entry.version.clone().unwrap_or_else(|| ResourceVersion::new(NO_VERSION));
            (Arc::clone(type_url), Arc::clone(name), version)
        });
        ours.fold(client, |client, (type_url, name, version)| client.holds(type_url, [(name, version)]))
    }
}

impl Apply for DirectoryApplier {
    async fn apply(&mut self, update: &Update) -> Result<(), Rejection> {
        let (kept, form, update) = (Arc::clone(&self.kept), self.form, update.clone());
        let work = move || kept.lock().unwrap_or_else(PoisonError::into_inner).apply(&update, form);
        #[allow(clippy::disallowed_methods, reason = "an embedder has no other threads for it")]
        let applied = tokio::task::spawn_blocking(work).await;
        applied.unwrap_or_else(|error| Err(Rejection::new(format!("writing failed: {error}"))))
    }
}

impl Kept {
    fn apply(&mut self, update: &Update, form: Form) -> Result<(), Rejection> {
        let mut rejection = Rejection::default().rest_applied();
        let mut files = Vec::new();
        for received in &update.changed {
            match self.file(update, received, form) {
                Ok(file) => files.push(file),
                Err(reason) => rejection = rejection.and(&*received.name, reason),
            }
        }
        self.announce(&files).map_err(|error| Rejection::new(text(&error)))?;
        for file in files {
            let name = Arc::clone(&file.name.1);
            if let Err(error) = self.put(file) {
                rejection = rejection.and(&*name, text(&error));
            }
        }
        for name in &update.removed {
            if let Err(error) = self.remove(&(Arc::clone(&update.type_url), Arc::clone(name))) {
                rejection = rejection.and(&**name, text(&error));
            }
        }
        self.index.write(&self.root).map_err(|error| Rejection::new(text(&error)))?;
        if rejection.is_empty() { Ok(()) } else { Err(rejection) }
    }

    /// A resource as a file, where it may be one.
    fn file(&self, update: &Update, received: &Received, form: Form) -> Result<File, String> {
        let content = content(&update.type_url, &received.any, form)?;
        let name = (Arc::clone(&update.type_url), Arc::clone(&received.name));
        let path = path::of(&name.0, &name.1, form);
        let is_ours = self.index.get(&name).is_some();
        let place = self.root.join(&path);
        if !is_ours && place.symlink_metadata().is_ok() {
            return Err(format!(
                "`{}` is there already, and was not written by this client",
                place.display()
            ));
        }
        Ok(File { name, path, content, version: received.version.clone() })
    }

    /// Notes files that will be there, before the first of them is.
    fn announce(&mut self, files: &[File]) -> Result<(), DirectoryError> {
        let mut is_new = false;
        for file in files {
            is_new |= self.index.announce(&file.name, &file.path);
        }
        if is_new { self.index.write(&self.root) } else { Ok(()) }
    }

    fn put(&mut self, file: File) -> Result<(), DirectoryError> {
        let File { name, path, content, version } = file;
        write(&self.root.join(&path), &content)?;
        let digest = Digest::of([&*content]).to_string();
        self.index.put(name, Entry { path, digest, version: Some(version) });
        Ok(())
    }

    fn remove(&mut self, name: &Name) -> Result<(), DirectoryError> {
        let Some(entry) = self.index.get(name) else { return Ok(()) };
        let place = self.root.join(&entry.path);
        remove_file(&place)?;
        // Folders that others use are not empty, and stay.
        let folders = place.ancestors().skip(1).take_while(|folder| *folder != self.root);
        let _ = folders.map(fs::remove_dir).take_while(Result::is_ok).count();
        self.index.remove(name);
        Ok(())
    }
}

/// A resource that is to be written.
struct File {
    name: Name,
    /// Below the directory.
    path: String,
    content: Vec<u8>,
    version: ResourceVersion,
}

impl Entry {
    /// Whether its file is as it was written.
    fn is_as_written(&self, root: &Path) -> bool {
        fs::read(root.join(&self.path)).is_ok_and(|held| Digest::of([&*held]).to_string() == self.digest)
    }
}

fn content(type_url: &str, any: &Any, form: Form) -> Result<Vec<u8>, String> {
    if form == Form::Bytes {
        return Ok(prost::Message::encode_to_vec(any));
    }
    let kind = Kind::of_type_url(type_url).ok_or("is of a kind that can't be written as YAML")?;
    let mut received = decode_entry(kind, any).map_err(|error| error.to_string())?;
    // Both are about the server that sent it, and keep kubectl from applying the document elsewhere.
    (received.created, received.resource.upstream_version) = (None, None);
    Ok(write_yaml(&received).map_err(|error| error.to_string())?.into_bytes())
}

fn remove_file(place: &Path) -> Result<(), DirectoryError> {
    match fs::remove_file(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(DirectoryError::io("remove", place)(error))
        }
        _ => Ok(()),
    }
}

/// Writes a file so that it is there as a whole or not at all.
fn write(place: &Path, content: &[u8]) -> Result<(), DirectoryError> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(DirectoryError::io("make the directory", folder))?;
    }
    let beside = path::beside(place);
    let written = fs::write(&beside, content).and_then(|()| fs::rename(&beside, place));
    written.map_err(|error| {
        // What is left of it is overwritten by the next attempt.
        let _ = fs::remove_file(&beside);
        DirectoryError::io("write", place)(error)
    })
}

fn lock(root: &Path) -> Result<fs::File, DirectoryError> {
    let path = root.join(".mainsheet-lock");
    let options = fs::File::options().create(true).truncate(false).write(true).open(&path);
    let file = options.map_err(DirectoryError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(DirectoryError::InUse(root.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(DirectoryError::io("lock", &path)(error)),
    }
}

/// An error with its cause.
fn text(error: &DirectoryError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
