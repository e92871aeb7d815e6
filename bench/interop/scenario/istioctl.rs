//! istioctl on mainsheet itself: how its sinks stand, which versions there are, what the debug endpoints show.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use mainsheet_bench::{http, mainsheet::Mainsheet, process::wait_for};
use serde_json::Value;
use tempfile::TempDir;

use super::{Notes, sink::direct_response};
use crate::{
    raw_sink::{RawSink, Reaction},
    tools::Tools,
};

const VIRTUAL_SERVICE: &str = "networking.istio.io/v1/VirtualService";
const DESTINATION_RULE: &str = "networking.istio.io/v1/DestinationRule";

/// What the sink that refuses says.
const REASON: &str = "reviews: no such host";

/// istioctl without a cluster.
struct Istioctl {
    program: PathBuf,
    home: PathBuf,
    xds: String,
}

impl Istioctl {
    fn new(tools: &Tools, home: &Path, port: u16) -> Self {
        let xds = format!("127.0.0.1:{port}");
        Self { program: tools.program("istioctl"), home: home.to_owned(), xds }
    }

    /// Runs a command against the server; its exit code, output and errors.
    fn run(&self, arguments: &[&str]) -> Result<(bool, String, String)> {
        let mut command = Command::new(&self.program);
        command.args(arguments).args(["--xds-address", &self.xds, "--plaintext"]);
        let ended = command.env_remove("KUBECONFIG").env("HOME", &self.home).output()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok((ended.status.success(), text(ended.stdout), text(ended.stderr)))
    }

    fn prints(&self, arguments: &[&str]) -> Result<String> {
        let (is_done, output, errors) = self.run(arguments)?;
        ensure!(is_done, "istioctl {} failed: {output}{errors}", arguments.join(" "));
        Ok(output)
    }

    fn prints_json(&self, arguments: &[&str]) -> Result<Value> {
        let output = self.prints(arguments)?;
        serde_json::from_str(&output).with_context(|| format!("no JSON: {output}"))
    }
}

/// A table's rows by its first column, each cell by its column's title.
fn rows(table: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let cells = |line: &str| -> Vec<String> {
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    };
    let mut lines = table.lines().map(cells);
    let titles = lines.next().unwrap_or_default();
    let row = |cells: Vec<String>| {
        let name = cells.first().cloned().unwrap_or_default();
        (name, titles.iter().cloned().zip(cells).collect())
    };
    lines.map(row).collect()
}

/// A node id as istiod's are, and where it is.
fn id(name: &str) -> String {
    format!("sidecar~10.0.0.9~{name}.istio-system~istio-system.svc.cluster.local")
}

/// One that is in sync, one that is behind, one that refused.
async fn three_sinks(port: u16) -> Result<Vec<RawSink>> {
    let all = [
        ("istiod-a", "edge-1", Reaction::Take),
        ("istiod-b", "edge-2", Reaction::Ignore),
        ("istiod-c", "edge-3", Reaction::Refuse(REASON)),
    ];
    let mut sinks = Vec::new();
    for (name, cluster, reaction) in all {
        let namespace = if name == "istiod-c" { "other" } else { "istio-system" };
        let metadata = [("CLUSTER_ID", cluster), ("ISTIO_VERSION", "1.31.0"), ("NAMESPACE", namespace)];
        let mut sink = RawSink::connect(port, &id(name), &metadata).await?;
        sink.subscribe(DESTINATION_RULE, Reaction::Take).await?;
        sink.subscribe(VIRTUAL_SERVICE, reaction).await?;
        sinks.push(sink);
    }
    Ok(sinks)
}

/// Waits until the server has read what the sinks answered.
async fn wait_answered(mainsheet: &Mainsheet) -> Result<()> {
    let answered = wait_for("the sinks' answers to be read", Duration::from_secs(10), async || {
        let all = http::get(mainsheet.http_port, "localhost", "/debug/syncz").await?.body;
        let count = |status: &str| all.matches(&format!("\"{status}\"")).count();
        Ok((count("SYNCED") == 4 && count("STALE") == 1 && count("ERROR") == 1).then_some(()))
    });
    answered.await.map(|_| ())
}

pub(crate) async fn shows_sinks(tools: &Tools) -> Result<Notes> {
    let dir = TempDir::new()?;
    let mut mainsheet = Mainsheet::prepare(&tools.mainsheet, dir.path())?;
    mainsheet.write("reviews.yaml", &direct_response("reviews", "reviews.example.com", 200, "ok"))?;
    mainsheet.start()?;
    mainsheet.wait_ready().await?;
    let _sinks = three_sinks(mainsheet.grpc_port).await?;
    wait_answered(&mainsheet).await?;
    let istioctl = Istioctl::new(tools, dir.path(), mainsheet.grpc_port);
    let notes = proxy_status(&istioctl)?;
    machine_readable(&istioctl)?;
    version(&istioctl)?;
    internal_debug(&istioctl)?;
    config_dump(&istioctl, dir.path())?;
    Ok(notes)
}

fn proxy_status(istioctl: &Istioctl) -> Result<Notes> {
    let table = istioctl.prints(&["proxy-status", "--revision", "default"])?;
    let listed = rows(&table);
    ensure!(listed.len() == 3, "not three sinks:\n{table}");
    for (name, cluster) in [("istiod-a", "edge-1"), ("istiod-b", "edge-2"), ("istiod-c", "edge-3")] {
        let row = listed.get(&id(name)).with_context(|| format!("{name} is not in:\n{table}"))?;
        ensure!(row["CLUSTER"] == cluster && row["VERSION"] == "1.31.0", "{name}: {row:?}");
        ensure!(!row["ISTIOD"].is_empty(), "the server has no name: {row:?}");
        ensure!(row["SUBSCRIBED TYPES"].starts_with("2 ("), "{name}: {row:?}");
    }
    let verbose = istioctl.prints(&["proxy-status", "-v", "1", "--revision", "default"])?;
    let stands = rows(&verbose);
    for (name, wanted) in [("istiod-a", "SYNCED ("), ("istiod-b", "STALE ("), ("istiod-c", "ERROR (")] {
        let row = stands.get(&id(name)).with_context(|| format!("{name} is not in:\n{verbose}"))?;
        for (kind, wanted) in [("VirtualService", wanted), ("DestinationRule", "SYNCED (")] {
            let cell = row.iter().find(|(title, _)| title.contains(kind)).map(|(_, cell)| cell.as_str());
            ensure!(
                cell.is_some_and(|cell| cell.starts_with(wanted)),
                "{name}, {kind}: {cell:?}, not `{wanted}`:\n{verbose}"
            );
        }
    }
    let narrowed = rows(&istioctl.prints(&["proxy-status", "-n", "other", "--revision", "default"])?);
    ensure!(narrowed.len() == 1 && narrowed.contains_key(&id("istiod-c")), "-n other shows {narrowed:?}");
    Ok(verbose.lines().map(str::to_owned).collect())
}

fn machine_readable(istioctl: &Istioctl) -> Result<()> {
    let answer = istioctl.prints_json(&["proxy-status", "-o", "json", "--revision", "default"])?;
    let sinks = answer["resources"].as_array().context("no resources")?;
    ensure!(sinks.len() == 3, "not three sinks: {answer:#}");
    let refused = sinks.iter().find(|sink| sink["node"]["id"] == id("istiod-c").as_str());
    let configs = refused.and_then(|sink| sink["genericXdsConfigs"].as_array()).context("no types")?;
    let config = configs.iter().find(|config| config["typeUrl"] == VIRTUAL_SERVICE).context("no type")?;
    let details = config["errorState"]["details"].as_str().unwrap_or_default();
    ensure!(config["configStatus"] == "ERROR" && details.ends_with(REASON), "{config:#}");
    ensure!(details.starts_with("shop/reviews is pinned: "), "{config:#}");
    let synced = configs.iter().find(|config| config["typeUrl"] == DESTINATION_RULE).context("no type")?;
    ensure!(synced["versionInfo"].as_str().is_some_and(|version| !version.is_empty()), "{synced:#}");
    Ok(())
}

fn version(istioctl: &Istioctl) -> Result<()> {
    let printed = istioctl.prints(&["x", "version"])?;
    let control_plane = format!("control plane version: {}", env!("CARGO_PKG_VERSION"));
    for wanted in [control_plane.as_str(), "data plane version: 1.31.0 (3 proxies)"] {
        ensure!(printed.contains(wanted), "no `{wanted}` in:\n{printed}");
    }
    Ok(())
}

fn internal_debug(istioctl: &Istioctl) -> Result<()> {
    let ask = |page: &str| istioctl.prints(&["x", "internal-debug", page, "--revision", "default"]);
    for page in ["list", "there-is-no-such-page"] {
        let listed = ask(page)?;
        ensure!(listed.contains("/debug/syncz"), "`{page}` does not list the endpoints:\n{listed}");
    }
    let syncz = ask("syncz")?;
    ensure!(syncz.contains(REASON) && syncz.contains("istiod-b"), "syncz does not show the sinks:\n{syncz}");
    let configz = ask("configz?kind=VirtualService")?;
    ensure!(configz.contains("reviews.example.com"), "configz does not show the resource:\n{configz}");
    Ok(())
}

/// What is not served is refused with a reason that reaches the user.
fn config_dump(istioctl: &Istioctl, dir: &Path) -> Result<()> {
    let file = dir.join("dump.json");
    std::fs::write(&file, "{\"configs\": []}")?;
    let file = file.to_string_lossy();
    let arguments = ["proxy-status", "reviews-1.shop", "--file", &file, "--revision", "default"];
    let (is_done, output, errors) = istioctl.run(&arguments)?;
    let said = format!("{output}{errors}");
    ensure!(!is_done && said.contains("no proxy's configuration is dumped here"), "it says: {said}");
    Ok(())
}
