//! Child processes that end with their scenario, ports that are free, and waiting for conditions.

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// The real clock: what is measured here are real processes.
#[allow(clippy::disallowed_methods, reason = "nothing here can be turned by a test")]
pub fn now() -> Instant {
    Instant::now()
}

/// The calendar, since 1970.
#[allow(clippy::disallowed_methods, reason = "nothing here can be turned by a test")]
pub fn calendar() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(5);

/// A child that is killed when it is dropped. Its output goes to a file.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: String,
    /// Where its output is.
    pub log: PathBuf,
}

impl Process {
    /// Starts `command` with its output in `dir/NAME.log`.
    pub fn start(name: &str, command: &mut Command, dir: &Path) -> Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let out = File::options().create(true).append(true).open(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("start {name}"))?;
        Ok(Self { child, name: name.to_owned(), log })
    }

    /// Which process it is.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its output so far.
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Fails with the end of its output where it has ended.
    pub fn expect_alive(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            let output = self.output();
            let tail: Vec<_> = output.lines().rev().take(15).collect();
            bail!(
                "{} ended with {status}: {}",
                self.name,
                tail.into_iter().rev().collect::<Vec<_>>().join("\n")
            );
        }
        Ok(())
    }

    /// Ends it at once, as a crash would.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// A loopback port that is free now.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Looks until `condition` says `Some`, and says how long that took.
pub async fn wait_for<T>(
    what: &str,
    at_most: Duration,
    mut condition: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<(T, Duration)> {
    let start = now();
    loop {
        if let Some(value) = condition().await? {
            return Ok((value, start.elapsed()));
        }
        if start.elapsed() > at_most {
            bail!("waited {} s in vain: {what}", at_most.as_secs());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Looks for a while that `condition` stays true: silence is asserted, too.
pub async fn stays(
    what: &str,
    during: Duration,
    mut condition: impl AsyncFnMut() -> Result<bool>,
) -> Result<()> {
    let start = now();
    while start.elapsed() < during {
        if !condition().await? {
            bail!("did not stay so: {what}");
        }
        tokio::time::sleep(POLL * 10).await;
    }
    Ok(())
}
