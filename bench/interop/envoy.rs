//! A stock Envoy, behind istiod or directly on mainsheet.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::tools::Tools;
use mainsheet_bench::{
    http,
    process::{Process, free_port, wait_for},
};

/// A running Envoy.
#[derive(Debug)]
pub(crate) struct Envoy {
    process: Process,
    admin_port: u16,
}

/// Who it says it is, and whom it asks how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bootstrap<'a> {
    /// `node.id`.
    pub(crate) node_id: &'a str,
    /// Where its server is.
    pub(crate) xds_port: u16,
    /// How it asks.
    pub(crate) api: Api,
}

/// How an Envoy asks for its configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Api {
    /// `GRPC` (SotW) or `DELTA_GRPC`.
    pub(crate) variant: &'static str,
    /// Over which services.
    pub(crate) services: Services,
}

/// The services that an Envoy asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Services {
    /// ADS for all types.
    Aggregated,
    /// Each type's own: a stream a type, and one a cluster for endpoints.
    Single,
}

impl Api {
    /// Where a resource says that those come from that it refers to.
    pub(crate) fn config_source(self) -> Value {
        match self.services {
            Services::Aggregated => json!({"ads": {}, "resource_api_version": "V3"}),
            Services::Single => {
                json!({"api_config_source": self.api_config_source(), "resource_api_version": "V3"})
            }
        }
    }

    fn api_config_source(self) -> Value {
        json!({
            "api_type": self.variant,
            "transport_api_version": "V3",
            "set_node_on_first_message_only": true,
            "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}],
        })
    }

    fn dynamic_resources(self) -> Value {
        let mut resources = json!({"cds_config": self.config_source(), "lds_config": self.config_source()});
        if self.services == Services::Aggregated {
            resources["ads_config"] = self.api_config_source();
        }
        resources
    }
}

impl Envoy {
    /// Starts one. Does not wait for it to be configured.
    pub(crate) fn start(tools: &Tools, dir: &Path, bootstrap: Bootstrap<'_>) -> Result<Self> {
        let admin_port = free_port()?;
        Self::start_with(tools, dir, &bootstrap.json(admin_port).to_string(), admin_port)
    }

    /// Starts one on the text of a bootstrap file that names this admin port.
    pub(crate) fn start_with(tools: &Tools, dir: &Path, bootstrap: &str, admin_port: u16) -> Result<Self> {
        let file = dir.join("envoy.yaml");
        std::fs::write(&file, bootstrap)?;
        let mut command = Command::new(tools.program("envoy"));
        command
            .arg("-c")
            .arg(&file)
            .args(["--concurrency", "1", "-l", "warning"])
            // Another Envoy on this machine must not be taken for an older one of this.
            .args(["--base-id", &admin_port.to_string()]);
        Ok(Self { process: Process::start("envoy", &mut command, dir)?, admin_port })
    }

    /// Waits until a request to one of its listeners is answered so, and says how long that took.
    pub(crate) async fn wait_answer(
        &mut self,
        port: u16,
        host: &str,
        status: u16,
        body: &str,
    ) -> Result<Duration> {
        let process = &mut self.process;
        let what = format!("Envoy to answer {status} `{body}` on port {port}");
        let answered = wait_for(&what, Duration::from_secs(30), async || {
            process.expect_alive()?;
            let answer = http::get(port, host, "/").await.ok();
            Ok(answer.filter(|answer| answer.status == status && answer.body == body))
        });
        Ok(answered.await?.1)
    }

    /// One of its counters and gauges.
    pub(crate) async fn stat(&self, name: &str) -> Result<u64> {
        let stats = http::get_json(
            self.admin_port,
            &format!("/stats?format=json&filter=^{}$", name.replace('.', "\\.")),
        )
        .await?;
        let value = stats["stats"].as_array().into_iter().flatten().find(|stat| stat["name"] == name);
        value.and_then(|stat| stat["value"].as_u64()).with_context(|| format!("Envoy has no stat `{name}`"))
    }

    /// Fails where it refused any update of any type.
    pub(crate) async fn expect_no_rejection(&self) -> Result<()> {
        let stats = http::get_json(self.admin_port, "/stats?format=json&filter=update_rejected").await?;
        for stat in stats["stats"].as_array().into_iter().flatten() {
            ensure!(
                stat["value"].as_u64() == Some(0),
                "Envoy refused an update: {stat}; {}",
                self.process.output()
            );
        }
        Ok(())
    }

    /// Its whole configuration, as istioctl reads it from a file.
    pub(crate) async fn config_dump(&self) -> Result<String> {
        Ok(http::get(self.admin_port, "localhost", "/config_dump").await?.body)
    }
}

impl Bootstrap<'_> {
    fn json(self, admin_port: u16) -> Value {
        let address = |port: u16| json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
        let http2 = json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {
                    "connection_keepalive": {"interval": "30s", "timeout": "10s"},
                }},
            },
        });
        json!({
            "node": {
                "id": self.node_id,
                "cluster": "interop",
                // Without interception there is a listener on loopback for each port of a service, and no iptables.
                "metadata": {"INTERCEPTION_MODE": "NONE", "PROXY_CONFIG": {"proxyMetadata": {}}},
            },
            "admin": {"address": address(admin_port)},
            "dynamic_resources": self.api.dynamic_resources(),
            "static_resources": {"clusters": [{
                "name": "xds",
                "type": "STATIC",
                "connect_timeout": "1s",
                "typed_extension_protocol_options": http2,
                "load_assignment": {"cluster_name": "xds", "endpoints": [
                    {"lb_endpoints": [{"endpoint": {"address": address(self.xds_port)}}]},
                ]},
            }]},
        })
    }
}
