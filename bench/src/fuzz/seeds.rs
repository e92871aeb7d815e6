//! Documents that the repository has.

use std::{fs, path::Path};

/// Folders below the repository's root.
const FOLDERS: [&str; 3] = ["manifests/examples", "bench/interop/validation", "api/tests/validation"];

/// Bytes of one, so that inputs that are made of it stay small.
const DOCUMENT_BYTES_MAX: usize = 1500;

/// All documents of these folders, one by one, in an order that is the same everywhere.
pub(super) fn documents() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut texts = Vec::new();
    FOLDERS.iter().for_each(|folder| collect(&root.join(folder), &mut texts));
    let documents = texts.iter().flat_map(|text| text.split("\n---\n"));
    documents
        .filter(|text| text.len() <= DOCUMENT_BYTES_MAX)
        .map(|text| format!("{}\n", text.trim()))
        .collect()
}

fn collect(folder: &Path, texts: &mut Vec<String>) {
    let mut paths: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            texts.extend(fs::read_to_string(&path));
        }
    }
}
