//! The generated service under `src/generated` is what the .proto file says. `UPDATE=1 cargo test -p mainsheet-server
//! generated` writes it anew.

use std::{fs, path::Path};

/// Messages are those of `mainsheet-api`; what is made here is what goes over gRPC with them.
fn generate() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/proto");
    let set = protox::compile(["mainsheet/v1/mainsheet.proto"], [&root]).expect("the .proto file compiles");
    let out = tempfile::tempdir().unwrap();
    tonic_prost_build::configure()
        .build_transport(false)
        .compile_well_known_types(true)
        .disable_comments(["."])
        .extern_path(".mainsheet.v1", "::mainsheet_api::generated::mainsheet::v1")
        .extern_path(".google.protobuf", "::mainsheet_api::generated::google::protobuf")
        .out_dir(out.path())
        .compile_fds(set)
        .expect("code generation");
    fs::read_to_string(out.path().join("mainsheet.v1.rs")).unwrap()
}

#[test]
fn generated_service_is_what_the_proto_file_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated/mainsheet.v1.rs");
    let wanted = generate();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == wanted,
        "src/generated/mainsheet.v1.rs is stale: UPDATE=1 cargo test -p mainsheet-server generated"
    );
}
