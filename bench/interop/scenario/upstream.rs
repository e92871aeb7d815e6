//! Servers that follow servers: an istiod's own MCP server before mainsheet, and a mainsheet before another.

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use mainsheet_bench::{mainsheet::Mainsheet, process::wait_for};
use tempfile::TempDir;

use super::{Notes, sink::direct_response, summary};
use crate::{
    istiod::{Istiod, Source},
    pair::copy_examples,
    tools::Tools,
};

/// Two istiods and a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// istiod reads files, mainsheet follows istiod, and another istiod follows mainsheet.
pub(crate) async fn istiod_feeds_istiod(tools: &Tools) -> Result<Notes> {
    let dirs = [TempDir::new()?, TempDir::new()?, TempDir::new()?];
    let files = dirs[0].path().join("files");
    copy_examples(&files)?;
    let mut first = Istiod::start_on(tools, dirs[0].path(), &Source::Files(files.clone())).await?;
    first.wait_ready().await?;
    let mut mainsheet = Mainsheet::prepare(&tools.mainsheet, dirs[1].path())?;
    mainsheet.settings =
        format!("upstreams: [{{address: \"127.0.0.1:{}\", variant: sotw}}]\n", first.grpc_port);
    mainsheet.start()?;
    mainsheet.wait_ready().await?;
    let mut last = Istiod::start(tools, dirs[2].path(), mainsheet.grpc_port).await?;
    last.wait_ready().await?;
    let same = || wait_same(&first, &mainsheet, &last);
    same().await?;
    let mut times = Vec::new();
    for status in 419..424 {
        write_at_once(&files.join("edited.yaml"), &direct_response("edited", "edited.example", status, "x"))?;
        let held = wait_for("the last istiod to hold the edit", PATIENCE, async || {
            let held = super::sink::held_status(&last, "edited").await?;
            Ok((held == Some(u64::from(status))).then_some(()))
        });
        times.push(held.await?.1);
    }
    std::fs::remove_file(files.join("edited.yaml"))?;
    same().await?;
    let count = last.held().await?.len();
    Ok(vec![format!("{count} resources; file of one istiod to the other istiod, {}", summary(times))])
}

/// A mainsheet reads files, another follows it, and an istiod follows that one.
pub(crate) async fn chain_ends_in_istiod(tools: &Tools) -> Result<Notes> {
    let dirs = [TempDir::new()?, TempDir::new()?, TempDir::new()?];
    let mut hub = Mainsheet::prepare(&tools.mainsheet, dirs[0].path())?;
    copy_examples(&hub.documents)?;
    hub.start()?;
    let mut relay = Mainsheet::prepare(&tools.mainsheet, dirs[1].path())?;
    relay.settings = format!("upstreams: [\"xds://127.0.0.1:{}\"]\n", hub.grpc_port);
    relay.start()?;
    relay.wait_ready().await?;
    let mut istiod = Istiod::start(tools, dirs[2].path(), relay.grpc_port).await?;
    istiod.wait_ready().await?;
    wait_served(&hub, &istiod).await?;
    hub.write("edited.yaml", &direct_response("edited", "edited.example", 418, "x"))?;
    let edit = super::sink::wait_held_status(&istiod, "edited", Some(418)).await?;
    wait_served(&hub, &istiod).await?;
    hub.kill();
    relay.kill();
    relay.start()?;
    relay.wait_ready().await?;
    ensure!(
        istiod.held().await?.len() == relay.serves().await?.len(),
        "a relay without its hub serves something else"
    );
    hub.start()?;
    hub.wait_ready().await?;
    hub.remove("edited.yaml")?;
    super::sink::wait_held_status(&istiod, "edited", None).await?;
    wait_served(&hub, &istiod).await?;
    let count = istiod.held().await?.len();
    Ok(vec![format!("{count} resources at the same versions; hub's file to istiod, {} ms", edit.as_millis())])
}

/// Waits until istiod holds what the hub serves, at the same versions.
async fn wait_served(hub: &Mainsheet, istiod: &Istiod) -> Result<()> {
    let same = wait_for("istiod to hold what the hub serves", PATIENCE, async || {
        Ok((hub.serves().await? == istiod.held().await?).then_some(()))
    });
    same.await.map(drop)
}

/// Waits until both istiods hold what mainsheet serves. Versions are mainsheet's own: an istiod gives none to files.
async fn wait_same(first: &Istiod, mainsheet: &Mainsheet, last: &Istiod) -> Result<()> {
    let specs = |held: mainsheet_bench::configz::Configz| {
        held.into_iter().map(|(key, (_, spec))| (key, spec)).collect::<std::collections::BTreeMap<_, _>>()
    };
    let same = wait_for("both istiods to hold the same", PATIENCE, async || {
        let (one, other) = (first.held().await?, last.held().await?);
        let is_served = mainsheet.serves().await? == other;
        Ok((is_served && !one.is_empty() && specs(one) == specs(other)).then_some(()))
    });
    same.await.map(drop)
}

/// istiod reads what it finds at any moment.
fn write_at_once(path: &Path, text: &str) -> Result<()> {
    let beside = path.with_extension("tmp");
    std::fs::write(&beside, text)?;
    Ok(std::fs::rename(beside, path)?)
}
