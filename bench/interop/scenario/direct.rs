//! Envoy on mainsheet itself: clusters, endpoints, listeners and routes from files.

use std::time::Duration;

use anyhow::{Result, ensure};
use axum::{Router, routing::get};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinSet};

use super::{Notes, summary};
use crate::{
    envoy::{Api, Bootstrap, Envoy, Services},
    tools::Tools,
};
use mainsheet_bench::{
    http,
    mainsheet::Mainsheet,
    process::{free_port, wait_for},
};

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn follows_routes(tools: &Tools, api: Api) -> Result<Notes> {
    let dir = TempDir::new()?;
    let mut backends = JoinSet::new();
    let one = backend("one", &mut backends).await?;
    let two = backend("two", &mut backends).await?;
    let port = free_port()?;
    let source = api.config_source();
    let cluster = |name: &str, port: u16| cluster(name, port, &source);
    let mut mainsheet = Mainsheet::prepare(&tools.mainsheet, dir.path())?;
    mainsheet.write("one.yaml", &cluster("one", one))?;
    mainsheet.write("two.yaml", &cluster("two", two))?;
    mainsheet.write("listener.yaml", &listener(port, &source))?;
    mainsheet.write("routes.yaml", &routes("one"))?;
    mainsheet.start()?;
    mainsheet.wait_ready().await?;
    let bootstrap = Bootstrap { node_id: "edge-1", xds_port: mainsheet.grpc_port, api };
    let mut envoy = Envoy::start(tools, dir.path(), bootstrap)?;
    let first = envoy.wait_answer(port, "any", 200, "one").await?;

    let mut times = Vec::new();
    for to in ["two", "one", "two", "one", "two"] {
        mainsheet.write("routes.yaml", &routes(to))?;
        times.push(envoy.wait_answer(port, "any", 200, to).await?);
    }
    // Endpoints move under a cluster that stays.
    mainsheet.write("two.yaml", &cluster("two", one))?;
    let moved = envoy.wait_answer(port, "any", 200, "one").await?;

    // A cluster that is not known yet, then a route to it, then the old ones go.
    mainsheet.write("three.yaml", &cluster("three", two))?;
    mainsheet.write("routes.yaml", &routes("three"))?;
    envoy.wait_answer(port, "any", 200, "two").await?;
    mainsheet.remove("one.yaml")?;
    mainsheet.remove("two.yaml")?;
    wait_for("Envoy to drop the clusters", PATIENCE, async || {
        Ok((envoy.stat("cluster_manager.active_clusters").await? == 2).then_some(()))
    })
    .await?;
    envoy.wait_answer(port, "any", 200, "two").await?;
    envoy.expect_no_rejection().await?;
    ensure!(envoy.stat("cluster_manager.warming_clusters").await? == 0, "a cluster is still warming");
    Ok(vec![
        format!(
            "first answer {} ms after start; endpoints moved after {} ms",
            first.as_millis(),
            moved.as_millis()
        ),
        format!("route edit to live HTTP answer, {}", summary(times)),
    ])
}

/// Envoy refuses a whole response over one bad resource. What it says is told, and what was good in it comes once that is
/// mended.
pub(crate) async fn says_what_it_refuses(tools: &Tools) -> Result<Notes> {
    let dir = TempDir::new()?;
    let mut backends = JoinSet::new();
    let (one, two) = (backend("one", &mut backends).await?, backend("two", &mut backends).await?);
    let port = free_port()?;
    let api = Api { variant: "DELTA_GRPC", services: Services::Aggregated };
    let source = api.config_source();
    let mut mainsheet = Mainsheet::prepare(&tools.mainsheet, dir.path())?;
    mainsheet.write("one.yaml", &cluster("one", one, &source))?;
    mainsheet.write("listener.yaml", &listener(port, &source))?;
    mainsheet.write("routes.yaml", &routes("one"))?;
    mainsheet.start()?;
    mainsheet.wait_ready().await?;
    let bootstrap = Bootstrap { node_id: "edge-1", xds_port: mainsheet.grpc_port, api };
    let mut envoy = Envoy::start(tools, dir.path(), bootstrap)?;
    envoy.wait_answer(port, "any", 200, "one").await?;

    let bad = cluster("bad", one, &source).replace("connect_timeout: 0.25s", "connect_timeout: 0s");
    mainsheet.write("both.yaml", &format!("{}---\n{bad}", cluster("two", two, &source)))?;
    let (reason, _) = wait_for("the refusal to be told", PATIENCE, async || {
        let sinks = http::get_json(mainsheet.http_port, "/debug/syncz").await?;
        let types = sinks[0]["genericXdsConfigs"].as_array().cloned().unwrap_or_default();
        let refused = types.iter().find(|one| one["configStatus"] == "ERROR");
        Ok(refused.and_then(|one| one["errorState"]["details"].as_str()).map(str::to_owned))
    })
    .await?;
    ensure!(reason.contains("bad") && reason.contains("ConnectTimeout"), "Envoy says: {reason}");
    envoy.wait_answer(port, "any", 200, "one").await?;

    mainsheet.write("both.yaml", &cluster("two", two, &source))?;
    mainsheet.write("routes.yaml", &routes("two"))?;
    envoy.wait_answer(port, "any", 200, "two").await?;
    wait_for("the type to be in sync again", PATIENCE, async || {
        let sinks = http::get(mainsheet.http_port, "localhost", "/debug/syncz").await?.body;
        Ok((!sinks.contains("\"ERROR\"")).then_some(()))
    })
    .await?;
    Ok(vec![reason])
}

/// An HTTP server that says its name.
pub(super) async fn backend(name: &'static str, tasks: &mut JoinSet<std::io::Result<()>>) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let app = Router::new().route("/", get(move || async move { name }));
    tasks.spawn(async move { axum::serve(listener, app).await });
    Ok(port)
}

pub(super) fn cluster(name: &str, port: u16, source: &Value) -> String {
    format!(
        r#""@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
name: {name}
type: EDS
connect_timeout: 0.25s
eds_cluster_config:
  eds_config: {source}
---
"@type": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment
cluster_name: {name}
endpoints:
- lb_endpoints:
  - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}
"#
    )
}

pub(super) fn listener(port: u16, source: &Value) -> String {
    format!(
        r#""@type": type.googleapis.com/envoy.config.listener.v3.Listener
name: http
address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
filter_chains:
- filters:
  - name: envoy.filters.network.http_connection_manager
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
      stat_prefix: http
      rds:
        route_config_name: http
        config_source: {source}
      http_filters:
      - name: envoy.filters.http.router
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
"#
    )
}

pub(super) fn routes(cluster: &str) -> String {
    format!(
        r#""@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
name: http
virtual_hosts:
- name: all
  domains: ["*"]
  routes:
  - match: {{prefix: /}}
    route: {{cluster: {cluster}}}
"#
    )
}
