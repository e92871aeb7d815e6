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

/// What each feature brings, which nobody else is to build.
const OF_FEATURES: &[(&str, &str)] = &[("directory", "prost-reflect"), ("tls", "rustls")];

/// Packages that a program builds which embeds the library with these features, each with its own features.
fn tree(features: &str) -> Vec<(String, String)> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package=mainsheet-sink", "--edges=normal", "--prefix=none"])
        .args(["--format={p}|{f}", "--features", features])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let packages = text.lines().map(|line| {
        let (package, features) = line.split_once('|').unwrap();
        (package.split(' ').next().unwrap().to_owned(), features.trim_end_matches(" (*)").to_owned())
    });
    packages.collect()
}

#[test]
fn library_builds_no_server_code() {
    for features in ["", "directory", "tls"] {
        let tree = tree(features);
        // The codec's messages of Envoy come from a crate that wants all of tonic's transport, its server half included.
        let may_serve = features == "directory";
        for (name, features) in &tree {
            assert!(!SERVERS.contains(&name.as_str()), "{name}");
            let serves = features.split(',').any(|feature| feature == "server");
            assert!(
                may_serve || !(serves && ["tonic", "hyper", "hyper-util"].contains(&name.as_str())),
                "{name} {features}"
            );
        }
        let has = |name: &str| tree.iter().any(|(other, _)| other == name);
        assert!(has("tonic") && has("mainsheet-api"), "not the tree that is meant: {tree:?}");
    }
}

#[test]
fn features_bring_what_they_are_for_and_nobody_else_builds_it() {
    let (without, with) = (tree(""), tree("directory,tls"));
    for (feature, package) in OF_FEATURES {
        let has = |tree: &[(String, String)]| tree.iter().any(|(name, _)| name == package);
        assert!(!has(&without), "{package} without the feature {feature}");
        assert!(has(&with), "no {package} with the feature {feature}");
    }
}

/// Two providers of cryptography, and rustls could not choose.
#[test]
fn only_one_provider_of_cryptography_is_built() {
    let tree = tree("tls");
    assert!(tree.iter().any(|(name, _)| name == "aws-lc-rs"));
    assert!(!tree.iter().any(|(name, _)| name == "ring"), "{tree:?}");
}
