//! Commands that documents show, run as they stand.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use mainsheet_api::time::Clock;
use mainsheet_server::clock::SystemClock;
use tempfile::TempDir;

/// What a reader may have to wait for: the debounce, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A command and the lines that it is to print.
pub(crate) struct Step {
    pub(crate) command: String,
    pub(crate) lines: Vec<String>,
}

/// The commands of a text's `console` blocks, in order.
pub(crate) fn steps(text: &str) -> Vec<Step> {
    let blocks = text.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut steps: Vec<Step> = Vec::new();
    for line in blocks.flat_map(str::lines) {
        match line.strip_prefix("$ ") {
            Some(command) => steps.push(Step { command: command.to_owned(), lines: Vec::new() }),
            None => steps.last_mut().expect("a command comes first").lines.push(line.to_owned()),
        }
    }
    steps
}

/// Whether these lines are the promised ones. A line that is only `…` stands for any lines.
fn are_promised(promised: &[String], printed: &[String]) -> bool {
    match promised.split_first() {
        None => printed.is_empty(),
        Some((any, rest)) if any == "…" => (0..=printed.len()).any(|at| are_promised(rest, &printed[at..])),
        Some((promised, rest)) => printed
            .split_first()
            .is_some_and(|(printed, others)| is_promised(promised, printed) && are_promised(rest, others)),
    }
}

/// Whether a printed line is a promised one, in which `…` stands for any text.
fn is_promised(promised: &str, printed: &str) -> bool {
    let mut rest = printed;
    for (index, part) in promised.split('…').enumerate() {
        match rest.find(part) {
            Some(0) => rest = &rest[part.len()..],
            Some(at) if index > 0 => rest = &rest[at + part.len()..],
            _ => return false,
        }
    }
    rest.is_empty() || promised.ends_with('…')
}

/// A server. Killed when dropped.
pub(crate) struct Server(Child);

impl Server {
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Ends it in good order.
    pub(crate) fn stop(mut self) {
        self.signal("-TERM");
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already, where it was stopped.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where a reader sits: a folder, and a server's addresses.
pub(crate) struct Desk {
    pub(crate) home: TempDir,
    pub(crate) grpc: String,
    pub(crate) http: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { home: TempDir::new().unwrap(), grpc: free_addr(), http: free_addr() }
    }

    fn command(&self, program: impl Into<PathBuf>, args: &[&str]) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_mainsheet"));
        let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(program.into());
        command.args(args).current_dir(self.home.path()).env("PATH", path);
        command.env("MAINSHEET_SERVER", &self.grpc).stdin(Stdio::null());
        command
    }

    pub(crate) fn serve(&self, args: &[&str]) -> Server {
        let mut command = self.command(env!("CARGO_BIN_EXE_mainsheet"), &[&["serve"], args].concat());
        Server(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Runs a command, again and again until it prints what is promised.
    pub(crate) fn follow(&self, step: &Step) {
        let clock = SystemClock::new();
        loop {
            let Output { stdout, stderr, .. } = self.command("sh", &["-c", &step.command]).output().unwrap();
            let printed: Vec<_> = String::from_utf8_lossy(&stdout).lines().map(str::to_owned).collect();
            if are_promised(&step.lines, &printed) {
                break;
            }
            let said = String::from_utf8_lossy(&stderr);
            assert!(clock.uptime().0 < PATIENCE, "`{}` prints\n{}\n{said}", step.command, printed.join("\n"));
        }
    }
}

fn free_addr() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
