//! gRPC's own clients: grpc-go without a proxy, and grpcurl by reflection.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tempfile::TempDir;

use super::{Notes, summary};
use crate::tools::Tools;
use mainsheet_bench::{
    mainsheet::Mainsheet,
    process::{Process, wait_for},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// `bench/interop/grpc-go` at work: it calls `xds:///service`, and prints who answers.
struct Client(Process);

impl Client {
    fn start(tools: &Tools, dir: &Path, xds_port: u16) -> Result<Self> {
        let bootstrap = json!({
            "xds_servers": [{
                "server_uri": format!("127.0.0.1:{xds_port}"),
                "channel_creds": [{"type": "insecure"}],
                "server_features": ["xds_v3"],
            }],
            "node": {"id": "grpc-go-1"},
        });
        let file = dir.join("grpc-bootstrap.json");
        std::fs::write(&file, bootstrap.to_string())?;
        let mut command = Command::new(tools.program("grpc-go"));
        command.arg("xds:///service").env("GRPC_XDS_BOOTSTRAP", &file);
        Ok(Self(Process::start("grpc-go", &mut command, dir)?))
    }

    /// What it printed after `word`, line by line.
    fn printed(&self, word: &str) -> Vec<String> {
        let output = self.0.output();
        output.lines().filter_map(|line| line.strip_prefix(word)).map(str::to_owned).collect()
    }

    /// The calls that failed after one was answered. A call that waits while the server is not there yet may fail inside
    /// grpc-go when the first configuration comes (`unknown cluster selected for RPC: ""`).
    fn failed_since_first_answer(&self) -> Vec<String> {
        let output = self.0.output();
        let since = output.split_once("answered by ").map_or("", |(_, since)| since);
        since.lines().filter(|line| line.starts_with("failed: ")).map(str::to_owned).collect()
    }

    /// The ports of its two backends.
    async fn backends(&mut self) -> Result<[String; 2]> {
        wait_for("grpc-go's backends", PATIENCE, async || {
            self.0.expect_alive()?;
            Ok(<[String; 2]>::try_from(self.printed("backend ")).ok())
        })
        .await
        .map(|(backends, _)| backends)
    }

    /// Waits until `port` is who answered last.
    async fn wait_answered(&mut self, port: &str) -> Result<Duration> {
        let what = format!("grpc-go to be answered by {port}");
        let answered = wait_for(&what, PATIENCE, async || {
            self.0.expect_alive()?;
            Ok((self.printed("answered by ").last().map(String::as_str) == Some(port)).then_some(()))
        });
        answered.await.map(|(_, took)| took).with_context(|| format!("its output:\n{}", self.0.output()))
    }
}

pub(crate) async fn resolves_and_follows(tools: &Tools) -> Result<Notes> {
    let dir = TempDir::new()?;
    let mut mainsheet = Mainsheet::prepare(&tools.mainsheet, dir.path())?;
    let mut client = Client::start(tools, dir.path(), mainsheet.grpc_port)?;
    let [one, two] = client.backends().await?;
    mainsheet.write("service.yaml", SERVICE)?;
    mainsheet.write("endpoints.yaml", &endpoints(&one))?;
    mainsheet.start()?;
    mainsheet.wait_ready().await?;
    let first = client.wait_answered(&one).await?;
    let mut times = Vec::new();
    for to in [&two, &one, &two, &one, &two] {
        mainsheet.write("endpoints.yaml", &endpoints(to))?;
        times.push(client.wait_answered(to).await?);
    }
    let failed = client.failed_since_first_answer();
    ensure!(failed.is_empty(), "{} calls failed: {}", failed.len(), failed.join("\n"));
    Ok(vec![
        format!("first answer {} ms after mainsheet was ready", first.as_millis()),
        format!("endpoint edit to a call there, {}", summary(times)),
    ])
}

/// What a client without a proxy asks for, by name: a listener for its API, the routes, the cluster.
const SERVICE: &str = r#""@type": type.googleapis.com/envoy.config.listener.v3.Listener
name: service
api_listener:
  api_listener:
    "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
    rds:
      route_config_name: service-routes
      config_source: {ads: {}, resource_api_version: V3}
    http_filters:
    - name: envoy.filters.http.router
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
---
"@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
name: service-routes
virtual_hosts:
- name: service
  domains: [service]
  routes:
  - match: {prefix: ""}
    route: {cluster: service-cluster}
---
"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
name: service-cluster
type: EDS
lb_policy: ROUND_ROBIN
eds_cluster_config:
  eds_config: {ads: {}, resource_api_version: V3}
"#;

/// grpc-go does not use a locality without a name or without a weight.
fn endpoints(port: &str) -> String {
    format!(
        r#""@type": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment
cluster_name: service-cluster
endpoints:
- locality: {{region: here}}
  load_balancing_weight: 1
  lb_endpoints:
  - health_status: HEALTHY
    endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}
"#
    )
}

/// grpcurl knows no .proto file: it learns the services and their messages by reflection.
pub(crate) async fn grpcurl_reads_by_reflection(tools: &Tools) -> Result<Notes> {
    let dir = TempDir::new()?;
    let mut mainsheet = Mainsheet::prepare(&tools.mainsheet, dir.path())?;
    mainsheet.write("service.yaml", SERVICE)?;
    mainsheet.start()?;
    mainsheet.wait_ready().await?;
    let address = format!("127.0.0.1:{}", mainsheet.grpc_port);
    let services = grpcurl(tools, &["-plaintext", &address, "list"])?;
    for service in ["envoy.service.discovery.v3.AggregatedDiscoveryService", "grpc.health.v1.Health"] {
        ensure!(services.lines().any(|line| line == service), "`{service}` is not listed:\n{services}");
    }
    let request = json!({"node": {"id": "grpcurl"}, "type_url": CLUSTER}).to_string();
    let call = ["-plaintext", "-d", &request, &address, ADS_STREAM];
    let answer = grpcurl(tools, &call)?;
    let answer: serde_json::Value = serde_json::from_str(&answer).with_context(|| answer.clone())?;
    ensure!(answer["typeUrl"] == CLUSTER && answer["nonce"].is_string(), "{answer}");
    let resources = answer["resources"].as_array().map_or(0, Vec::len);
    ensure!(resources == 1, "{resources} resources instead of 1: {answer}");
    Ok(vec![format!("{} services are listed", services.lines().count())])
}

const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const ADS_STREAM: &str = "envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";

/// Ends by itself: what it is given to send ends, and so does the stream after the answer.
fn grpcurl(tools: &Tools, arguments: &[&str]) -> Result<String> {
    let output = Command::new(tools.program("grpcurl")).args(["-max-time", "20"]).args(arguments).output()?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
    Ok(stdout)
}
