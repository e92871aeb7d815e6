//! The commands, as people and scripts see them: exact output and exit codes of the real binary.

mod apply;
mod backup;
mod certs;
mod completion;
mod full_disk;
mod get;
mod import;
mod reload;
mod rig;
mod serve;
mod service;
mod sinks;
mod support_bundle;
mod validate;
mod watch;
mod writes;

use rig::{folder, run};

#[test]
fn version_is_told() {
    let ended = run(&folder(&[]), &["version"]);
    assert_eq!(
        (ended.code, ended.out),
        (0, format!("mainsheet {}\nstore format 2\n", env!("CARGO_PKG_VERSION")))
    );
}

#[test]
fn help_lists_the_commands() {
    let ended = run(&folder(&[]), &["--help"]);
    assert_eq!(ended.code, 0);
    for command in [
        "serve",
        "validate",
        "get",
        "watch",
        "sinks",
        "status",
        "apply",
        "delete",
        "diff",
        "log",
        "rollback",
        "release",
        "confirm",
        "import",
        "compare",
        "backup",
        "restore",
        "support-bundle",
        "certs",
        "version",
        "completion",
        "man",
    ] {
        assert!(ended.out.contains(&format!("\n  {command} ")), "{command}: {}", ended.out);
    }
}

#[test]
fn unknown_command_is_a_usage_error() {
    let ended = run(&folder(&[]), &["sreve"]);
    assert_eq!((ended.code, ended.out.as_str()), (2, ""));
    assert!(ended.err.starts_with("error: unrecognized subcommand 'sreve'"), "{}", ended.err);
}
