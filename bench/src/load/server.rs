//! The server under load, and what it takes.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, ensure};
use mainsheet_api::generated::mainsheet::v1::{StatusRequest, StatusResponse};

use crate::{
    api::Api,
    mainsheet::Mainsheet,
    process::wait_for,
    usage::{Usage, forget_peak},
};

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// Where clients connect.
    pub grpc: SocketAddr,
    /// `None`: it can't be looked at from here.
    pid: Option<u32>,
    /// Ends with this, where it was started for it.
    started: Option<Mainsheet>,
}

impl Server {
    /// Starts one in a folder, with these settings, and waits until it is ready.
    pub async fn start(program: &Path, dir: &Path, settings: &str) -> Result<Self> {
        ensure!(
            program.exists(),
            "there is no `{}`: build it, or name another one with --program",
            program.display()
        );
        let mut started = Mainsheet::prepare(program, dir)?;
        settings.clone_into(&mut started.settings);
        started.start()?;
        started.wait_ready().await?;
        let grpc = ([127, 0, 0, 1], started.grpc_port).into();
        Ok(Self { grpc, pid: Some(started.pid()?), started: Some(started) })
    }

    /// One that runs already.
    pub fn running(grpc: SocketAddr, pid: Option<u32>) -> Self {
        Self { grpc, pid, started: None }
    }

    /// The folder that it reads, where it was started here.
    pub fn documents(&self) -> Option<PathBuf> {
        self.started.as_ref().map(|started| started.documents.clone())
    }

    /// What it takes; nothing, where it can't be looked at.
    pub fn usage(&self) -> Result<Usage> {
        self.pid.map_or(Ok(Usage::default()), Usage::of)
    }

    /// From here on the peak of its memory is counted anew.
    pub(super) fn forget_peak(&self) -> Result<()> {
        self.pid.map_or(Ok(()), forget_peak)
    }
}

impl Server {
    /// Waits until it serves so many resources. An error where there are more, because clients would be sent them, too.
    pub(crate) async fn serves(&self, len: usize, patience: Duration) -> Result<()> {
        let api = Api::connect(self.grpc).await?;
        let all = async || {
            let status: StatusResponse = api.clone().ask("Status", StatusRequest::default()).await?;
            let kind = status.kinds.iter().find(|kind| kind.kind == "VirtualService");
            let served = kind.map_or(0, |kind| kind.served as usize);
            ensure!(
                served <= len,
                "it serves {served} VirtualServices, of which {len} were written here: load a server that has no others"
            );
            Ok((served == len).then_some(()))
        };
        wait_for(&format!("{len} resources to be served"), patience, all).await.map(drop)
    }
}
