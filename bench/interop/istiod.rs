//! A real istiod that takes its configuration from mainsheet.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Result;
use mainsheet_bench::{
    configz::{Configz, configz},
    http,
    metrics::metric,
    process::{Process, free_port, wait_for},
};

use crate::{api_stub::ApiStub, page, tools::Tools};

/// A running istiod.
#[derive(Debug)]
pub(crate) struct Istiod {
    /// The process.
    pub(crate) process: Process,
    /// `/ready` and `/debug`.
    pub(crate) http_port: u16,
    /// xDS for Envoys, open once it is ready.
    pub(crate) grpc_port: u16,
    monitoring_port: u16,
    _api: ApiStub,
}

/// Where an istiod gets its configuration from, beside Kubernetes.
#[derive(Debug)]
pub(crate) enum Source {
    /// A server of MCP over xDS on this port, with the mesh config that docs/istiod.md shows.
    Xds(u16),
    /// A folder.
    Files(PathBuf),
}

impl Source {
    fn mesh_config(&self) -> Result<String> {
        Ok(match self {
            Self::Xds(port) => page::block(page::ISTIOD, "## Point istiod at it", "yaml")?
                .replace(":15110", &format!(":{port}")),
            Self::Files(folder) => {
                format!("configSources:\n- address: fs://{}\n- address: k8s://\n", folder.display())
            }
        })
    }
}

impl Istiod {
    /// Starts one that follows a server. Does not wait for it to be ready.
    pub(crate) async fn start(tools: &Tools, dir: &Path, xds_port: u16) -> Result<Self> {
        Self::start_on(tools, dir, &Source::Xds(xds_port)).await
    }

    /// Starts one. Does not wait for it to be ready.
    pub(crate) async fn start_on(tools: &Tools, dir: &Path, source: &Source) -> Result<Self> {
        let api = ApiStub::start().await?;
        let kubeconfig = dir.join("kubeconfig.json");
        std::fs::write(&kubeconfig, api.kubeconfig())?;
        let mesh = dir.join("mesh.yaml");
        let sources = source.mesh_config()?;
        // Auto mTLS waits for a secret that only Istio's own agent brings to an Envoy.
        std::fs::write(&mesh, format!("{sources}\nenableAutoMtls: false\n"))?;
        let (http_port, grpc_port, monitoring_port) = (free_port()?, free_port()?, free_port()?);
        let mut command = Command::new(tools.program("istiod"));
        command
            .args(["discovery", "--registries=", "--httpsAddr=", "--secureGRPCAddr="])
            .arg(format!("--kubeconfig={}", kubeconfig.display()))
            .arg(format!("--meshConfig={}", mesh.display()))
            .arg(format!("--httpAddr=127.0.0.1:{http_port}"))
            .arg(format!("--grpcAddr=127.0.0.1:{grpc_port}"))
            .arg(format!("--monitoringAddr=127.0.0.1:{monitoring_port}"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", dir)
            .envs([("POD_NAME", "istiod-b"), ("POD_NAMESPACE", "istio-system")])
            .envs([("ENABLE_CA_SERVER", "false"), ("PILOT_CERT_PROVIDER", "none")])
            // As a server of MCP it wants to know its clients otherwise.
            .env("ENABLE_XDS_API_GENERATOR_AUTH", "false")
            // A stock Envoy lacks Istio's own filters.
            .envs([("PILOT_ENABLE_METADATA_EXCHANGE", "false"), ("PILOT_DISABLE_MX_ALPN", "true")])
            .env("PILOT_ENABLE_ALPN_FILTER", "false");
        let process = Process::start("istiod", &mut command, dir)?;
        Ok(Self { process, http_port, grpc_port, monitoring_port, _api: api })
    }

    /// Waits until it says that it is ready.
    pub(crate) async fn wait_ready(&mut self) -> Result<Duration> {
        let port = self.http_port;
        let process = &mut self.process;
        let ready = wait_for("istiod to become ready", Duration::from_secs(60), async || {
            process.expect_alive()?;
            Ok(http::get(port, "localhost", "/ready").await.ok().filter(|answer| answer.status == 200))
        });
        Ok(ready.await?.1)
    }

    /// Whether it says that it is ready now.
    pub(crate) async fn is_ready(&self) -> bool {
        http::get(self.http_port, "localhost", "/ready").await.is_ok_and(|answer| answer.status == 200)
    }

    /// What it holds.
    pub(crate) async fn held(&self) -> Result<Configz> {
        configz(self.http_port).await
    }

    /// Changes of its configuration so far, each of which leads to a push.
    pub(crate) async fn config_updates(&self) -> Result<f64> {
        metric(self.monitoring_port, "pilot_inbound_updates{type=\"config\"}").await
    }

    /// Lines of its log that contain all of `words`.
    pub(crate) fn logged(&self, words: &[&str]) -> usize {
        self.process.output().lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
    }

    /// Responses that it received from the server so far.
    pub(crate) fn received(&self) -> usize {
        self.logged(&["adsc", "Received", "type="])
    }

    /// Pushes to Envoys so far, whether or not one is connected.
    pub(crate) fn pushes(&self) -> usize {
        self.logged(&["Push debounce stable"])
    }
}
