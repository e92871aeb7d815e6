//! A stream on which nothing is said for minutes.

use std::time::Duration;

use anyhow::{Result, ensure};
use mainsheet_bench::{
    mainsheet::Mainsheet,
    process::{now, wait_for},
};
use tempfile::TempDir;

use super::{
    Notes,
    sink::{direct_response, wait_held_status},
};
use crate::{
    pair::{Pair, copy_examples},
    tap::Tap,
    tools::Tools,
};

const IDLE: Duration = Duration::from_secs(180);

/// istiod pings every 30 s. gRPC servers of Go close a connection at the fifth ping of an idle client by default.
const PINGS: usize = 5;

pub(crate) async fn stays_connected(tools: &Tools) -> Result<Notes> {
    let dir = TempDir::new()?;
    let mut mainsheet = Mainsheet::prepare(&tools.mainsheet, dir.path())?;
    copy_examples(&mainsheet.documents)?;
    mainsheet.start()?;
    mainsheet.wait_ready().await?;
    let tap = Tap::start(mainsheet.grpc_port).await?;
    let mut pair = Pair::join(tools, dir, mainsheet, tap.port).await?;
    pair.wait_same().await?;

    let (start, pings, received) = (now(), tap.pings(), pair.istiod.received());
    wait_for("three minutes and the pings of an idle client", 2 * IDLE, async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        pair.istiod.process.expect_alive()?;
        Ok((start.elapsed() >= IDLE && tap.pings() - pings >= PINGS).then_some(()))
    })
    .await?;
    let (idle, pings) = (start.elapsed(), tap.pings() - pings);
    let istiod = &pair.istiod;
    ensure!(istiod.received() == received, "istiod was sent something: {}", istiod.process.output());

    let teapot = direct_response("teapot", "teapot.example.com", 418, "tea");
    pair.mainsheet.write("teapot.yaml", &teapot)?;
    let took = wait_held_status(istiod, "teapot", Some(418)).await?;
    pair.wait_same().await?;
    ensure!(istiod.received() == received + 1, "an edit is not one response: {}", istiod.process.output());
    ensure!(tap.connections() == 1, "{} connections", tap.connections());
    ensure!(istiod.logged(&["connection closed"]) == 0, "{}", istiod.process.output());
    Ok(vec![format!(
        "{} s, {pings} pings, then an edit in configz after {} ms",
        idle.as_secs(),
        took.as_millis()
    )])
}
