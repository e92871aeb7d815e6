//! One life of the server's process.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{http, process::wait_for};

/// For whatever takes milliseconds on a machine that has nothing else to do.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Lines of its log that are kept to be told.
const LINES_KEPT: usize = 30;

/// Killed when it is dropped.
pub(super) struct Life {
    child: Child,
    listening: mpsc::Receiver<(u16, u16)>,
    log: Arc<Mutex<Log>>,
    /// Of gRPC and HTTP, once it listens.
    ports: Option<(u16, u16)>,
}

#[derive(Default)]
struct Log {
    last: VecDeque<String>,
    panic: Option<String>,
}

impl Life {
    /// Starts it on `dir/data`, serving the files of `dir/mesh`. Returns at once.
    pub(super) fn begin(program: &Path, dir: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command
            .arg("serve")
            .arg(dir.join("mesh"))
            .arg("--data-dir")
            .arg(dir.join("data"))
            .args(["--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"])
            .args(["--log-format", "json", "--debounce-quiet", "5ms"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("start {}", program.display()))?;
        let stderr = child.stderr.take().context("it has no standard error")?;
        let log = Arc::new(Mutex::new(Log::default()));
        let (told, listening) = mpsc::channel();
        let keeps = Arc::clone(&log);
        thread::spawn(move || read_log(stderr, &keeps, &told));
        Ok(Self { child, listening, log, ports: None })
    }

    /// Waits until it serves.
    pub(super) async fn ready(&mut self) -> Result<()> {
        let (ports, _) = wait_for("the server to listen", PATIENCE, async || {
            self.expect_alive()?;
            Ok(self.listening.try_recv().ok())
        })
        .await?;
        self.ports = Some(ports);
        wait_for("the server to be ready", PATIENCE, async || {
            self.expect_alive()?;
            let answer = http::get(ports.1, "localhost", "/healthz/ready").await;
            Ok(answer.ok().filter(|answer| answer.status == 200))
        })
        .await?;
        Ok(())
    }

    /// Where it listens for gRPC.
    pub(super) fn grpc_port(&self) -> Result<u16> {
        Ok(self.ports.context("it is not ready")?.0)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Fails where it panicked, or ended by itself.
    pub(super) fn expect_alive(&mut self) -> Result<()> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(panic) = &log.panic {
            bail!("it panicked: {panic}");
        }
        if let Some(status) = self.child.try_wait()? {
            let last: Vec<&str> = log.last.iter().map(String::as_str).collect();
            bail!("it ended with {status}: {}", last.join("\n"));
        }
        Ok(())
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Until it ends.
fn read_log(stderr: ChildStderr, keeps: &Mutex<Log>, told: &mpsc::Sender<(u16, u16)>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        if let Some(ports) = ports(&line) {
            // Whoever waited may have given up.
            let _ = told.send(ports);
        }
        let mut log = keeps.lock().unwrap_or_else(PoisonError::into_inner);
        if line.contains("panicked at") {
            log.panic.get_or_insert_with(|| line.clone());
        }
        log.last.push_back(line);
        if log.last.len() > LINES_KEPT {
            log.last.pop_front();
        }
    }
}

/// Of the line that says where it listens.
fn ports(line: &str) -> Option<(u16, u16)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let port = |of: &str| line[of].as_str()?.rsplit_once(':')?.1.parse().ok();
    (line["message"] == "listening").then(|| Some((port("grpc")?, port("http")?)))?
}
