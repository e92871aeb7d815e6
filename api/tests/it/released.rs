//! Clients of a released version go on working: what was released of `mainsheet.v1` is kept as a descriptor set a version
//! (`released/`), and what is there by now is compared with each.
//!
//! `UPDATE=1 cargo test -p mainsheet-api --test it released` writes the set of this version where there is none.

mod compare;
mod planted;

use std::{collections::BTreeSet, fs, path::Path};

use prost::Message;
use prost_types::FileDescriptorSet;

/// What clients depend on. What stores hold has a version of its own.
const PUBLIC: &str = "mainsheet/v1/";

fn current() -> FileDescriptorSet {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let files: Vec<String> = fs::read_dir(root.join(PUBLIC))
        .unwrap()
        .map(|entry| format!("{PUBLIC}{}", entry.unwrap().file_name().to_string_lossy()))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let mut set = protox::compile(files, [&root]).expect("the .proto files compile");
    set.file.retain(|file| file.name().starts_with(PUBLIC));
    set
}

#[test]
fn clients_of_released_versions_go_on_working() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("released");
    let this = dir.join(concat!("v", env!("CARGO_PKG_VERSION"), ".bin"));
    let now = current();
    if std::env::var_os("UPDATE").is_some() && !this.exists() {
        fs::create_dir_all(&dir).unwrap();
        fs::write(&this, now.encode_to_vec()).unwrap();
    }
    let released: BTreeSet<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!released.is_empty(), "nothing to compare with in {}", dir.display());
    for path in released {
        let before = FileDescriptorSet::decode(&fs::read(&path).unwrap()[..]).unwrap();
        let broken = compare::broken(&before, &now);
        assert!(broken.is_empty(), "clients of {} would break:\n{}", path.display(), broken.join("\n"));
    }
}
