use std::process::Command;

/// Crates of a server, which whoever embeds the client would have to build, and features that bring one along.
const SERVERS: &[&str] = &[
    "mainsheet-server",
    "mainsheet-cache",
    "axum",
    "redb",
    "notify",
    "clap",
    "tonic-health",
    "tonic-reflection",
];

#[test]
fn library_builds_no_server_code() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package=mainsheet-sink", "--edges=normal", "--prefix=none"])
        .args(["--format={p}|{f}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let mut names = Vec::new();
    for line in tree.lines() {
        let (package, features) = line.split_once('|').unwrap();
        let name = package.split(' ').next().unwrap();
        names.push(name);
        assert!(!SERVERS.contains(&name), "{line}");
        let serves = features.trim_end_matches(" (*)").split(',').any(|feature| feature == "server");
        assert!(!(serves && ["tonic", "hyper", "hyper-util"].contains(&name)), "{line}");
    }
    assert!(
        names.contains(&"tonic") && names.contains(&"mainsheet-api"),
        "not the tree that is meant: {tree}"
    );
}
