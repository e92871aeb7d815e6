//! Make before break: clusters are renamed under traffic, with the routes to them, in one push (rules 77 to 82).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, ensure};
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

/// Renames in a run.
const MOVES: usize = 200;

/// Clients that ask without pause.
const CLIENTS: usize = 2;

const PATIENCE: Duration = Duration::from_secs(20);

/// Requests that go on until they are stopped.
struct Traffic {
    is_over: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    clients: JoinSet<Vec<String>>,
}

pub(crate) async fn renames_clusters(tools: &Tools, variant: &'static str) -> Result<Notes> {
    let dir = TempDir::new()?;
    let mut backends = JoinSet::new();
    let one = backend("one", &mut backends).await?;
    let two = backend("two", &mut backends).await?;
    let port = free_port()?;
    let mut mainsheet = Mainsheet::prepare(&tools.mainsheet, dir.path())?;
    mainsheet.write("listener.yaml", &listener(port, &ads()))?;
    mainsheet.write("all.yaml", &pushed(0, one, ""))?;
    mainsheet.start()?;
    mainsheet.wait_ready().await?;
    let bootstrap = Bootstrap {
        node_id: "edge-1",
        xds_port: mainsheet.grpc_port,
        api: Api { variant, services: Services::Aggregated },
    };
    let mut envoy = Envoy::start(tools, dir.path(), bootstrap)?;
    envoy.wait_answer(port, "any", 200, "one").await?;

    let traffic = Traffic::start(port);
    let mut times = Vec::new();
    for index in 1..=MOVES {
        let (name, backend) = if index % 2 == 0 { ("one", one) } else { ("two", two) };
        // One file is one push: the old cluster goes, the new one comes, and the route moves.
        mainsheet.write("all.yaml", &pushed(index, backend, ""))?;
        times.push(envoy.wait_answer(port, "any", 200, name).await?);
    }
    // A parent that changes while its children do not has to be warmed all the same.
    let updates = envoy.stat("cluster_manager.cds.update_success").await?;
    mainsheet.write("all.yaml", &pushed(MOVES, one, "lb_policy: LEAST_REQUEST\n"))?;
    wait_for("Envoy to take the changed cluster", PATIENCE, async || {
        Ok((envoy.stat("cluster_manager.cds.update_success").await? > updates).then_some(()))
    })
    .await?;
    // Nothing is left over, and nothing waits for endpoints.
    wait_for("Envoy to hold one cluster beside the server", PATIENCE, async || {
        let active = envoy.stat("cluster_manager.active_clusters").await?;
        let warming = envoy.stat("cluster_manager.warming_clusters").await?;
        Ok((active == 2 && warming == 0).then_some(()))
    })
    .await?;
    envoy.wait_answer(port, "any", 200, "one").await?;
    let (answered, failed) = traffic.stop().await?;
    envoy.expect_no_rejection().await?;
    let first = failed.first().map_or("", String::as_str);
    ensure!(failed.is_empty(), "{} of {answered} requests failed: {first}", failed.len());
    Ok(vec![
        format!("{MOVES} renames, {answered} requests, 0 failed"),
        format!("rename to live HTTP answer, {}", summary(times)),
    ])
}

/// Where Envoy gets endpoints and routes.
fn ads() -> Value {
    json!({"ads": {}, "resource_api_version": "V3"})
}

/// One cluster under a name of its own, its endpoints, and the route to it.
fn pushed(index: usize, backend: u16, more: &str) -> String {
    let name = format!("cluster-{index}");
    let cluster = cluster(&name, backend, &ads()).replacen("type: EDS\n", &format!("type: EDS\n{more}"), 1);
    format!("{cluster}---\n{}", routes(&name))
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
    async fn stop(mut self) -> Result<(u64, Vec<String>)> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut failed = Vec::new();
        while let Some(of_client) = self.clients.join_next().await {
            failed.extend(of_client?);
        }
        let answered = self.answered.load(Ordering::Relaxed);
        ensure!(answered > MOVES as u64, "only {answered} requests: no traffic to speak of");
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
