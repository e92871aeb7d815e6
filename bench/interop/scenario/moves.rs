//! Make before break: clusters, endpoints, routes and listeners change under traffic (rules 77 to 82).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{
    Notes,
    direct::{backend, cluster, listener, routes},
    summary,
};
use crate::{
    envoy::{Api, Bootstrap, Envoy, Services},
    tools::Tools,
};
use mainsheet_bench::{
    http,
    mainsheet::Mainsheet,
    process::{free_port, now, wait_for},
};

/// Changes in a run, unless INTEROP_CHANGES says how many.
const CHANGES: usize = 200;

/// Clients that ask without pause.
const CLIENTS: usize = 2;

const PATIENCE: Duration = Duration::from_secs(20);

/// Requests that go on until they are stopped.
struct Traffic {
    is_over: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    clients: JoinSet<Vec<String>>,
}

/// What is served at one moment.
struct Pushed {
    /// Of the cluster, its endpoints and the route to it.
    name: String,
    backend: u16,
    lb_policy: &'static str,
    stat_prefix: String,
}

pub(crate) async fn changes_under_traffic(tools: &Tools, variant: &'static str) -> Result<Notes> {
    let changes = changes()?;
    let dir = TempDir::new()?;
    let mut backends = JoinSet::new();
    let ports = [backend("one", &mut backends).await?, backend("two", &mut backends).await?];
    let port = free_port()?;
    let mut pushed = Pushed::first(ports[0]);
    let mut mainsheet = Mainsheet::prepare(&tools.mainsheet, dir.path())?;
    mainsheet.write("all.yaml", &pushed.file(port))?;
    mainsheet.start()?;
    mainsheet.wait_ready().await?;
    let api = Api { variant, services: Services::Aggregated };
    let bootstrap = Bootstrap { node_id: "edge-1", xds_port: mainsheet.grpc_port, api };
    let mut envoy = Envoy::start(tools, dir.path(), bootstrap)?;
    envoy.wait_answer(port, "any", 200, "one").await?;

    let traffic = Traffic::start(port);
    let mut times = Vec::new();
    for index in 1..=changes {
        pushed.change(index, ports[index % 2]);
        // One file is one push.
        mainsheet.write("all.yaml", &pushed.file(port))?;
        times.push(envoy.wait_answer(port, "any", 200, ["one", "two"][index % 2]).await?);
    }
    // Parents that change while their children do not are warmed all the same, and so is one without children.
    for parent in ["cluster", "listener"] {
        let stat = if parent == "cluster" { "cluster_manager.cds" } else { "listener_manager.lds" };
        let stat = format!("{stat}.update_success");
        let updates = envoy.stat(&stat).await?;
        match parent {
            "cluster" => pushed.lb_policy = "RANDOM",
            _ => pushed.stat_prefix = "last".into(),
        }
        mainsheet.write("all.yaml", &pushed.file(port))?;
        wait_for(&format!("Envoy to take the changed {parent}"), PATIENCE, async || {
            Ok((envoy.stat(&stat).await? > updates).then_some(()))
        })
        .await?;
        wait_warm(&envoy, 2).await?;
    }
    mainsheet.write("lonely.yaml", &Pushed { name: "lonely".into(), ..pushed }.cluster_alone())?;
    wait_warm(&envoy, 3).await?;
    let (answered, failed) = traffic.stop(changes).await?;
    envoy.expect_no_rejection().await?;
    let first = failed.first().map_or("", String::as_str);
    ensure!(failed.is_empty(), "{} of {answered} requests failed: {first}", failed.len());
    Ok(vec![
        format!("{changes} changes, {answered} requests, 0 failed"),
        format!("change to live HTTP answer, {}", summary(times)),
    ])
}

fn changes() -> Result<usize> {
    match std::env::var("INTEROP_CHANGES") {
        Ok(text) => text.parse().with_context(|| format!("INTEROP_CHANGES is no number: `{text}`")),
        Err(_) => Ok(CHANGES),
    }
}

/// Nothing is left over beside so many clusters (one of which is the server), and nothing waits for what it needs.
async fn wait_warm(envoy: &Envoy, clusters: u64) -> Result<()> {
    wait_for(&format!("Envoy to hold {clusters} warm clusters"), PATIENCE, async || {
        let active = envoy.stat("cluster_manager.active_clusters").await?;
        let warming = envoy.stat("cluster_manager.warming_clusters").await?
            + envoy.stat("listener_manager.total_listeners_warming").await?;
        Ok((active == clusters && warming == 0).then_some(()))
    })
    .await?;
    Ok(())
}

impl Pushed {
    fn first(backend: u16) -> Self {
        Self { name: "cluster-0".into(), backend, lb_policy: "ROUND_ROBIN", stat_prefix: "http-0".into() }
    }

    /// The answer is always another one. In turn a cluster is renamed with the route to it; its endpoints move; it changes
    /// itself, too; or it is renamed while the listener changes.
    fn change(&mut self, index: usize, backend: u16) {
        self.backend = backend;
        match index % 4 {
            0 => self.name = format!("cluster-{index}"),
            1 => {}
            2 => self.lb_policy = if index % 8 == 2 { "LEAST_REQUEST" } else { "ROUND_ROBIN" },
            _ => (self.name, self.stat_prefix) = (format!("cluster-{index}"), format!("http-{index}")),
        }
    }

    fn file(&self, port: u16) -> String {
        let Self { name, backend, lb_policy, stat_prefix } = self;
        let cluster = cluster(name, *backend, &ads());
        let cluster = cluster.replacen("type: EDS\n", &format!("type: EDS\nlb_policy: {lb_policy}\n"), 1);
        let listener = listener(port, &ads());
        let listener = listener.replacen("stat_prefix: http\n", &format!("stat_prefix: {stat_prefix}\n"), 1);
        format!("{cluster}---\n{}---\n{listener}", routes(name))
    }

    /// A cluster without endpoints.
    fn cluster_alone(&self) -> String {
        let documents = cluster(&self.name, self.backend, &ads());
        documents.split("---\n").next().unwrap_or_default().to_owned()
    }
}

/// Where Envoy gets endpoints and routes.
fn ads() -> Value {
    json!({"ads": {}, "resource_api_version": "V3"})
}

impl Traffic {
    fn start(port: u16) -> Self {
        let (is_over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(ask_on(port, is_over.clone(), answered.clone()));
        }
        Self { is_over, answered, clients }
    }

    /// Requests in all, and what those said that failed.
    async fn stop(mut self, changes: usize) -> Result<(u64, Vec<String>)> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut failed = Vec::new();
        while let Some(of_client) = self.clients.join_next().await {
            failed.extend(of_client?);
        }
        let answered = self.answered.load(Ordering::Relaxed);
        ensure!(answered > changes as u64, "only {answered} requests: no traffic to speak of");
        Ok((answered, failed))
    }
}

async fn ask_on(port: u16, is_over: Arc<AtomicBool>, answered: Arc<AtomicU64>) -> Vec<String> {
    let mut failed = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let start = now();
        match http::get(port, "any", "/").await {
            Ok(answer) if answer.status == 200 => {}
            Ok(answer) => failed.push(format!("{} {}", answer.status, answer.body)),
            Err(error) => failed.push(format!("{error:#} after {:?}", start.elapsed())),
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
    failed
}
