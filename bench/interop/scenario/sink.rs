//! istiod as a sink: what it holds, compared with what is served.

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use tempfile::TempDir;

use super::{Notes, median, summary};
use crate::{istiod::Istiod, tools::Tools};
use mainsheet_bench::{
    mainsheet::Mainsheet,
    process::{stays, wait_for},
};

/// "Follows an edit of a file within half a second."
const EDIT_MAX: Duration = Duration::from_millis(500);

/// Copies the example mesh to where the server reads.
fn copy_examples(to: &Path) -> Result<()> {
    fn copy(from: &Path, to: &Path) -> Result<()> {
        std::fs::create_dir_all(to)?;
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            let to = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                copy(&entry.path(), &to)?;
            } else {
                std::fs::copy(entry.path(), &to)?;
            }
        }
        Ok(())
    }
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/examples"), to)
}

/// A VirtualService that answers by itself.
pub(crate) fn direct_response(name: &str, host: &str, status: u16, body: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: {name}\n  namespace: shop\n\
         spec:\n  hosts: [{host}]\n  http:\n  - directResponse:\n      status: {status}\n      body:\n        string: {body}\n"
    )
}

/// Waits until istiod holds exactly what mainsheet serves: the same resources, at the same versions, with the same specs.
async fn wait_same(mainsheet: &Mainsheet, istiod: &Istiod) -> Result<Duration> {
    let same = wait_for("istiod to hold what is served", Duration::from_secs(10), async || {
        Ok((mainsheet.serves().await? == istiod.held().await?).then_some(()))
    })
    .await;
    match same {
        Ok(((), took)) => Ok(took),
        Err(error) => {
            let (served, held) = (mainsheet.serves().await?, istiod.held().await?);
            for (key, value) in &served {
                ensure!(held.contains_key(key), "istiod lacks {key:?}");
                ensure!(held.get(key) == Some(value), "{key:?}: served {value:?}, held {:?}", held.get(key));
            }
            Err(error)
        }
    }
}

async fn start(tools: &Tools, dir: &Path) -> Result<(Mainsheet, Istiod, Duration)> {
    let mut mainsheet = Mainsheet::prepare(&tools.mainsheet, dir)?;
    copy_examples(&mainsheet.documents)?;
    mainsheet.start()?;
    mainsheet.wait_ready().await?;
    let mut istiod = Istiod::start(tools, dir, mainsheet.grpc_port).await?;
    let ready = istiod.wait_ready().await?;
    Ok((mainsheet, istiod, ready))
}

pub(crate) async fn holds_exactly_what_was_served(tools: &Tools) -> Result<Notes> {
    let dir = TempDir::new()?;
    let (mainsheet, istiod, ready) = start(tools, dir.path()).await?;
    wait_same(&mainsheet, &istiod).await?;
    let served = mainsheet.serves().await?;
    ensure!(served.len() >= 15, "the example mesh is too small to prove anything: {}", served.len());
    ensure!(served.values().all(|(version, _)| version.len() == 32), "a version is not a digest: {served:?}");
    Ok(vec![format!("{} resources, istiod ready after {} ms", served.len(), ready.as_millis())])
}

pub(crate) async fn follows_edits(tools: &Tools) -> Result<Notes> {
    let dir = TempDir::new()?;
    let (mainsheet, istiod, _) = start(tools, dir.path()).await?;
    wait_same(&mainsheet, &istiod).await?;
    let key = ("VirtualService".to_owned(), "shop/teapot".to_owned());
    let mut times = Vec::new();
    for status in 418..423 {
        mainsheet.write("teapot.yaml", &direct_response("teapot", "teapot.example.com", status, "tea"))?;
        let wanted = serde_json::json!(status);
        let (_, took) = wait_for("istiod to hold the edit", Duration::from_secs(10), async || {
            let held = istiod.held().await?;
            let spec = held.get(&key).map(|(_, spec)| spec["http"][0]["directResponse"]["status"].clone());
            Ok((spec.as_ref() == Some(&wanted)).then_some(()))
        })
        .await?;
        times.push(took);
    }
    wait_same(&mainsheet, &istiod).await?;
    times.sort();
    ensure!(median(&times) < EDIT_MAX, "an edit took {}", summary(times));

    // A resource that istiod would drop, and a good one in the same file.
    let bad = direct_response("teapot", "teapot.example.com", 429, "tea")
        .replace("hosts: [teapot.example.com]", "hosts: []\n  gateways: [x]");
    let good = direct_response("kettle", "kettle.example.com", 200, "on");
    mainsheet.write("teapot.yaml", &format!("{bad}---\n{good}"))?;
    let kettle = ("VirtualService".to_owned(), "shop/kettle".to_owned());
    wait_for("the rest of the file to be taken", Duration::from_secs(10), async || {
        Ok(istiod.held().await?.get(&kettle).cloned())
    })
    .await?;
    let held = istiod.held().await?;
    let last_good = held.get(&key).map(|(_, spec)| spec["http"][0]["directResponse"]["status"].clone());
    ensure!(
        last_good == Some(422.into()),
        "the rejected resource's last good version is not held: {last_good:?}"
    );
    wait_same(&mainsheet, &istiod).await?;

    mainsheet.remove("teapot.yaml")?;
    wait_for("istiod to drop what was deleted", Duration::from_secs(10), async || {
        let held = istiod.held().await?;
        Ok((!held.contains_key(&key) && !held.contains_key(&kettle)).then_some(()))
    })
    .await?;
    wait_same(&mainsheet, &istiod).await?;
    Ok(vec![format!("file edit to istiod's configz, {}", summary(times))])
}

pub(crate) async fn keeps_over_a_restart(tools: &Tools) -> Result<Notes> {
    let dir = TempDir::new()?;
    let (mut mainsheet, istiod, _) = start(tools, dir.path()).await?;
    wait_same(&mainsheet, &istiod).await?;
    let before = istiod.held().await?;
    mainsheet.kill();
    stays("istiod holds everything while the server is away", Duration::from_secs(1), async || {
        Ok(istiod.is_ready().await && istiod.held().await? == before)
    })
    .await?;
    // An edit while nobody watches, and the same store.
    mainsheet.write("while-away.yaml", &direct_response("away", "away.example.com", 200, "back"))?;
    mainsheet.start()?;
    mainsheet.wait_ready().await?;
    let key = ("VirtualService".to_owned(), "shop/away".to_owned());
    let mut lost = false;
    let (_, took) = wait_for("istiod to hold the edit", Duration::from_secs(70), async || {
        let held = istiod.held().await?;
        lost |= before.iter().any(|(key, value)| held.get(key) != Some(value));
        Ok(held.get(&key).cloned())
    })
    .await?;
    ensure!(!lost, "something that did not change was lost or versioned anew on the way");
    wait_same(&mainsheet, &istiod).await?;
    Ok(vec![format!("reconnected and in sync {} ms after the server was ready", took.as_millis())])
}

pub(crate) async fn waits_for_a_server_that_is_not_ready(tools: &Tools) -> Result<Notes> {
    let dir = TempDir::new()?;
    let mut mainsheet = Mainsheet::prepare(&tools.mainsheet, dir.path())?;
    // The folder is not mounted yet.
    std::fs::remove_dir(&mainsheet.documents)?;
    mainsheet.start()?;
    wait_for("mainsheet to listen", Duration::from_secs(10), async || {
        Ok(mainsheet_bench::http::get(mainsheet.http_port, "localhost", "/healthz/live").await.ok())
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
    wait_same(&mainsheet, &istiod).await?;
    Ok(vec![format!("istiod ready {} ms after the server", ready.as_millis())])
}
