//! A mainsheet and an istiod that takes its configuration from it.

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use mainsheet_bench::{configz::Configz, mainsheet::Mainsheet, metrics::metric, process::wait_for};
use tempfile::TempDir;

use crate::{istiod::Istiod, tools::Tools};

/// How long the two may take to agree: a busy machine has to move 20 MB.
const PATIENCE: Duration = Duration::from_secs(120);

/// Both, and the folder in which they work.
pub(crate) struct Pair {
    /// The server.
    pub(crate) mainsheet: Mainsheet,
    /// The sink.
    pub(crate) istiod: Istiod,
    /// How long istiod took to be ready.
    pub(crate) ready: Duration,
    _dir: TempDir,
}

impl Pair {
    /// Starts both on the example mesh, and waits until they are ready.
    pub(crate) async fn of_examples(tools: &Tools) -> Result<Self> {
        Self::start(tools, |mainsheet| copy_examples(&mainsheet.documents)).await
    }

    /// Starts both on the documents that `write` makes, and waits until they are ready.
    pub(crate) async fn start(tools: &Tools, write: impl FnOnce(&Mainsheet) -> Result<()>) -> Result<Self> {
        let dir = TempDir::new()?;
        let mut mainsheet = Mainsheet::prepare(&tools.mainsheet, dir.path())?;
        write(&mainsheet)?;
        mainsheet.start()?;
        mainsheet.wait_ready().await?;
        let port = mainsheet.grpc_port;
        Self::join(tools, dir, mainsheet, port).await
    }

    /// Starts an istiod that reaches a server at a port, and waits until it is ready.
    pub(crate) async fn join(tools: &Tools, dir: TempDir, mainsheet: Mainsheet, port: u16) -> Result<Self> {
        let mut istiod = Istiod::start(tools, dir.path(), port).await?;
        let ready = istiod.wait_ready().await?;
        Ok(Self { mainsheet, istiod, ready, _dir: dir })
    }

    /// Waits until istiod holds exactly what is served: the same resources, at the same versions, with the same specs.
    pub(crate) async fn wait_same(&self) -> Result<Duration> {
        let same = wait_for("istiod to hold what is served", PATIENCE, async || {
            Ok((self.mainsheet.serves().await? == self.istiod.held().await?).then_some(()))
        })
        .await;
        match same {
            Ok(((), took)) => Ok(took),
            Err(error) => {
                self.expect_same().await?;
                Err(error)
            }
        }
    }

    /// Waits until istiod took everything that was sent, and says how many responses that were.
    pub(crate) async fn wait_taken(&self) -> Result<f64> {
        let port = self.mainsheet.http_port;
        let taken = wait_for("istiod to ACK everything", PATIENCE, async || {
            let sent = metric(port, "mainsheet_pushes_total").await?;
            Ok((metric(port, "mainsheet_acks_total").await? == sent).then_some(sent))
        });
        Ok(taken.await?.0)
    }

    /// Fails where istiod complained of what it was sent: it ACKs what it drops, and says so in its log only.
    pub(crate) fn expect_nothing_dropped(&self) -> Result<()> {
        let dropped = self.istiod.logged(&["warn", "adsc"]);
        ensure!(dropped == 0, "istiod dropped {dropped}: {}", self.istiod.process.output());
        Ok(())
    }

    /// Fails with the first difference between what is served and what istiod holds now.
    pub(crate) async fn expect_same(&self) -> Result<Configz> {
        let (served, held) = (self.mainsheet.serves().await?, self.istiod.held().await?);
        for (key, value) in &served {
            ensure!(
                held.contains_key(key),
                "istiod lacks {key:?}; it holds {} of {}",
                held.len(),
                served.len()
            );
            ensure!(held.get(key) == Some(value), "{key:?}: served {value:?}, held {:?}", held.get(key));
        }
        let more = held.keys().find(|key| !served.contains_key(key));
        ensure!(more.is_none(), "istiod holds {more:?}, which is not served");
        Ok(held)
    }
}

/// Copies the example mesh to where the server reads.
pub(crate) fn copy_examples(to: &Path) -> Result<()> {
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
