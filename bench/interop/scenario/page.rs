//! The pages for operators, run as they stand but for ports.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use mainsheet_bench::{
    http,
    mainsheet::Mainsheet,
    process::{Process, free_port, wait_for},
};
use tempfile::TempDir;

use super::Notes;
use crate::{
    envoy::Envoy,
    istiod::Istiod,
    page::{ENVOY, ISTIOD, block},
    pair::copy_examples,
    tools::Tools,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Its mesh config is what every istiod here starts with; this is about the commands.
pub(crate) async fn of_istiod(tools: &Tools) -> Result<Notes> {
    let dir = TempDir::new()?;
    let mesh = dir.path().join("mesh");
    copy_examples(&mesh)?;
    std::fs::remove_dir_all(mesh.join("envoy"))?;
    let (xds_port, http_port) = (free_port()?, free_port()?);
    let here =
        |text: &str| text.replace("15110", &xds_port.to_string()).replace("15114", &http_port.to_string());
    let _mainsheet = serve(tools, dir.path(), &here(block(ISTIOD, "## Point istiod at it", "sh")?))?;
    wait_for("mainsheet to be ready", PATIENCE, async || {
        let answer = http::get(http_port, "localhost", "/healthz/ready").await.ok();
        Ok(answer.filter(|answer| answer.status == 200))
    })
    .await?;
    let mut istiod = Istiod::start(tools, dir.path(), xds_port).await?;
    istiod.wait_ready().await?;

    let status = bash(tools, dir.path(), &here(block(ISTIOD, "## What it holds", "sh")?))?;
    ensure!(status.contains("istiod-b.istio-system") && status.contains("SYNCED"), "{status}");
    let compare = here(block(ISTIOD, "## What it holds", "bash")?);
    let compare = compare.replace("8080", &istiod.http_port.to_string());
    let differences = bash(tools, dir.path(), &compare)?;
    ensure!(differences.is_empty(), "they differ: {differences}");
    let with_nobody = compare.replace(&http_port.to_string(), &free_port()?.to_string());
    let all = bash(tools, dir.path(), &format!("{with_nobody}; true"))?;
    let all = all.lines().filter(|line| line.starts_with('>')).count();
    ensure!(all >= 15, "what is compared is not there: {all} lines");
    Ok(vec![format!("{all} versions compared")])
}

/// `mainsheet serve ...`, as a shell would start it.
fn serve(tools: &Tools, dir: &Path, command: &str) -> Result<Process> {
    let mut words = command.split_whitespace();
    ensure!(words.next() == Some("mainsheet"), "`{command}` is another command");
    Process::start("mainsheet", Command::new(&tools.mainsheet).args(words).current_dir(dir), dir)
}

fn bash(tools: &Tools, dir: &Path, script: &str) -> Result<String> {
    let program = tools.program("istioctl");
    let bin = program.parent().context("a program is in a folder")?.to_string_lossy().into_owned();
    let path = std::env::var("PATH")?;
    let mut command = Command::new("bash");
    command
        .args(["-c", script])
        .env("PATH", format!("{bin}:{path}"))
        .env("HOME", dir)
        .env_remove("KUBECONFIG");
    let ended = command.output()?;
    let output = String::from_utf8_lossy(&ended.stdout).into_owned();
    ensure!(ended.status.success(), "{script}\n{output}{}", String::from_utf8_lossy(&ended.stderr));
    Ok(output)
}

/// The heading of a bootstrap's second half, whether it is delta, and how resources name their source then.
const BOOTSTRAPS: [(&str, &str, &str); 3] = [
    ("## One stream for all types (ADS)", "DELTA_GRPC", "ads: {}"),
    ("## One stream for all types (ADS)", "GRPC", "ads: {}"),
    ("## A stream for each type", "DELTA_GRPC", SINGLE),
];

const SINGLE: &str = "api_config_source: {api_type: DELTA_GRPC, transport_api_version: V3, \
                      grpc_services: [{envoy_grpc: {cluster_name: mainsheet}}]}";

pub(crate) async fn of_envoy(tools: &Tools) -> Result<Notes> {
    let mut notes = Vec::new();
    for (heading, variant, source) in BOOTSTRAPS {
        let dir = TempDir::new()?;
        let (port, admin_port) = (free_port()?, free_port()?);
        let mut mainsheet = Mainsheet::prepare(&tools.mainsheet, dir.path())?;
        mainsheet.write("edge.yaml", &edge(port, source)?)?;
        mainsheet.start()?;
        mainsheet.wait_ready().await?;
        let bootstrap =
            format!("{}\n{}\n", block(ENVOY, "## Bootstrap", "yaml")?, block(ENVOY, heading, "yaml")?)
                .replace("DELTA_GRPC", variant)
                .replace("15010", &mainsheet.grpc_port.to_string())
                .replace("9901", &admin_port.to_string());
        let mut envoy = Envoy::start_with(tools, dir.path(), &bootstrap, admin_port)?;
        let took = envoy.wait_answer(port, "any", 200, "the edge is configured\n").await?;
        envoy.expect_no_rejection().await?;
        notes.push(format!("{}, {variant}: answers after {} ms", &heading[3..], took.as_millis()));
    }
    Ok(notes)
}

/// The example of an edge, with the page's routes in place of its own, on another port and at another path.
fn edge(port: u16, source: &str) -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/examples/envoy/edge.yaml");
    let text = std::fs::read_to_string(file)?;
    let mut documents: Vec<_> = text.split("\n---\n").collect();
    let routes =
        documents.iter().position(|one| one.contains("RouteConfiguration\n")).context("no routes")?;
    documents[routes] = block(ENVOY, "## Files", "yaml")?;
    let text = documents.join("\n---\n").replace("10000", &port.to_string()).replace("/status", "/");
    Ok(text.replace("ads: {}", source))
}
