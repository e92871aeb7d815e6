//! The generated Rust under `src/generated` is what the .proto files say. `UPDATE=1 cargo test -p mainsheet-api
//! generated` writes it anew.

use std::{collections::BTreeMap, fs, path::Path};

/// Every .proto file below `proto/`, as include paths.
fn protos(root: &Path) -> Vec<String> {
    fn walk(root: &Path, dir: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else if path.extension().is_some_and(|ext| ext == "proto") {
                found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(root, root, &mut found);
    found.sort();
    found
}

/// File name -> content, as it should be under `src/generated`.
fn generate() -> BTreeMap<String, Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let set = protox::compile(protos(&root), [&root]).expect("the .proto files compile");
    let out = std::env::temp_dir().join(format!("mainsheet-generated-{}", std::process::id()));
    fs::create_dir_all(&out).unwrap();
    prost_build::Config::new()
        .bytes(["."])
        .btree_map(["."])
        .compile_well_known_types()
        .disable_comments(["."])
        .include_file("mod.rs")
        .out_dir(&out)
        .compile_fds(set.clone())
        .expect("code generation");
    let mut files: BTreeMap<_, _> = fs::read_dir(&out)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())
        })
        .collect();
    fs::remove_dir_all(&out).unwrap();
    files.insert("descriptors.bin".into(), prost::Message::encode_to_vec(&set));
    files
}

#[test]
fn generated_code_is_what_the_proto_files_say() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated");
    let wanted = generate();
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(&dir).unwrap();
        for (name, content) in &wanted {
            fs::write(dir.join(name), content).unwrap();
        }
    }
    for (name, content) in &wanted {
        let kept = fs::read(dir.join(name)).unwrap_or_default();
        assert!(
            &kept == content,
            "src/generated/{name} is stale: UPDATE=1 cargo test -p mainsheet-api generated"
        );
    }
    for entry in fs::read_dir(&dir).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let envoys = name == "envoy.bin"; // kept true by `envoy_descriptors`
        assert!(
            envoys || wanted.contains_key(&name),
            "src/generated/{name} comes from no .proto file: delete it"
        );
    }
}
