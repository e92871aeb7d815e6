//! `src/generated/envoy.bin` is what the package of Envoy's types describes, without comments and options. `UPDATE=1
//! cargo test -p mainsheet-api envoy_descriptors` writes it anew.

use std::{fs, path::Path, process::Command};

use prost::Message;
use prost_types::FileDescriptorSet;

/// The set that the package was generated from, which it ships but does not export.
fn shipped() -> FileDescriptorSet {
    // Without the platform, cargo wants packages that this machine never built.
    let version = cargo(&["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo names its host");
    let metadata = cargo(&["metadata", "--offline", "--format-version", "1", "--filter-platform", host]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "envoy-types").expect("a dependency");
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    let bytes = fs::read(manifest.with_file_name("src/generated/types.bin")).unwrap();
    FileDescriptorSet::decode(&bytes[..]).unwrap()
}

fn cargo(arguments: &[&str]) -> String {
    let directory = env!("CARGO_MANIFEST_DIR");
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Comments are most of it. Options (validation rules and the like) go when they are decoded: nothing here knows them.
fn stripped() -> Vec<u8> {
    let mut set = shipped();
    for file in &mut set.file {
        file.source_code_info = None;
    }
    set.file.sort_by(|left, right| left.name.cmp(&right.name));
    set.encode_to_vec()
}

#[test]
fn envoy_descriptors_are_what_the_package_ships() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated/envoy.bin");
    let wanted = stripped();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let kept = fs::read(&path).unwrap_or_default();
    assert!(
        kept == wanted,
        "src/generated/envoy.bin is stale: UPDATE=1 cargo test -p mainsheet-api envoy_descriptors"
    );
}
