//! The README's tour, run as it stands: every command of its `console` blocks, every line that it promises.

use std::{fs, path::Path};

use crate::console::{Desk, copy, steps};

#[test]
fn every_command_of_the_tour_prints_what_the_readme_promises() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let tour = readme.split("## A tour").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let steps = steps(tour);
    assert!(steps.len() >= 13, "the tour has become short");

    // A checkout of its own, with ports of its own.
    let desk = Desk::new();
    copy(&root.join("manifests"), &desk.home.path().join("manifests"));
    let (grpc, http) = (&desk.grpc, &desk.http);
    let _server = desk.serve(&[
        "manifests/examples",
        "--data-dir",
        "data",
        "--log-level",
        "error",
        "--grpc-addr",
        grpc,
        "--http-addr",
        http,
    ]);
    steps.iter().for_each(|step| desk.follow(step));
}
