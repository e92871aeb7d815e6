//! The README's tour, run as it stands: every command of its `console` blocks, every line that it promises.

use std::{
    env, fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use mainsheet_api::time::Clock;
use mainsheet_server::clock::SystemClock;
use tempfile::TempDir;

/// What a reader may have to wait for: the debounce, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A command and the lines that it is to print.
struct Step {
    command: String,
    lines: Vec<String>,
}

/// The commands of the tour, in order.
fn steps(readme: &str) -> Vec<Step> {
    let tour = readme.split("## A tour").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let blocks = tour.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut steps: Vec<Step> = Vec::new();
    for line in blocks.flat_map(str::lines) {
        match line.strip_prefix("$ ") {
            Some(command) => steps.push(Step { command: command.to_owned(), lines: Vec::new() }),
            None => steps.last_mut().expect("a command comes first").lines.push(line.to_owned()),
        }
    }
    steps
}

/// Whether a printed line is a promised one, in which `…` stands for any text.
fn matches(promised: &str, printed: &str) -> bool {
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

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_addr() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn copy(from: &Path, to: &Path) {
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

#[test]
fn every_command_of_the_tour_prints_what_the_readme_promises() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let steps = steps(&fs::read_to_string(root.join("README.md")).unwrap());
    assert!(steps.len() >= 7, "the tour has become short");

    // A checkout of its own, with ports of its own.
    let home = TempDir::new().unwrap();
    copy(&root.join("manifests"), &home.path().join("manifests"));
    let program = Path::new(env!("CARGO_BIN_EXE_mainsheet"));
    let path = format!("{}:{}", program.parent().unwrap().display(), env::var("PATH").unwrap());
    let (grpc, http) = (free_addr(), free_addr());
    let run = |command: &mut Command| {
        command
            .current_dir(home.path())
            .env("PATH", &path)
            .env("MAINSHEET_SERVER", &grpc)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let sh = |command: &str| {
        let output = run(Command::new("sh").args(["-c", command])).wait_with_output().unwrap();
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let _server = Server(run(Command::new(program)
        .args(["serve", "manifests/examples", "--data-dir", "data", "--log-level", "error"])
        .args(["--grpc-addr", &grpc, "--http-addr", &http])));

    for Step { command, lines } in &steps {
        let clock = SystemClock::new();
        loop {
            let printed = sh(command);
            let is_kept = printed.len() == lines.len()
                && lines.iter().zip(&printed).all(|(promised, printed)| matches(promised, printed));
            if is_kept {
                break;
            }
            assert!(clock.uptime().0 < PATIENCE, "`{command}` prints\n{}", printed.join("\n"));
        }
    }
}
