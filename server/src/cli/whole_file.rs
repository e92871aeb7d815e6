//! Files that appear once they are whole, for their owner only.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

/// Has a file filled beside `path`, and gives it that name; one that is there is replaced. Nothing is left of a failure.
///
/// # Errors
/// Where it can't be written, or filling it fails.
pub(super) fn write<T>(path: &Path, fill: impl FnOnce(&mut File) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let unfinished = unfinished(path)?;
    let written = filled(&unfinished, path, fill);
    if written.is_err() {
        // What is half written is of no use; the error says why it is.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn filled<T>(
    unfinished: &Path,
    path: &Path,
    fill: impl FnOnce(&mut File) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let named = || format!("write `{}`", path.display());
    let mut file = new_file(unfinished).with_context(named)?;
    let told = fill(&mut file)?;
    file.sync_all().with_context(named)?;
    fs::rename(unfinished, path).with_context(named)?;
    Ok(told)
}

/// Beside the file, so that it can be renamed.
fn unfinished(path: &Path) -> anyhow::Result<PathBuf> {
    let Some(name) = path.file_name() else { bail!("`{}` is no name of a file", path.display()) };
    let mut unfinished = name.to_owned();
    unfinished.push(format!(".{}.unfinished", std::process::id()));
    Ok(path.with_file_name(unfinished))
}

fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
