//! The server under test, as its users start it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{
    configz::{Configz, configz},
    http,
    process::{Process, free_port, wait_for},
};

/// A running `mainsheet serve` with a folder of its own.
#[derive(Debug)]
pub struct Mainsheet {
    process: Option<Process>,
    program: PathBuf,
    dir: PathBuf,
    /// Where its documents are.
    pub documents: PathBuf,
    /// Its config file.
    pub settings: String,
    /// ADS.
    pub grpc_port: u16,
    /// Health and debug.
    pub http_port: u16,
}

impl Mainsheet {
    /// Chooses ports and folders below `dir`, and makes the folder of documents; does not start it.
    pub fn prepare(program: &Path, dir: &Path) -> Result<Self> {
        let documents = dir.join("documents");
        std::fs::create_dir_all(&documents)?;
        Ok(Self {
            process: None,
            program: program.to_owned(),
            dir: dir.to_owned(),
            documents,
            settings: String::new(),
            grpc_port: free_port()?,
            http_port: free_port()?,
        })
    }

    /// Starts it on its folder, its store and its ports. Does not wait for it to be ready.
    pub fn start(&mut self) -> Result<()> {
        let config = self.dir.join("mainsheet.yaml");
        std::fs::write(&config, &self.settings)?;
        let mut command = Command::new(&self.program);
        command
            .arg("serve")
            .arg(&self.documents)
            .arg("--config")
            .arg(config)
            .arg("--data-dir")
            .arg(self.store())
            .arg(format!("--grpc-addr=127.0.0.1:{}", self.grpc_port))
            .arg(format!("--http-addr=127.0.0.1:{}", self.http_port));
        self.process = Some(Process::start("mainsheet", &mut command, &self.dir)?);
        Ok(())
    }

    /// Which process it is.
    pub fn pid(&self) -> Result<u32> {
        Ok(self.process.as_ref().context("it does not run")?.pid())
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Loses its store, as a machine does that is replaced.
    pub fn forget(&self) -> Result<()> {
        Ok(std::fs::remove_dir_all(self.store())?)
    }

    /// Its data directory.
    pub fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// Waits until it says that it is ready.
    pub async fn wait_ready(&mut self) -> Result<Duration> {
        let port = self.http_port;
        let process = &mut self.process;
        let ready = wait_for("mainsheet to become ready", Duration::from_secs(120), async || {
            if let Some(process) = process.as_mut() {
                process.expect_alive()?;
            }
            Ok(http::get(port, "localhost", "/healthz/ready")
                .await
                .ok()
                .filter(|answer| answer.status == 200))
        });
        Ok(ready.await?.1)
    }

    /// Writes one file below its documents, as an author's editor would.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.documents.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        Ok(std::fs::write(path, text)?)
    }

    /// Removes one file.
    pub fn remove(&self, name: &str) -> Result<()> {
        Ok(std::fs::remove_file(self.documents.join(name))?)
    }

    /// The Istio resources that it serves.
    pub async fn serves(&self) -> Result<Configz> {
        let mut served = configz(self.http_port).await?;
        served.retain(|(kind, _), _| !ENVOY_KINDS.contains(&kind.as_str()));
        Ok(served)
    }
}

/// What istiod is not sent.
const ENVOY_KINDS: [&str; 4] = ["Cluster", "ClusterLoadAssignment", "Listener", "RouteConfiguration"];
