//! What the source of a path is called.

use std::{
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use mainsheet_api::resource::SourceName;

/// The source of a path: `files:` and the path as it was given, so that it is the same after a restart.
///
/// `mesh`, `mesh/` and `./mesh` are one. Links and `..` are not followed: what they lead to may change.
#[must_use]
pub fn source_name(path: &Path) -> SourceName {
    let plain: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    let plain = if plain.as_os_str().is_empty() { Path::new(".") } else { plain.as_path() };
    SourceName(Arc::from(format!("files:{}", plain.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_path_are_one_source() {
        for (path, name) in [
            ("mesh", "files:mesh"),
            ("mesh/", "files:mesh"),
            ("./mesh//", "files:mesh"),
            ("/etc/mesh", "files:/etc/mesh"),
            ("../mesh", "files:../mesh"),
            (".", "files:."),
            ("./", "files:."),
            ("manifests/./examples", "files:manifests/examples"),
        ] {
            assert_eq!(&*source_name(Path::new(path)).0, name, "{path}");
        }
    }
}
