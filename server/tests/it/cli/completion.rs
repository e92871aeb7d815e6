use std::{io::Write, process::Command};

use super::rig::{folder, run};

const COMMANDS: &[&str] = &["serve", "validate", "get", "watch", "version", "completion"];

fn script(shell: &str) -> String {
    let ended = run(&folder(&[]), &["completion", shell]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{shell}");
    ended.out
}

#[test]
fn every_shell_learns_commands_and_flags() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = script(shell);
        for word in COMMANDS {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
        assert!(script.contains("grpc-addr"), "{shell} does not know the settings");
    }
    // The generators of the others know no values of arguments that are no flags.
    for shell in ["bash", "zsh"] {
        assert!(script(shell).contains("virtualservices"), "{shell} does not know the kinds");
    }
}

#[test]
fn shell_that_is_not_known_is_a_usage_error_that_names_those_that_are() {
    let ended = run(&folder(&[]), &["completion", "csh"]);
    assert_eq!((ended.code, ended.out.as_str()), (2, ""));
    assert!(ended.err.contains("[possible values: bash, elvish, fish, powershell, zsh]"), "{}", ended.err);
}

/// What bash offers for a line that ends here, by the function that the script registers.
const ASK_BASH: &str = r#"
set -eu
source "$1"
complete -p mainsheet >&2
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMPREPLY=()
_mainsheet mainsheet "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

fn offered(script: &str, line: &[&str]) -> Vec<String> {
    let asked =
        Command::new("bash").args(["--norc", "-c", ASK_BASH, "bash", script]).args(line).output().unwrap();
    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(asked.status.success() && said.trim_end().ends_with(" mainsheet"), "{said}");
    String::from_utf8(asked.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_with_it() {
    if Command::new("bash").arg("--version").output().is_err() {
        return;
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(script("bash").as_bytes()).unwrap();
    let offered = |line: &[&str]| offered(file.path().to_str().unwrap(), line);
    assert_eq!(offered(&["mainsheet", "compl"]), ["completion"]);
    assert_eq!(offered(&["mainsheet", "get", "virtual"]), ["virtualservices"]);
    assert_eq!(offered(&["mainsheet", "watch", "--del"]), ["--delta"]);
    for command in COMMANDS {
        assert!(offered(&["mainsheet", ""]).iter().any(|word| word == command), "{command}");
    }
}
