//! The server under test, as its users start it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Result;

use crate::{
    http,
    istiod::{Held, held},
    process::{Process, free_port, wait_for},
    tools::Tools,
};

/// A running `mainsheet serve` with a folder of its own.
#[derive(Debug)]
pub(crate) struct Mainsheet {
    process: Option<Process>,
    program: PathBuf,
    dir: PathBuf,
    /// Where its documents are.
    pub(crate) documents: PathBuf,
    /// ADS.
    pub(crate) grpc_port: u16,
    /// Health and debug.
    pub(crate) http_port: u16,
}

impl Mainsheet {
    /// Chooses ports and folders below `dir`, and makes the folder of documents; does not start it.
    pub(crate) fn prepare(tools: &Tools, dir: &Path) -> Result<Self> {
        let documents = dir.join("documents");
        std::fs::create_dir_all(&documents)?;
        Ok(Self {
            process: None,
            program: tools.mainsheet.clone(),
            dir: dir.to_owned(),
            documents,
            grpc_port: free_port()?,
            http_port: free_port()?,
        })
    }

    /// Starts it on its folder, its store and its ports. Does not wait for it to be ready.
    pub(crate) fn start(&mut self) -> Result<()> {
        let mut command = Command::new(&self.program);
        command
            .arg("serve")
            .arg(&self.documents)
            .arg("--data-dir")
            .arg(self.dir.join("store"))
            .arg(format!("--grpc-addr=127.0.0.1:{}", self.grpc_port))
            .arg(format!("--http-addr=127.0.0.1:{}", self.http_port));
        self.process = Some(Process::start("mainsheet", &mut command, &self.dir)?);
        Ok(())
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Waits until it says that it is ready.
    pub(crate) async fn wait_ready(&mut self) -> Result<Duration> {
        let port = self.http_port;
        let process = &mut self.process;
        let ready = wait_for("mainsheet to become ready", Duration::from_secs(20), async || {
            if let Some(process) = process.as_mut() {
                process.expect_alive()?;
            }
            Ok(http::get(port, "localhost", "/healthz/ready").await.ok().filter(|answer| answer.status == 200))
        });
        Ok(ready.await?.1)
    }

    /// Writes one file below its documents, as an author's editor would.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.documents.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        Ok(std::fs::write(path, text)?)
    }

    /// Removes one file.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        Ok(std::fs::remove_file(self.documents.join(name))?)
    }

    /// The Istio resources that it serves.
    pub(crate) async fn serves(&self) -> Result<Held> {
        let mut served = held(self.http_port).await?;
        served.retain(|(kind, _), _| !ENVOY_KINDS.contains(&kind.as_str()));
        Ok(served)
    }
}

/// What istiod is not sent.
const ENVOY_KINDS: [&str; 4] = ["Cluster", "ClusterLoadAssignment", "Listener", "RouteConfiguration"];
