//! The real binary as a child process.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use tempfile::TempDir;

/// What a wait may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a command left behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The binary with arguments, in a folder, without the environment of whoever runs the tests.
fn mainsheet(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mainsheet"));
    command.args(args).current_dir(folder).env_clear().stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(folder: &TempDir, args: &[&str]) -> Ended {
    run_with(folder, args, &[], "")
}

/// Runs a command to its end, with some environment and standard input.
pub(crate) fn run_with(folder: &TempDir, args: &[&str], environment: &[(&str, &str)], input: &str) -> Ended {
    let mut command = mainsheet(folder.path(), args);
    command
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    Ended {
        code: ended.status.code().unwrap(),
        out: String::from_utf8(ended.stdout).unwrap(),
        err: String::from_utf8(ended.stderr).unwrap(),
    }
}

/// A command that goes on until it is told to stop. Killed when dropped.
pub(crate) struct Started {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Started {
    pub(crate) fn new(folder: &TempDir, args: &[&str]) -> Self {
        let mut command = mainsheet(folder.path(), args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = lines(child.stdout.take().unwrap());
        let err = lines(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// One that starts with a limit, as a shell sets it: `-n 400` the hard one, `-Sn 400` the soft one.
    pub(crate) fn limited(folder: &TempDir, limit: &str, args: &[&str]) -> Self {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            &format!("ulimit {limit} && exec \"$0\" \"$@\""),
            env!("CARGO_BIN_EXE_mainsheet"),
        ]);
        command.args(args).current_dir(folder.path()).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = lines(child.stdout.take().unwrap());
        let err = lines(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// The soft limit of its open files, as Linux tells it.
    #[cfg(target_os = "linux")]
    pub(crate) fn open_files_max(&self) -> String {
        let limits = fs::read_to_string(format!("/proc/{}/limits", self.child.id())).unwrap();
        let row = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
        row.split_whitespace().next().unwrap().to_owned()
    }

    /// Lets no file of it grow past so many bytes, or past nothing from now on.
    #[cfg(target_os = "linux")]
    pub(crate) fn limit_file_size(&self, bytes: Option<u64>) {
        use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Fsize);
        let limit = Rlimit { current: bytes.or(maximum), maximum };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Fsize, limit).unwrap();
    }

    /// One whose standard output is closed at once.
    pub(crate) fn without_output(folder: &TempDir, args: &[&str]) -> Self {
        let mut command = mainsheet(folder.path(), args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let err = lines(child.stderr.take().unwrap());
        Self { child, out: lines(std::io::empty()), err }
    }

    /// The next line of standard output.
    pub(crate) fn line(&self) -> String {
        self.out
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("no line; standard error: {:?}", self.errors()))
    }

    /// The next line of standard error.
    pub(crate) fn error(&self) -> String {
        self.err.recv_timeout(PATIENCE).expect("a line of standard error")
    }

    /// The first line of a JSON log that says this.
    pub(crate) fn logged(&self, message: &str) -> serde_json::Value {
        self.logged_after(|text| text == message).1
    }

    /// The first line of a JSON log whose message is such, and the messages before it.
    pub(crate) fn logged_after(&self, is_such: impl Fn(&str) -> bool) -> (Vec<String>, serde_json::Value) {
        let mut before = Vec::new();
        loop {
            let line: serde_json::Value = serde_json::from_str(&self.error()).unwrap();
            let message = line["message"].as_str().unwrap_or_default();
            if is_such(message) {
                return (before, line);
            }
            before.push(message.to_owned());
        }
    }

    fn errors(&self) -> Vec<String> {
        self.err.try_iter().collect()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self) -> i32 {
        self.child.wait().unwrap().code().expect("an end of its own")
    }

    /// Sends a signal and waits for the end: the exit code, and what was still printed.
    pub(crate) fn end(mut self, signal: &str) -> (i32, Vec<String>) {
        self.signal(signal);
        // The channel closes when the process has closed its output.
        let mut rest = Vec::new();
        while let Ok(line) = self.out.recv_timeout(PATIENCE) {
            rest.push(line);
        }
        (self.child.wait().unwrap().code().expect("an end of its own"), rest)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Gone already, where it ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A server that serves the folder `mesh`.
pub(crate) struct Served {
    pub(crate) process: Started,
    pub(crate) grpc: String,
    /// Everything that it announced.
    pub(crate) announcement: String,
}

impl Served {
    /// On any free port, from memory.
    pub(crate) fn start(folder: &TempDir, more: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", folder, more)
    }

    pub(crate) fn start_at(grpc: &str, folder: &TempDir, more: &[&str]) -> Self {
        let mut args = vec!["serve", "mesh", "--grpc-addr", grpc, "--http-addr", "127.0.0.1:0"];
        // A flag would be stronger than the file.
        if !more.contains(&"--config") {
            args.extend(["--debounce-quiet", "10ms"]);
        }
        if !more.contains(&"--data-dir") {
            args.extend(["--store", "memory"]);
        }
        args.extend(more);
        let process = Started::new(folder, &args);
        let mut announcement = String::new();
        loop {
            let line = process.line();
            announcement.push_str(&line);
            announcement.push('\n');
            if let Some((_, grpc)) = line.split_once("mainsheet watch --server ") {
                return Self { grpc: grpc.to_owned(), process, announcement };
            }
        }
    }
}

impl Served {
    /// Where its HTTP port is, as a URL.
    pub(crate) fn http(&self) -> String {
        let line = self.announcement.lines().find_map(|line| line.strip_prefix("HTTP")).unwrap();
        format!("http://{}", line.split_whitespace().next().unwrap())
    }
}

/// An address that stays free while its server is away: not one of the ports that the system hands out, of which another
/// test might get it meanwhile, or the waiting client itself.
pub(crate) fn lasting_address() -> String {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    format!("127.0.0.1:{}", (first..32_000).find(is_free).expect("a free port"))
}

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(path, text)| write(&folder, path, text));
    folder
}

/// Writes a file, as one step.
pub(crate) fn write(folder: &TempDir, path: &str, text: &str) {
    let target = folder.path().join(path);
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    let partial = target.with_extension("partial");
    fs::write(&partial, text).unwrap();
    fs::rename(partial, target).unwrap();
}

/// A VirtualService that istiod would take.
pub(crate) fn route(namespace: &str, name: &str, to: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: {name}\n  namespace: {namespace}\n\
         spec:\n  hosts:\n  - {name}.example\n  http:\n  - route:\n    - destination:\n        host: {to}.example\n"
    )
}

/// Text with versions and ages replaced by what they are.
pub(crate) fn normalized(text: &str) -> String {
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').map(normal_word).collect();
        words.join(" ") + "\n"
    };
    text.lines().map(line).collect()
}

fn normal_word(word: &str) -> &str {
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let is_age =
        word.strip_suffix('s').is_some_and(|digits| !digits.is_empty() && digits.parse::<u32>().is_ok());
    match word {
        _ if word.len() == 32 && word.chars().all(is_hex) => "VERSION",
        _ if is_age => "AGE",
        _ => word,
    }
}
