use std::{
    io::Write,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

use super::rig::{Served, folder, route, run, run_with};

fn script(shell: &str) -> String {
    let ended = run(&folder(&[]), &["completion", shell]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{shell}");
    ended.out
}

#[test]
fn every_shell_has_a_script_that_asks_the_program() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = script(shell);
        assert!(script.contains("MAINSHEET_COMPLETION_SHELL"), "{shell}: {script}");
        assert!(script.contains("mainsheet"), "{shell}: {script}");
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
COMP_TYPE=9
COMPREPLY=()
_clap_complete_mainsheet mainsheet "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

/// The folder of the program, in front of all others.
fn path() -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_mainsheet")).parent().unwrap();
    format!("{}:{}", program.display(), std::env::var("PATH").unwrap())
}

fn offered(script: &str, server: &str, line: &[&str]) -> Vec<String> {
    let asked = Command::new("bash")
        .args(["--norc", "-c", ASK_BASH, "bash", script, "mainsheet"])
        .args(line)
        .envs([("PATH", path().as_str()), ("MAINSHEET_SERVER", server)])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(asked.status.success() && said.trim_end().ends_with(" mainsheet"), "{line:?}: {said}");
    let text = String::from_utf8(asked.stdout).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// What the tests complete about.
fn mesh() -> tempfile::TempDir {
    folder(&[
        ("mesh/a.yaml", &route("shop", "reviews", "reviews")),
        ("mesh/b.yaml", &route("shop", "ratings", "ratings")),
        ("mesh/c.yaml", &route("bank", "ledger", "ledger")),
    ])
}

#[test]
fn bash_completes_with_it() {
    if Command::new("bash").arg("--version").output().is_err() {
        return;
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(script("bash").as_bytes()).unwrap();
    let folder = mesh();
    let served = Served::start(&folder, &[]);
    let offered = |line: &[&str]| offered(file.path().to_str().unwrap(), &served.grpc, line);
    assert_eq!(offered(&["comp"]), ["compare", "completion"]);
    assert_eq!(offered(&["get", "virtual"]), ["virtualservices"]);
    assert_eq!(offered(&["get", "virtualservices,dest"]), ["virtualservices,destinationrules"]);
    assert_eq!(offered(&["watch", "--del"]), ["--delta"]);
    assert_eq!(offered(&["get", "vs", "-n", "shop", ""]), ["ratings", "reviews"]);
    assert_eq!(offered(&["get", "-n", "shop", "vs", "rev"]), ["reviews"]);
    assert_eq!(offered(&["get", "-A", "vs/l"]), ["vs/ledger"]);
    assert_eq!(offered(&["get", "vs", "-n", ""]), ["bank", "shop"]);
    assert_eq!(offered(&["get", "vs", "--source", "fi"]), ["files:mesh"]);
    assert_eq!(offered(&["get", "-o", "js"]), ["json", "jsonpath="]);
}

#[test]
fn server_that_does_not_answer_offers_nothing() {
    if Command::new("bash").arg("--version").output().is_err() {
        return;
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(script("bash").as_bytes()).unwrap();
    let script = file.path().to_str().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().to_string();
    assert_eq!(offered(script, &silent, &["get", "vs", "r"]), [""; 0]);
    assert_eq!(offered(script, "no address", &["get", "vs", "r"]), [""; 0]);
    assert_eq!(offered(script, &silent, &["get", "dest"]), ["destinationrules"]);
}

/// The program under another name.
fn called(name: &str, args: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let folder = folder(&[]);
    let program = folder.path().join(name);
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_mainsheet"), &program).unwrap();
    let mut command = Command::new(&program);
    let command = command.args(args).env_clear().envs(environment.iter().copied()).stdin(Stdio::null());
    let ended = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (ended.status.code().unwrap(), text(ended.stdout), text(ended.stderr))
}

#[test]
fn plugin_of_kubectl_says_so() {
    let (code, out, _) = called("kubectl-mcp", &["get", "--help"], &[]);
    assert_eq!(code, 0);
    assert!(out.contains("\nUsage: kubectl mcp get [OPTIONS]"), "{out}");
    let (code, _, err) = called("kubectl-mcp", &["gte"], &[]);
    assert_eq!(code, 2);
    assert!(err.contains("\nUsage: kubectl mcp <COMMAND>\n"), "{err}");
}

#[test]
fn kubectl_is_told_how_a_line_may_go_on() {
    let folder = mesh();
    let served = Served::start(&folder, &[]);
    let offered = |args: &[&str]| called("kubectl_complete-mcp", args, &[("MAINSHEET_SERVER", &served.grpc)]);
    assert_eq!(
        offered(&["get", "vs", "-n", "shop", "r"]),
        (0, "ratings\nreviews\n:4\n".into(), String::new())
    );
    let (_, commands, _) = offered(&["sta"]);
    assert!(commands.starts_with("status\tShow how a server is"), "{commands}");
    assert!(commands.ends_with("\n:4\n"), "{commands}");
}

#[test]
fn manual_has_a_page_for_each_command() {
    let folder = folder(&[]);
    let page = run(&folder, &["man"]);
    assert_eq!((page.code, page.err.as_str()), (0, ""));
    assert!(page.out.contains(".TH mainsheet 1 "), "{}", page.out);
    assert!(page.out.contains("mainsheet\\-get(1)"), "{}", page.out);
    assert_eq!(run(&folder, &["man", "pages/man1"]).code, 0);
    for command in ["mainsheet", "mainsheet-get", "mainsheet-serve", "mainsheet-status"] {
        let text = std::fs::read_to_string(folder.path().join(format!("pages/man1/{command}.1"))).unwrap();
        assert!(text.contains(&format!(".TH {command} 1 ")), "{text}");
    }
    let refused = run(&folder, &["man", "/dev/null/x"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.starts_with("error: write pages to `/dev/null/x`\n"), "{}", refused.err);
}

#[test]
fn nothing_is_coloured_where_nobody_sees_it() {
    for environment in [&[][..], &[("NO_COLOR", "1"), ("TERM", "xterm-256color")]] {
        for args in [&["--help"][..], &["get", "--help"], &["gte"], &["get", "pods"]] {
            let ended = run_with(&folder(&[]), args, environment, "");
            assert!(!(ended.out + &ended.err).contains('\u{1b}'), "{args:?}");
        }
    }
}
