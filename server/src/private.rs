//! Files and directories that are for nobody but the user that the server runs as.

use std::{fs, io, path::Path};

/// What others may do with them: nothing.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// To open a file with; one that is made by it is private.
pub(crate) fn open_options() -> fs::OpenOptions {
    #[allow(unused_mut, reason = "other systems have no modes")]
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The same of a directory and the files in it; one that everybody may write to, as /tmp, is left alone. What can't be
/// changed, because it is somebody else's, is told.
pub(crate) fn narrow_dir(dir: &Path) {
    let narrowing = || -> io::Result<()> {
        if is_shared(dir)? {
            tracing::warn!(path = %dir.display(), "the data directory is one that everybody may write to");
        } else {
            narrow(dir)?;
        }
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let is_ours = entry.file_name().to_string_lossy().starts_with("mainsheet.");
            if is_ours && entry.file_type()?.is_file() {
                narrow(&entry.path())?;
            }
        }
        Ok(())
    };
    if let Err(error) = narrowing() {
        tracing::warn!(path = %dir.display(), %error, "others may be able to read the data directory");
    }
}

/// Whether it is sticky: made for files of several users.
#[cfg(unix)]
fn is_shared(dir: &Path) -> io::Result<bool> {
    Ok(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(dir)?.permissions()) & 0o1000 != 0)
}

#[cfg(not(unix))]
fn is_shared(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Takes away what others may do with what is there, and says so.
pub(crate) fn narrow(path: &Path) -> io::Result<()> {
    if let Some((before, after)) = narrowed(path)? {
        tracing::warn!(
            path = %path.display(),
            before = format_args!("{before:04o}"),
            after = format_args!("{after:04o}"),
            "others could read or change it; they no longer can"
        );
    }
    Ok(())
}

/// The mode that it had and the one that it has, where these differ.
#[cfg(unix)]
fn narrowed(path: &Path) -> io::Result<Option<(u32, u32)>> {
    use std::os::unix::fs::PermissionsExt as _;
    let before = fs::metadata(path)?.permissions().mode() & 0o7777;
    let after = before & !OTHERS;
    if before == after {
        return Ok(None);
    }
    fs::set_permissions(path, fs::Permissions::from_mode(after))?;
    Ok(Some((before, after)))
}

#[cfg(not(unix))]
fn narrowed(_: &Path) -> io::Result<Option<(u32, u32)>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn what_is_made_is_private_and_what_is_there_becomes_so() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        open_options().create(true).append(true).open(&file).unwrap();
        assert_eq!((mode(&file), narrowed(&file).unwrap()), (0o600, None));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(narrowed(&file).unwrap(), Some((0o644, 0o600)));
        assert_eq!(mode(&file), 0o600);
        assert!(narrowed(&folder.path().join("nothing")).is_err());
    }

    #[test]
    fn data_directory_is_narrowed_with_what_is_in_it_and_a_shared_one_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let [store, other] = ["mainsheet.redb", "notes"].map(|name| folder.path().join(name));
        let widen = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for path in [&store, &other] {
            fs::write(path, "").unwrap();
            widen(path, 0o644);
        }
        widen(folder.path(), 0o755);
        narrow_dir(folder.path());
        assert_eq!([folder.path(), &store, &other].map(mode), [0o700, 0o600, 0o644]);
        widen(folder.path(), 0o1777);
        narrow_dir(folder.path());
        assert_eq!(mode(folder.path()), 0o1777);
    }
}
