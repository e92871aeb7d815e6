//! The server under load, and what it takes.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Result, ensure};
use mainsheet_api::generated::mainsheet::v1::{StatusRequest, StatusResponse};

use super::Door;
use crate::{
    api::Api,
    mainsheet::Mainsheet,
    process::{free_port, wait_for},
    usage::{Usage, forget_peak},
};

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// Where whoever writes connects.
    pub grpc: SocketAddr,
    /// Where clients connect.
    pub(super) door: Door,
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
        let grpc: SocketAddr = ([127, 0, 0, 1], started.grpc_port).into();
        Ok(Self { grpc, door: grpc.into(), pid: Some(started.pid()?), started: Some(started) })
    }

    /// The same, with clients that come over TLS and show a certificate.
    pub async fn start_secured(program: &Path, dir: &Path, settings: &str) -> Result<Self> {
        let certs = dir.join("certs");
        let made =
            Command::new(program).args(["certs", "init"]).arg(&certs).stdout(Stdio::null()).status()?;
        ensure!(made.success(), "`mainsheet certs init` failed");
        let (address, at): (SocketAddr, _) = (([127, 0, 0, 1], free_port()?).into(), certs.display());
        let settings = format!(
            "{settings}\ngrpc-tls-addr: {address}\ntls-cert: {at}/server.crt\ntls-key: {at}/server.key\ntls-client-ca: {at}/ca.crt\n"
        );
        let plain = Self::start(program, dir, &settings).await?;
        Ok(Self { door: Door::secured(address, &certs)?, ..plain })
    }

    /// One that runs already.
    pub fn running(grpc: SocketAddr, pid: Option<u32>) -> Self {
        Self { grpc, door: grpc.into(), pid, started: None }
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
