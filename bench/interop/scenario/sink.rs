//! istiod as a sink: what it holds, compared with what is served.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mainsheet_bench::{
    http,
    mainsheet::Mainsheet,
    process::{stays, wait_for},
};
use tempfile::TempDir;

use super::{Notes, median, summary};
use crate::{
    istiod::Istiod,
    pair::{Pair, copy_examples},
    tools::Tools,
};

/// "Follows an edit of a file within half a second."
const EDIT_MAX: Duration = Duration::from_millis(500);

/// A debug build on a busy machine takes in 20 MB.
const PATIENCE: Duration = Duration::from_secs(120);

/// A VirtualService that answers by itself.
pub(crate) fn direct_response(name: &str, host: &str, status: u16, body: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: {name}\n  namespace: shop\n\
         spec:\n  hosts: [{host}]\n  http:\n  - directResponse:\n      status: {status}\n      body:\n        string: {body}\n"
    )
}

/// The status that istiod holds for such a VirtualService.
pub(super) async fn held_status(istiod: &Istiod, name: &str) -> Result<Option<u64>> {
    let held = istiod.held().await?;
    let spec = held.get(&("VirtualService".to_owned(), format!("shop/{name}")));
    Ok(spec.and_then(|(_, spec)| spec["http"][0]["directResponse"]["status"].as_u64()))
}

/// Waits until istiod holds that status; `None` is without the VirtualService.
pub(super) async fn wait_held_status(istiod: &Istiod, name: &str, status: Option<u64>) -> Result<Duration> {
    let held = wait_for("istiod to hold the edit", PATIENCE, async || {
        Ok((held_status(istiod, name).await? == status).then_some(()))
    });
    Ok(held.await?.1)
}

pub(crate) async fn holds_exactly_what_was_served(tools: &Tools) -> Result<Notes> {
    let pair = Pair::of_examples(tools).await?;
    pair.wait_same().await?;
    let served = pair.mainsheet.serves().await?;
    ensure!(served.len() >= 15, "the example mesh is too small to prove anything: {}", served.len());
    ensure!(served.values().all(|(version, _)| version.len() == 32), "a version is not a digest: {served:?}");
    Ok(vec![format!("{} resources, istiod ready after {} ms", served.len(), pair.ready.as_millis())])
}

pub(crate) async fn follows_edits(tools: &Tools) -> Result<Notes> {
    let pair = Pair::of_examples(tools).await?;
    pair.wait_same().await?;
    let (mainsheet, istiod) = (&pair.mainsheet, &pair.istiod);
    let mut times = Vec::new();
    for status in 418..423 {
        mainsheet.write("teapot.yaml", &direct_response("teapot", "teapot.example.com", status, "tea"))?;
        times.push(wait_held_status(istiod, "teapot", Some(status.into())).await?);
    }
    pair.wait_same().await?;
    times.sort();
    ensure!(median(&times) < EDIT_MAX, "an edit took {}", summary(times));

    // A resource that istiod would drop, and a good one in the same file.
    let bad = direct_response("teapot", "teapot.example.com", 429, "tea")
        .replace("hosts: [teapot.example.com]", "hosts: []\n  gateways: [x]");
    let good = direct_response("kettle", "kettle.example.com", 200, "on");
    mainsheet.write("teapot.yaml", &format!("{bad}---\n{good}"))?;
    wait_held_status(istiod, "kettle", Some(200)).await?;
    let last_good = held_status(istiod, "teapot").await?;
    ensure!(last_good == Some(422), "the rejected resource's last good version is not held: {last_good:?}");
    pair.wait_same().await?;
    let verdicts = http::get(mainsheet.http_port, "localhost", "/debug/verdicts").await?.body;
    ensure!(verdicts.contains("teapot"), "the rejection is not told: {verdicts}");

    mainsheet.remove("teapot.yaml")?;
    wait_held_status(istiod, "teapot", None).await?;
    wait_held_status(istiod, "kettle", None).await?;
    pair.wait_same().await?;
    pair.expect_nothing_dropped()?;
    Ok(vec![format!("file edit to istiod's configz, {}", summary(times))])
}

pub(crate) async fn waits_for_a_server_that_is_not_ready(tools: &Tools) -> Result<Notes> {
    let dir = TempDir::new()?;
    let mut mainsheet = Mainsheet::prepare(&tools.mainsheet, dir.path())?;
    // The folder is not mounted yet.
    std::fs::remove_dir(&mainsheet.documents)?;
    mainsheet.start()?;
    wait_for("mainsheet to listen", PATIENCE, async || {
        Ok(http::get(mainsheet.http_port, "localhost", "/healthz/live").await.ok())
    })
    .await?;
    let mut istiod = Istiod::start(tools, dir.path(), mainsheet.grpc_port).await?;
    stays("istiod is up and waits", Duration::from_secs(3), async || {
        istiod.process.expect_alive()?;
        Ok(!istiod.is_ready().await)
    })
    .await?;
    copy_examples(&mainsheet.documents)?;
    mainsheet.wait_ready().await?;
    let ready = istiod.wait_ready().await?;
    let held = istiod.held().await?;
    ensure!(held == mainsheet.serves().await?, "istiod is ready with {} resources", held.len());
    Ok(vec![format!("istiod ready {} ms after the server", ready.as_millis())])
}

/// istiod exits where nothing listens at its start: why a server that is not ready listens and refuses streams.
pub(crate) async fn exits_without_a_server(tools: &Tools) -> Result<Notes> {
    let dir = TempDir::new()?;
    let port = mainsheet_bench::process::free_port()?;
    let mut istiod = Istiod::start(tools, dir.path(), port).await?;
    let (error, took) =
        wait_for("istiod to exit", PATIENCE, async || Ok(istiod.process.expect_alive().err()))
            .await
            .context("istiod lives without a server")?;
    let said = error.to_string();
    ensure!(said.contains("connection refused"), "istiod ended otherwise: {said}");
    Ok(vec![format!("after {} ms", took.as_millis())])
}
