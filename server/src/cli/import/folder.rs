//! The files to be written, and writing them.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use mainsheet_api::{
    codec::{Received, write_yaml},
    key::Key,
    resource::Resource,
};

/// Files, with what is to be in them.
#[derive(Debug)]
pub(super) struct Folder {
    files: BTreeMap<PathBuf, String>,
}

/// What became of the files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) written: usize,
    pub(super) unchanged: usize,
}

impl Folder {
    /// A file for each resource.
    ///
    /// # Errors
    /// Where a resource can't be written as a document.
    pub(super) fn plan(root: &Path, resources: &BTreeMap<Key, Resource>) -> anyhow::Result<Self> {
        let file = |(key, resource): (&Key, &Resource)| {
            let received = Received { resource: resource.clone(), created: None };
            let text = write_yaml(&received).with_context(|| key.to_string())?;
            anyhow::Ok((root.join(place(key)), text))
        };
        Ok(Self { files: resources.iter().map(file).collect::<Result<_, _>>()? })
    }

    /// Writes them all; or none, where files of another content are in the way and are not to be written over.
    ///
    /// # Errors
    /// Then, and where a file can't be read or written.
    pub(super) fn write(&self, force: bool) -> anyhow::Result<Tally> {
        let mut tally = Tally::default();
        let mut in_the_way = Vec::new();
        let mut due = Vec::new();
        for (path, text) in &self.files {
            match existing(path)? {
                Some(there) if there == text.as_bytes() => tally.unchanged += 1,
                Some(_) if !force => in_the_way.push(path.display().to_string()),
                _ => due.push((path, text)),
            }
        }
        anyhow::ensure!(
            in_the_way.is_empty(),
            "nothing is written: these files have another content (--force writes over them): {}",
            in_the_way.join(", ")
        );
        for (path, text) in due {
            write(path, text).with_context(|| format!("write `{}`", path.display()))?;
            tally.written += 1;
        }
        Ok(tally)
    }
}

/// Where a resource goes. Kubernetes' names are names of files, too.
fn place(key: &Key) -> PathBuf {
    let kind = key.kind.info().name.to_ascii_lowercase();
    PathBuf::from(&*key.namespace).join(format!("{kind}-{}.yaml", key.name.replace('/', "_")))
}

fn existing(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read `{}`", path.display())),
    }
}

/// By way of a file beside it: whoever watches the folder never sees half of one.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let beside = folder.join(name);
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}
